"""Survey: of very many services, which a token concerns, before any is asked for its verdict.

A verdict takes a whole audience and a dozen checks; a registry of ten thousand would take seconds for
each token that somebody pastes. The spellings alone tell whom it names and whom it nearly names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from issuer.model.audience import Audience, AudienceId
from issuer.model.verdict import Explanation, Verdict
from issuer.policy import edit_distance, resemblance
from issuer.store.addressees import Addressee

# Each is compared with every spelling; more than a few stand in no token of ours.
_MOST_COMPARED: Final = 5
_MOST_NAMED: Final = 50
_MOST_NEAR: Final = 20


@dataclass(frozen=True, slots=True)
class Reach:
    """What of a survey is asked for. search: part of a spelling or of a service's name, in any case.

    offset, size: which of the services that the token does not concern.
    """

    search: str = ""
    offset: int = 0
    size: int = 25


@dataclass(frozen=True, slots=True)
class Surveyed:
    """Which audiences a token concerns.

    named: by `aud`, that of refresh tokens too; near: nearly; a search leaves out neither.
    others: a part of the rest, by spelling; total: how many the rest are. bearers: those that bear a name
    in `aud`, whatever their states; of very many names only the first are looked at.
    """

    named: tuple[AudienceId, ...]
    near: tuple[AudienceId, ...]
    others: tuple[AudienceId, ...]
    total: int
    bearers: frozenset[AudienceId]

    @property
    def audience_ids(self) -> tuple[AudienceId, ...]:
        """All whose verdicts are to be shown, in order."""
        return (*self.named, *self.near, *self.others)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a text is, and the verdicts of the services that it concerns, as in Surveyed.

    bearers: the audiences that bear a name in its `aud`, whatever their states.
    """

    explanation: Explanation
    named: tuple[Verdict, ...]
    near: tuple[Verdict, ...]
    others: tuple[Verdict, ...]
    total: int
    bearers: tuple[Audience, ...]

    @property
    def accepted(self) -> int:
        """How many services would accept the token; none can that its `aud` does not name."""
        return sum(verdict.is_accepted for verdict in self.named)


def choose(names: Sequence[str], addressees: Iterable[Addressee], reach: Reach) -> Surveyed:
    """Return which audiences a token concerns. names: those in its `aud`, any number of any texts."""
    every = tuple(addressees)
    wanted = frozenset(names[:_MOST_NAMED])
    bearers = frozenset(one.audience_id for one in every if one.spelling in wanted)
    expected = [one for one in every if one.is_expected and one.is_primary]
    concerned = [*expected, *(one for one in every if one.is_for_refresh)]
    named = tuple(one.audience_id for one in concerned if one.audience_id in bearers)
    rest = [one for one in expected if one.audience_id not in bearers]
    near = _list_near(names[:_MOST_COMPARED], rest)
    others = sorted(_list_sought(rest, frozenset(near), reach.search), key=lambda one: one.spelling)
    shown = others[reach.offset : reach.offset + reach.size]
    return Surveyed(named, near, tuple(one.audience_id for one in shown), len(others), bearers)


def divide(explanation: Explanation, found: Surveyed, bearers: tuple[Audience, ...]) -> Survey:
    """Return the verdicts on what was chosen, put apart again; among those named, the accepted ones first."""
    verdicts = iter(explanation.verdicts)
    named = tuple(next(verdicts) for _ in found.named)
    near = tuple(next(verdicts) for _ in found.near)
    in_order = tuple(sorted(named, key=lambda verdict: not verdict.is_accepted))
    return Survey(explanation, in_order, near, tuple(verdicts), found.total, bearers)


def _list_sought(rest: list[Addressee], near: frozenset[AudienceId], search: str) -> list[Addressee]:
    sought = search.lower()
    return [
        one
        for one in rest
        if one.audience_id not in near and (sought in one.spelling.lower() or sought in one.service.lower())
    ]


def _list_near(names: Sequence[str], rest: list[Addressee]) -> tuple[AudienceId, ...]:
    found: dict[AudienceId, tuple[bool, int]] = {}
    for name in names:
        may_resemble = resemblance.make_sieve(name)
        for one in rest:
            if not may_resemble(one.spelling):
                continue
            differences = resemblance.find_differences(name, one.spelling)
            if differences:
                # Spelled another way first, then a slip of the pen, then another path of the same host.
                is_other = not resemblance.SPELLING_DIFFERENCES.issuperset(differences)
                rank = (is_other, edit_distance.count_slips(name, one.spelling))
                found[one.audience_id] = min(rank, found.get(one.audience_id, rank))
    return tuple(sorted(found, key=lambda audience_id: found[audience_id])[:_MOST_NEAR])
