"""Advice: what lint found, with its mend as the page where it is done, not as a command for a terminal."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask import url_for

from issuer.admin.desk import Desk
from issuer.model.audience import Audience
from issuer.model.client import ClientId
from issuer.model.finding import Finding
from issuer.model.service import Service
from issuer.registry import clients
from issuer.registry.powers import Power


@dataclass(frozen=True, slots=True)
class Remedy:
    """How a finding is mended in the console.

    mend: one sentence. endpoint: of the page where that is done, "" for none. label: what the link to it
    says. power: what that page takes, None for none.
    """

    mend: str
    endpoint: str = ""
    label: str = ""
    power: Power | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """A finding as a page tells it.

    url: of where to mend it, "" for nowhere or not by this reader. more: how many of its code are left out.
    about: the client that it is about, on a page of something else.
    """

    finding: Finding
    mend: str
    url: str = ""
    label: str = ""
    more: int = 0
    about: str = ""


def advise_on_audience(desk: Desk, found: Iterable[Finding], audience: Audience) -> tuple[Advice, ...]:
    """Return what was found at an audience; a finding on one of its clients names it and leads there."""
    told = _shorten(found, lambda each: _advise(desk, each, audience.service, audience))
    return _name_clients(desk, told)


def advise_on_service(desk: Desk, found: Iterable[Finding], service: Service) -> tuple[Advice, ...]:
    """Return what was found at a service."""
    return _shorten(found, lambda each: _advise(desk, each, service, None))


def advise_on_client(desk: Desk, found: Iterable[Finding]) -> tuple[Advice, ...]:
    """Return what was found at a client."""
    return _shorten(found, lambda each: _advise(desk, each, None, None))


def advise_on_draft(found: Iterable[Finding]) -> tuple[Advice, ...]:
    """Return what was found at what is being typed; it is mended right there."""
    return _shorten(found, lambda each: Advice(each, _find_remedy(each).mend))


def _shorten(found: Iterable[Finding], advise: Callable[[Finding], Advice]) -> tuple[Advice, ...]:
    """Return the advice on findings in their order; of many with one code, on the first five."""
    alike: dict[str, list[Finding]] = {}
    for each in found:
        alike.setdefault(each.code, []).append(each)
    told: list[Advice] = []
    for group in alike.values():
        told += map(advise, group[:_MOST_ALIKE])
        told[-1] = replace(told[-1], more=max(0, len(group) - _MOST_ALIKE))
    return tuple(told)


def _name_clients(desk: Desk, told: Sequence[Advice]) -> tuple[Advice, ...]:
    ids = {each.finding.name for each in told if each.finding.noun == _CLIENT}
    names = clients.list_names(desk.registrar(), ids) if ids else {}
    return tuple(
        replace(each, about=f"{names[client_id]} ({client_id})")
        if each.finding.noun == _CLIENT and (client_id := ClientId(each.finding.name)) in names
        else each
        for each in told
    )


def _advise(desk: Desk, finding: Finding, service: Service | None, audience: Audience | None) -> Advice:
    remedy = _find_remedy(finding)
    place = _find_place(finding, remedy.endpoint, service, audience)
    owned_by = None if service is None or finding.noun == _CLIENT else service.name
    may_mend = remedy.power is None or desk.may(remedy.power, owned_by)
    if place is None or not may_mend:
        return Advice(finding, remedy.mend)
    url = url_for(remedy.endpoint, **place)  # type: ignore[arg-type] # mypy takes them for url_for's own
    return Advice(finding, remedy.mend, url, remedy.label)


def _find_remedy(finding: Finding) -> Remedy:
    return REMEDIES.get(finding.code) or Remedy(finding.mend)


def _find_place(
    finding: Finding, endpoint: str, service: Service | None, audience: Audience | None
) -> dict[str, str | int] | None:
    """Return the values of an address; None where there is none to mend it at."""
    if not endpoint:
        return None
    if endpoint in _LISTS:
        return {}
    if finding.noun == _CLIENT:
        return {"client_id": finding.name}
    if endpoint == _SERVICE and service is not None:
        return {"service_id": service.id}
    return None if audience is None else {"audience_id": audience.id}


# So many at most: a page is read to its end.
_MOST_ALIKE: Final = 5
_CLIENT: Final = "client"
_SERVICE: Final = "admin.edit_service"
_LISTS: Final = frozenset({"admin.list_audiences", "admin.list_clients"})
_SCOPES: Final = ("admin.show_scopes", "Show its scopes")
_ACCESS: Final = ("admin.show_client_access", "Show what it may ask for")
_RENAME: Final = ("admin.rename_audience", "Rename it", Power.AUDIENCES)
_POLICY: Final = ("admin.edit_token_policy", "Change the policy", Power.AUDIENCES)
_DEPRECATE: Final = ("admin.deprecate_audience", "Name a successor", Power.AUDIENCES)
_SECRET: Final = ("admin.show_credentials", "Make a secret", Power.CLIENT_SECRETS)

REMEDIES: Final[Mapping[str, Remedy]] = {
    "not-registrable": Remedy("Choose another."),
    "no-owner": Remedy("Name its team.", _SERVICE, "Name the owner", Power.SERVICES),
    "no-scopes": Remedy("Name what can be done.", "admin.add_scope", "Add a scope", Power.AUDIENCES),
    "wildcard-scope": Remedy("Name each thing by itself.", *_SCOPES),
    "many-scopes": Remedy("Put together what is permitted together.", *_SCOPES),
    "ambiguous-scope": Remedy("Give it a name of its own, then take the old one away.", *_SCOPES),
    "no-client": Remedy("Permit one.", "admin.pick_caller", "Permit a client", Power.PERMISSIONS),
    "unused-30-days": Remedy(
        "Close it, and open it again if somebody asks.",
        "admin.show_audience_danger",
        "Disable it",
        Power.AUDIENCES,
    ),
    "lifetime-over-an-hour": Remedy("Let clients ask again instead.", *_POLICY),
    "lifetime-over-a-day": Remedy("Let clients ask again instead.", *_POLICY),
    "typ-jwt": Remedy("Once its verifiers take at+jwt, change it.", *_POLICY),
    "no-successor": Remedy("Name where they are to go.", *_DEPRECATE),
    "alias-past-date": Remedy("Remove it once nobody asks for it.", "admin.show_aliases", "Show aliases"),
    "http-off-loopback": Remedy("Serve it by https, and name it so.", *_RENAME),
    "query-part": Remedy("Name it without.", *_RENAME),
    "tenant-part": Remedy(
        "Take one audience for all tenants and name the tenant of each client, for the claim tenant_id.",
        "admin.list_clients",
        "Choose a client",
        Power.CLIENTS,
    ),
    "generic-name": Remedy("Name the service, as in https://orders.example.com.", *_RENAME),
    "punycode-host": Remedy("Take a name in plain letters.", *_RENAME),
    "unusual-spelling": Remedy("Set every verifier to exactly what stands here."),
    "plain-name": Remedy(
        "Let clients send audience=…, or add a URI beside it.",
        "admin.add_alias",
        "Add an alias",
        Power.AUDIENCES,
    ),
    "named-like-client": Remedy("Name the service that verifies.", *_RENAME),
    "twin-spelling": Remedy("Keep one, and move who asks for the other.", *_DEPRECATE),
    "near-twin": Remedy("Keep one, and move who asks for the other.", *_DEPRECATE),
    "prefix-of-another": Remedy(
        "Compare aud whole in the service and see that it refuses such a token, or take another name.",
        *_RENAME,
    ),
    "trust-group-of-several-owners": Remedy(
        "Take out what does not belong there.", _SERVICE, "Change the trust group", Power.SERVICES
    ),
    "verifies-access": Remedy("Give the service an audience of its own, then take this one back.", *_ACCESS),
    "many-audiences": Remedy("Divide it, and take back what it does not need.", *_ACCESS),
    "no-permission": Remedy(
        "Permit it one, or disable it.", "admin.pick_audience", "Permit an audience", Power.PERMISSIONS
    ),
    "expired-default": Remedy("Choose another.", *_ACCESS),
    "permission-unused-90-days": Remedy("Take it back.", *_ACCESS),
    "no-secret": Remedy("Give it one, or disable it.", *_SECRET),
    "old-secret": Remedy("Give it another; once that is in use, revoke this one.", *_SECRET),
    "secret-without-expiry": Remedy("Give it another; once that is in use, revoke this one.", *_SECRET),
    "secret-expires-soon": Remedy("Give it the next one.", *_SECRET),
}
