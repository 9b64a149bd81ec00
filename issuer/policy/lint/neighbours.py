"""Neighbours: which of many spellings the rules on pairs look at together with those of one audience.

One audience is compared with all others, and not each with each. What is left over is given to the rules
themselves, so that one place alone says what a finding is: more may be left than they find, never less.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from issuer.policy import edit_distance, identifiers, resemblance
from issuer.policy.lint import pairs

Key = TypeVar("Key")

_DIGITS: Final = str.maketrans("", "", "0123456789")
_WWW: Final = "www."
# What may stand behind the host of an address that has no path.
_PORT: Final = "/:0123456789"
# Each slip takes one kind of letter for another at most; besides, one of two hosts may end in a slash.
_MOST_UNLIKE: Final = 2 * edit_distance.FARTHEST + 1


def choose_near(texts: Sequence[str], others: Iterable[tuple[Key, str]]) -> set[Key]:
    """Return the keys of the spellings that are twins of some texts or differ from one by a slip.

    texts: all spellings of one audience. others: every spelling there is, with the key of its audience.
    """
    wanted = [_Wanted.of(text) for text in texts]
    return {key for key, text in others if any(one.is_near(text) for one in wanted)}


def choose_beginning(text: str, others: Iterable[tuple[Key, str]]) -> set[Key]:
    """Return the keys of the canonical forms that begin with a text, or with one that it begins with.

    Those with which it begins are among them. others: of all audiences, each with its key.
    """
    bare = text.rstrip("/")
    listed = [(key, other.rstrip("/")) for key, other in others]
    beginnings = [other for _, other in listed if other and bare.startswith(other)]
    shortest = min([bare, *beginnings], key=len)
    return {key for key, other in listed if other.startswith(shortest)}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is looked for beside one spelling; most others are told from it without being read.

    host: without `www.`; of no address, all of it. end: with what twins end, but for filler. has_tail:
    whether what slips in the host ends so, too. bare: what a slip is looked for in, with some beside it;
    letters: that without digits; kinds: those there are.
    """

    fold: str
    words: tuple[tuple[tuple[str, ...], str], ...]
    is_address: bool
    host: str
    end: str
    filler: str
    has_tail: bool
    bare: str
    letters: str
    kinds: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "_Wanted":
        """Return what is looked for beside a spelling."""
        lower = text.lower()
        words = tuple(pairs.list_words(text))
        # Of an address, slips are looked for in host and path.
        is_address = len(words) > 1
        host, tail = _split(lower) if is_address else (lower.rstrip("/"), "")
        end, filler = (tail, "/") if tail else (host.rstrip(_PORT), _PORT)
        bare = _find_bare(lower, is_address)
        letters = bare.translate(_DIGITS)
        return cls(
            fold=pairs.fold(text),
            words=words,
            is_address=is_address,
            host=host,
            # What is percent-encoded ends otherwise than what it stands for.
            end="" if "%" in lower else end,
            filler=filler,
            has_tail=bool(tail),
            bare=bare,
            letters=letters,
            kinds=frozenset(letters),
        )

    def is_near(self, text: str) -> bool:
        """Return whether a text is the same in another spelling, or differs by a slip of the pen."""
        lower = text.lower()
        ends_alike = lower.rstrip(self.filler).endswith(self.end)
        if "%" in lower or (ends_alike and self.host in lower):
            return pairs.fold(text) == self.fold or self._is_slip(text, lower)
        # A slip is in the host or behind it, and the other one is the same.
        return (self.host in lower or ends_alike or not self.has_tail) and self._is_slip(text, lower)

    def _is_slip(self, text: str, lower: str) -> bool:
        return self._may_be_slip(_find_bare(lower, self.is_address)) and any(
            place == other_place and resemblance.is_slip(word, other_word)
            for other_place, other_word in pairs.list_words(text)
            for place, word in self.words
        )

    def _may_be_slip(self, bare: str) -> bool:
        letters = bare.translate(_DIGITS)
        # What differs in digits alone was meant so.
        if letters == self.letters or len(self.kinds ^ frozenset(letters)) > _MOST_UNLIKE:
            return False
        # Slashes at the ends of a path are none of its words.
        one, other = self.bare.replace("/", ""), bare.replace("/", "")
        return edit_distance.count_slips(one, other) <= edit_distance.FARTHEST


def _split(address: str) -> tuple[str, str]:
    """Return the host of an address without `www.`, and with what it ends behind the host."""
    uri = identifiers.parse_uri(address)
    return uri.host.removeprefix(_WWW), uri.query.rstrip("/") or uri.path.strip("/")


def _find_bare(lower: str, is_address: bool) -> str:
    if not is_address:
        return lower.partition("?")[0]
    path, mark, query = lower.partition("://")[2].partition("?")
    return path.rstrip("/") + mark + query
