"""Inspector: what a pasted token is, who would accept it, and why the others would not.

The text comes in the body of a POST, is looked at and forgotten: no log, no table, no address holds it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import render_template, request, url_for
from wtforms import IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from issuer.admin import token_notes
from issuer.admin.desk import Desk
from issuer.admin.token_notes import Background, Members, Note
from issuer.admin.view import View
from issuer.errors import NotFound
from issuer.integrations.libraries import CHECKED
from issuer.issuing.verdict import libraries
from issuer.issuing.verdict.libraries import Conclusion
from issuer.issuing.verdict.survey import Reach, Survey
from issuer.model.client import Client
from issuer.model.verdict import Check, CheckName, Outcome, TokenKind
from issuer.pages.forms import PageForm
from issuer.pages.gate import SIGNED_IN
from issuer.registry import clients
from issuer.registry.listings import keys
from issuer.registry.registrar import Registrar

ROWS: Final = 25

_FURTHEST = 1_000_000
# What is no token is a secret: it does not come back in a page.
_NOT_ECHOED = frozenset({TokenKind.CLIENT_SECRET, TokenKind.PRIVATE_KEY, TokenKind.OPAQUE})
_GOOD_KINDS = frozenset({TokenKind.ACCESS_TOKEN})


class InspectorForm(PageForm):
    """A text to be looked at. q: which of the other services are listed. after: how many lie before them."""

    token = TextAreaField("Token", [InputRequired("Paste a token.")])
    q = StringField("Find a service", [Length(max=255, message="At most 255 characters.")])
    after = IntegerField("After", [Optional(), NumberRange(0, _FURTHEST)], default=0)


@dataclass(frozen=True, slots=True)
class Inspected:
    """What the page shows of a text.

    advice: how to paste it better, "" if it was pasted well. links: by the name of a member, label and
    address of each page that it speaks of. conclusions: empty where none can be drawn.
    """

    survey: Survey
    advice: str
    header: list[Note]
    claims: list[Note]
    links: Mapping[str, Sequence[tuple[str, str]]]
    conclusions: tuple[Conclusion, ...]

    @property
    def is_token(self) -> bool:
        """Whether there are claims to judge."""
        return self.survey.explanation.claims is not None

    @property
    def tone(self) -> str:
        """How the kind is coloured: green is a token that opens something."""
        is_good = self.survey.explanation.kind in _GOOD_KINDS and self.survey.accepted
        return "ok" if is_good else "warn"

    @property
    def untold(self) -> int:
        """How many libraries let it pass at a wrong service unless they are told the audience."""
        return sum(conclusion.untold for conclusion in self.conclusions)


class InspectorPages:
    """The page of the inspector."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> tuple[str, int]:
        """Answer with the empty form, or with what was pasted into it."""
        if request.method != "POST":
            return self._render(InspectorForm(formdata=None), None), 200
        form = InspectorForm()
        if not form.validate():
            return self._render(form, None), 422
        reach = Reach((form.q.data or "").strip(), form.after.data or 0, ROWS)
        found = self._desk.survey(form.token.data or "", reach)
        if found.explanation.kind in _NOT_ECHOED:
            form.token.data = ""
        return self._render(form, self._describe(found)), 200

    def _render(self, form: InspectorForm, inspected: Inspected | None) -> str:
        return render_template(
            "admin/inspector.html",
            form=form,
            inspected=inspected,
            rows=ROWS,
            outcome_tones={"passed": "ok", "failed": "bad", "unknown": "warn"},
            checked=CHECKED,
        )

    def _describe(self, found: Survey) -> Inspected:
        explanation = found.explanation
        header, claims = explanation.header or {}, explanation.claims or {}
        registrar = self._desk.registrar()
        background = Background(
            issuer_url=self._desk.settings.url,
            now=self._desk.clock.now(),
            keys=tuple(row for line in keys.list_lines(registrar) for row in line.rows),
            bearers=found.bearers,
            client=_find_client(registrar, claims.get("client_id")),
        )
        checks = _list_checks(found)
        return Inspected(
            survey=found,
            advice=_find_advice(checks),
            header=token_notes.note_header(header, background),
            claims=token_notes.note_claims(claims, background),
            links=_list_links(header, background),
            conclusions=libraries.conclude(checks, header.get("typ")) if _is_concludable(checks) else (),
        )


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the views of the inspector."""
    pages = InspectorPages(desk)
    yield View("/inspector", "inspector", SIGNED_IN, pages.show, ("GET", "POST"))


def _find_client(registrar: Registrar, client_id: object) -> Client | None:
    if not isinstance(client_id, str):
        return None
    try:
        return clients.find_client(registrar, client_id)
    except NotFound:
        return None


def _list_links(header: Members, background: Background) -> dict[str, list[tuple[str, str]]]:
    """Return label and address of what a token names, by the member that names it."""
    client = background.client
    links = {
        "aud": [
            (one.identifier, url_for("admin.show_audience", audience_id=one.id)) for one in background.bearers
        ],
        "client_id": []
        if client is None
        else [(client.name, url_for("admin.show_client", client_id=client.client_id))],
    }
    links["kid"] = [
        ("The key", url_for("admin.key", kid=row.key.kid))
        for row in background.keys
        if row.key.kid == header.get("kid")
    ]
    return links


def _list_checks(found: Survey) -> tuple[Check, ...]:
    """Return the checks of any one service: those of the token itself are the same for all."""
    verdicts = (*found.named, *found.near, *found.others)
    return next((one.checks for one in verdicts if not one.expectation.is_for_refresh), ())


def _find_advice(checks: tuple[Check, ...]) -> str:
    return next(
        (one.advice for one in checks if one.name is CheckName.PARSE and one.outcome is Outcome.FAILED), ""
    )


def _is_concludable(checks: tuple[Check, ...]) -> bool:
    """Return whether the habits of libraries say anything: a good signature, and a time that has begun."""
    passed = {check.name for check in checks if check.outcome is Outcome.PASSED}
    return {CheckName.KID, CheckName.SIGNATURE, CheckName.ALG, CheckName.IAT} <= passed
