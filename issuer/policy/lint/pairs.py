"""Rules on identifiers side by side: what one is taken for another by people, clients and verifiers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from issuer import addresses
from issuer.errors import InvalidValue
from issuer.model.audience import Audience, AudienceId
from issuer.model.finding import Finding, Severity
from issuer.policy import edit_distance, identifiers, resemblance
from issuer.policy.lint.registered import Registered
from issuer.policy.lint.wording import command, name_some
from issuer.policy.resemblance import Difference

# Longer words have too many neighbours to be looked for, and are rarely typed.
_LONGEST_WORD: Final = 32
_HARMFUL: Final = frozenset({Difference.SLASH, Difference.CASE, Difference.ENCODING, Difference.SCHEME})
_MARKS: Final = "-._"


@dataclass(frozen=True, slots=True)
class _Named:
    """An audience under one of its spellings."""

    text: str
    audience: Audience


def find_twins(registered: Registered) -> Iterator[Finding]:
    """Yield audiences that differ from an earlier one in spelling alone, or in a port or a `www.`."""
    groups: dict[str, list[_Named]] = {}
    for named in _list_spellings(registered):
        groups.setdefault(fold(named.text), []).append(named)
    for group in groups.values():
        told: set[AudienceId] = {group[0].audience.id}
        for named in group[1:]:
            if named.audience.id not in told and not _is_replaced(group[0], named):
                told.add(named.audience.id)
                yield _twin(group[0], named)


def find_slips(registered: Registered) -> Iterator[Finding]:
    """Yield audiences that differ from another in a character or two of a short path, host or name."""
    places: dict[tuple[str, ...], dict[str, _Named]] = {}
    for named in _list_spellings(registered):
        for place, word in list_words(named.text):
            if len(word) <= _LONGEST_WORD:
                places.setdefault(place, {}).setdefault(word, named)
    for words in places.values():
        for one, other, _ in edit_distance.list_near_pairs(words):
            first, second = sorted((words[one], words[other]), key=lambda named: named.audience.id)
            if _are_two(first, second) and resemblance.is_slip(one, other):
                yield _slip(first, second)


def find_prefixes(registered: Registered) -> Iterator[Finding]:
    """Yield audiences with whose identifier that of another begins."""
    # Sorted, all that begin with a text stand right after it.
    bare = sorted(
        ((audience.canonical.rstrip("/"), audience) for audience in registered.list_issuing()),
        key=lambda pair: pair[0],
    )
    for place, (text, audience) in enumerate(bare):
        longer: list[Audience] = []
        for other_text, other in bare[place + 1 :]:
            if not other_text.startswith(text):
                break
            if _goes_on(text, other_text):
                longer.append(other)
        if longer:
            yield _prefix(audience, longer)


def fold(text: str) -> str:
    """Return what twins share: what they are but for spelling, a `www.` and, on other machines, the port."""
    # On one machine, ports tell services apart, and everybody knows.
    uri = _find_uri(text)
    if uri is not None and addresses.is_loopback(uri.host.lower().strip("[]")):
        return f"{uri.port} {resemblance.fold(text)}"
    return resemblance.fold(text)


def list_words(text: str) -> Iterable[tuple[tuple[str, ...], str]]:
    """Return the words in which a slip is looked for, each with all else that must be the same."""
    uri = _find_uri(text)
    if uri is None:
        return [(("name",), text.lower())]
    if not uri.has_authority:
        return [(("uri", uri.scheme.lower()), uri.path.lower())]
    host, path = uri.host.lower(), uri.path.lower().strip("/")
    return [(("path", host, uri.port, uri.query), path), (("host", path, uri.port, uri.query), host)]


def _twin(first: _Named, second: _Named) -> Finding:
    differences = resemblance.find_differences(first.text, second.text)
    words = resemblance.join_words(differences) or "the spelling"
    texts = f"{second.text} and {first.text} of {first.audience.service.name}"
    is_harmful = bool(differences) and _HARMFUL.issuperset(differences)
    return Finding(
        "twin-spelling",
        Severity.ERROR if is_harmful else Severity.WARNING,
        "audience",
        second.audience.identifier,
        f"{texts} are two audiences that only {words} tells apart: tokens will be asked for, and verified, "
        "for the wrong one.",
        _keep_one(first, second),
        _concerned(first, second),
    )


def _slip(first: _Named, second: _Named) -> Finding:
    return Finding(
        "near-twin",
        Severity.WARNING,
        "audience",
        second.audience.identifier,
        f"{second.text} and {first.text} differ in a character or two: one may be a slip of the pen.",
        _keep_one(first, second),
        _concerned(first, second),
    )


def _prefix(audience: Audience, longer: list[Audience]) -> Finding:
    is_of_one = all(other.service.id == audience.service.id for other in longer)
    return Finding(
        "prefix-of-another",
        Severity.INFO if is_of_one else Severity.WARNING,
        "audience",
        audience.identifier,
        f"{name_some([other.identifier for other in longer])} begin so: a verifier that compares beginnings "
        "takes their tokens, too.",
        "Compare aud whole in the service and see that it refuses such a token; or take another name: "
        f"{command('audience', 'rename', audience.identifier, 'NEW', '--until', 'DATE')}.",
        frozenset({audience.identifier, *(other.identifier for other in longer)}),
    )


def _list_spellings(registered: Registered) -> Iterator[_Named]:
    """Yield all that may be asked for, in order of registration; an audience's identifier first."""
    for audience in registered.list_issuing():
        yield _Named(audience.identifier, audience)
        for alias in audience.aliases:
            yield _Named(alias.identifier, audience)


def _are_two(first: _Named, second: _Named) -> bool:
    return first.audience.id != second.audience.id and not _is_replaced(first, second)


def _is_replaced(first: _Named, second: _Named) -> bool:
    """Return whether one is on its way out in favour of the other: then somebody has seen to it."""
    one, other = first.audience, second.audience
    return one.successor == other.identifier or other.successor == one.identifier


def _goes_on(text: str, longer: str) -> bool:
    """Return whether a text that begins with another goes on in a way that a verifier may take for it."""
    rest = longer[len(text) :]
    return bool(rest.strip("/")) and (":" in text or rest[0] in _MARKS)


def _keep_one(first: _Named, second: _Named) -> str:
    keep, leave = first.audience.identifier, second.audience.identifier
    line = command("audience", "deprecate", leave, "--successor", keep)
    return f"Keep one and move who asks for the other: {line}."


def _concerned(first: _Named, second: _Named) -> frozenset[str]:
    return frozenset({first.audience.identifier, second.audience.identifier})


def _find_uri(text: str) -> identifiers.Uri | None:
    try:
        return identifiers.parse_uri(text)
    except InvalidValue:
        return None
