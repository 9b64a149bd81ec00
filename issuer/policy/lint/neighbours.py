"""Neighbours: which of many spellings the rules on pairs look at together with those of one audience.

One audience is compared with all others, and not each with each. What is left over is given to the rules
themselves, so that one place alone says what a finding is: more may be left than they find, never less.
"""

import re
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
# Up to the last mark behind which enough is left to be cut in three.
_START: Final = re.compile(r".*[/._:-](?=.{6})", re.DOTALL)


def choose_near(texts: Iterable[str], others: Sequence[tuple[Key, str]]) -> set[Key]:
    """Return the keys of the spellings that are twins of some texts or differ from one by a slip.

    texts: all spellings of one audience. others: every spelling there is, with the key of its audience.
    """
    return {
        key
        for is_near in [_Wanted.of(text).is_near for text in texts]
        for key, text in others
        if is_near(text)
    }


def choose_beginning(text: str, others: Iterable[tuple[Key, str]]) -> set[Key]:
    """Return the keys of the canonical forms that begin with a text, or with one that it begins with.

    Those with which it begins are among them. others: of all audiences, each with its key.
    """
    bare = text.rstrip("/")
    listed = [(key, other.rstrip("/")) for key, other in others]
    shortest = min([bare, *(other for _, other in listed if other and bare.startswith(other))], key=len)
    return {key for key, other in listed if other.startswith(shortest)}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is looked for beside one spelling; most others are told from it without being read.

    fold: what twins share. words: those a slip is looked for in, with their places. is_address: it has a
    host; else host is all of it. end: with what twins end, but for filler. has_tail: what slips in the host
    ends so, too. bare: that in which words lie, and nothing that may differ beside them; letters: of that,
    without digits; start: with what many of its kind begin. pieces: of bare, and of what is behind start.
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
    start: str
    pieces: tuple[re.Pattern[str], re.Pattern[str]]

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
        found = _START.match(bare)
        start = "" if found is None else found[0]
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
            letters=bare.translate(_DIGITS),
            start=start,
            pieces=(_cut(bare), _cut(bare.removeprefix(start))),
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
            # Of equal words the rules name the first, so all of them are looked at.
            place == other_place and (word == other_word or resemblance.is_slip(word, other_word))
            for other_place, other_word in pairs.list_words(text)
            for place, word in self.words
        )

    def _may_be_slip(self, bare: str) -> bool:
        if bare == self.bare:
            return True
        if bare.startswith(self.start):
            found = self.pieces[1].search(bare, len(self.start))
        else:
            found = self.pieces[0].search(bare)
        # What differs in digits alone was meant so.
        if found is None or bare.translate(_DIGITS) == self.letters:
            return False
        return edit_distance.count_slips(bare, self.bare) <= edit_distance.FARTHEST


def _cut(word: str) -> re.Pattern[str]:
    """Return what finds one of three pieces of a word: two slips leave one as it was.

    But for swaps across the two cuts, which touch two pieces each: with and without these. No slip is made
    where another one was, as `edit_distance` counts them.
    """
    first, second = len(word) // 3, 2 * len(word) // 3
    swapped = [word, _swap(word, first)]
    swapped += [_swap(each, second) for each in swapped]
    pieces = {piece for each in swapped for piece in (each[:first], each[first:second], each[second:])}
    return re.compile("|".join(map(re.escape, sorted(pieces))))


def _swap(word: str, cut: int) -> str:
    if not cut:
        return word
    return word[: cut - 1] + word[cut - 1 : cut + 1][::-1] + word[cut + 1 :]


def _split(address: str) -> tuple[str, str]:
    """Return the host of an address without `www.`, and with what it ends behind the host."""
    uri = identifiers.parse_uri(address)
    return uri.host.removeprefix(_WWW), uri.query.rstrip("/") or uri.path.strip("/")


def _find_bare(lower: str, is_address: bool) -> str:
    """Return of a spelling what a slip can be in, as `pairs.list_words` reads it.

    An address without an empty port and slashes at the ends of its path, anything else without its query.
    """
    if not is_address:
        return lower.partition("?")[0]
    before, mark, query = lower.partition("://")[2].partition("?")
    authority, _, path = before.partition("/")
    return f"{authority.rstrip(':')}/{path.strip('/')}{mark}{query}"
