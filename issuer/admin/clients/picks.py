"""Picks: the audiences and scopes that are ticked in a form, and those that may be ticked.

The form is sent as a whole to search, too, so whatever was ticked and typed comes back with the findings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import request

from issuer.errors import BadLink, InvalidValue
from issuer.model.audience import Audience, AudienceState
from issuer.model.listing import ListQuery
from issuer.policy.identifiers import check_identifier
from issuer.policy.lifetimes import Lifetimes
from issuer.registry.listings import audiences, client_overview
from issuer.registry.registrar import Registrar
from issuer.registry.registration import WantedAudience

MOST_PICKED: Final = 50
MOST_FOUND: Final = 8

_LONGEST_SEARCH = 255
_MOST_SCOPES = 2000


@dataclass(frozen=True, slots=True)
class Picks:
    """What is ticked. identifiers: of audiences, in order, none twice. scopes: "identifier scope" each.

    default: identifier of the audience for requests that name none, "" for none.
    """

    identifiers: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    default: str = ""
    search: str = ""

    def wanted(self) -> tuple[WantedAudience, ...]:
        """Return what is to be permitted."""
        return tuple(WantedAudience(each, self.scopes_of(each)) for each in self.identifiers)

    def scopes_of(self, identifier: str) -> frozenset[str]:
        """Return the ticked scopes of an audience."""
        pairs = (pair.partition(" ") for pair in self.scopes)
        return frozenset(scope for audience, _, scope in pairs if audience == identifier)


@dataclass(frozen=True, slots=True)
class Choice:
    """The audiences that a form shows. picked: those that are ticked; found: others, of a search.

    is_more: whether the search finds more than are shown.
    """

    picked: tuple[Audience, ...]
    found: tuple[Audience, ...]
    is_more: bool


def read() -> Picks:
    """Return what is ticked in the form that was sent; who ticks a scope means its audience, too."""
    scopes = request.form.getlist("scope")
    named = [*request.form.getlist("audience"), *(pair.partition(" ")[0] for pair in scopes)]
    search = request.form.get("q", "").strip()
    identifiers = tuple(dict.fromkeys(named))
    default = request.form.get("default", "")
    if not all(_is_identifier(each) for each in (*identifiers, *([default] if default else []))):
        raise BadLink("what is ticked cannot be an audience")
    if len(identifiers) > MOST_PICKED or len(scopes) > _MOST_SCOPES:
        raise BadLink(f"more than {MOST_PICKED} audiences at once")
    if len(search) > _LONGEST_SEARCH or not search.isprintable():
        raise BadLink("the search is too long or holds control characters")
    return Picks(identifiers, frozenset(scopes), default, search)


def find_choice(registrar: Registrar, picks: Picks, bounds: Lifetimes) -> Choice:
    """Return the audiences to show: those ticked, and the first ones that the search finds beside them."""
    picked = client_overview.list_named(registrar, picks.identifiers)
    query = ListQuery(
        search=picks.search,
        filters={"state": AudienceState.ACTIVE.value, "reserved": "no"},
        size=MOST_FOUND + min(len(picked), MOST_PICKED) + 1,
    )
    page = audiences.list_audiences(registrar, query, bounds)
    others = _leave_out([row.audience for row in page.rows], picked)
    return Choice(picked, others[:MOST_FOUND], len(others) > MOST_FOUND)


def _is_identifier(text: str) -> bool:
    try:
        check_identifier(text)
    except InvalidValue:
        return False
    return True


def _leave_out(found: Sequence[Audience], picked: Sequence[Audience]) -> tuple[Audience, ...]:
    taken = {audience.id for audience in picked}
    return tuple(audience for audience in found if audience.id not in taken)
