"""Preview: what a client would get for a request, and by whose word; or why it would be refused.

All that is asked stands in the address, so that it can be sent to somebody; no secret ever does.
"""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import render_template, request, url_for

from issuer.admin.desk import Desk
from issuer.admin.view import View
from issuer.errors import BadLink
from issuer.issuing.mends import Mend, Place
from issuer.issuing.trace import Trace
from issuer.model.audience import JsonValue
from issuer.model.client import AuthMethod, GrantType
from issuer.model.listing import LARGEST_PAGE, ListQuery
from issuer.model.permission import SubjectKind
from issuer.model.token_plan import TargetRequest
from issuer.pages.gate import SIGNED_IN
from issuer.policy import identifiers
from issuer.registry.listings import clients
from issuer.registry.powers import Power

GRANT_TYPES: Final = (GrantType.CLIENT_CREDENTIALS.value,)
SUBJECTS: Final = (SubjectKind.CLIENT.value,)

# Where something is changed: the page, what the link to it says, and what the page takes.
_PLACES: Final[Mapping[Place, tuple[str, str, Power | None]]] = {
    Place.CLIENTS: ("admin.list_clients", "All clients", None),
    Place.CLIENT: ("admin.edit_client", "Edit the client", Power.CLIENTS),
    Place.DANGER: ("admin.show_client_danger", "Enable it", Power.CLIENTS),
    Place.ACCESS: ("admin.show_client_access", "What it may ask for", None),
    Place.PERMIT: ("admin.pick_audience", "Permit an audience", Power.PERMISSIONS),
}
_KNOWN = frozenset({"client_id", "resource", "audience", "scope", "grant_type", "subject"})
_REPEATABLE = frozenset({"resource", "audience"})
_LONGEST = 2000
_MOST_TARGETS = 20
_MOST_OFFERED = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for. Nothing empty stands in it, as at the token endpoint (RFC 6749 §3.2)."""

    client_id: str
    targets: TargetRequest


@dataclass(frozen=True, slots=True)
class Part:
    """One member of header or claims. value: as JSON has it. origin: whose word it is, "" if not known."""

    name: str
    value: str
    origin: str


class PreviewPages:
    """The page of the preview."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> str:
        """Answer with the form, and with what would come of it if it names a client."""
        asked = read_asked()
        trace = self._desk.trace(asked.client_id, asked.targets) if asked.client_id else None
        return render_template(
            "admin/preview.html",
            asked=asked,
            trace=trace,
            parts=_list_parts(trace),
            mends=[self._place(mend, asked.client_id) for mend in trace.mends] if trace else (),
            answer=_write_answer(trace),
            curl=self._write_curl(asked, trace) if trace else "",
            suggested=self._list_clients(),
            permitted=_list_permitted(trace),
            grant_types=GRANT_TYPES,
            subjects=SUBJECTS,
        )

    def _place(self, mend: Mend, client_id: str) -> tuple[str, str, str]:
        """Return what to change in words, and address and label of where: "" for no page of the reader's."""
        endpoint, label, power = _PLACES.get(mend.place, ("", "", None))
        if not endpoint or (power is not None and not self._desk.may(power)):
            return mend.sentence, "", ""
        whose = None if mend.place is Place.CLIENTS else client_id
        return mend.sentence, url_for(endpoint, client_id=whose, q=mend.search or None), label

    def _list_clients(self) -> list[tuple[str, str]]:
        found = clients.list_clients(self._desk.registrar(), ListQuery(size=LARGEST_PAGE))
        return [(row.client.client_id, row.client.name) for row in found.rows]

    def _write_curl(self, asked: Asked, trace: Trace) -> str:
        """Return the request as a command for a shell that has the secret in CLIENT_SECRET."""
        client_id = shlex.quote(asked.client_id)
        form = ["-d grant_type=client_credentials"]
        method = trace.record.client.auth_method if trace.record else AuthMethod.CLIENT_SECRET_BASIC
        if method is AuthMethod.CLIENT_SECRET_POST:
            who = f'--data-urlencode client_id={client_id} --data-urlencode client_secret="$CLIENT_SECRET"'
        else:
            who = f'-u {client_id}:"$CLIENT_SECRET"'
        targets = asked.targets
        named = (("resource", targets.resources), ("audience", targets.audiences))
        form += [
            f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, values in named for value in values
        ]
        if targets.scope:
            form.append(f"--data-urlencode {shlex.quote(f'scope={targets.scope}')}")
        url = shlex.quote(self._desk.token_url)
        return " ".join(["curl -sS", url, who, *form])


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the views of the preview."""
    pages = PreviewPages(desk)
    yield View("/preview", "preview", SIGNED_IN, pages.show)


def read_asked() -> Asked:
    """Return what the address asks for; raises BadLink for what no page of ours puts there."""
    for name, values in request.args.lists():
        if name not in _KNOWN or (len(values) > 1 and name not in _REPEATABLE):
            raise BadLink("a parameter is unknown or repeated")
        if len(values) > _MOST_TARGETS or not all(_is_plain(value) for value in values):
            raise BadLink("a value is too long or holds control characters")
    _check_choice("grant_type", GRANT_TYPES)
    _check_choice("subject", SUBJECTS)
    return Asked(
        request.args.get("client_id", "").strip(),
        TargetRequest(
            tuple(filter(None, request.args.getlist("resource"))),
            tuple(filter(None, request.args.getlist("audience"))),
            request.args.get("scope") or None,
        ),
    )


def _is_plain(value: str) -> bool:
    return len(value) <= _LONGEST and value.isprintable()


def _check_choice(name: str, choices: tuple[str, ...]) -> None:
    if request.args.get(name, choices[0]) not in choices:
        raise BadLink(f"no such {name}")


def _list_permitted(trace: Trace | None) -> Mapping[str, Sequence[str]]:
    """Return what to offer for resource and for audience: the first audiences that the client may have."""
    if trace is None or trace.record is None:
        return {}
    names = [permission.audience.identifier for permission in trace.record.permissions[:_MOST_OFFERED]]
    return {"resource": list(filter(identifiers.is_absolute_uri, names)), "audience": names}


def _list_parts(trace: Trace | None) -> dict[str, list[Part]]:
    if trace is None or trace.unsigned is None:
        return {}
    members: tuple[tuple[str, Mapping[str, JsonValue]], ...] = (
        ("Header", {**trace.unsigned.header}),
        ("Claims", trace.unsigned.claims),
    )
    return {
        title: [Part(name, _show(value), trace.origins.get(name, "")) for name, value in part.items()]
        for title, part in members
    }


def _write_answer(trace: Trace | None) -> str:
    """Return the body of the token endpoint's answer, laid out for people."""
    if trace is None:
        return ""
    body: Mapping[str, JsonValue] = trace.response
    if trace.refusal is not None:
        body = {"error": trace.refusal.code, "error_description": trace.refusal.sentence}
    return json.dumps(body, indent=2, ensure_ascii=False)


def _show(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)
