"""Neighbours: which of many spellings the rules on pairs look at together with those of one audience.

One audience is compared with all others, and not each with each. What is left over is given to the rules
themselves, so that one place alone says what a finding is: more may be left than they find, never less.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from issuer.policy import edit_distance, resemblance
from issuer.policy.lint import pairs

Key = TypeVar("Key")

# Each slip touches two characters at most, so of so many parts of a text one stays as it was.
_PARTS: Final = 2 * edit_distance.FARTHEST + 1
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://([^/?]*?)(?::\d*)?(?=[/?]|$)(.*)", re.DOTALL)
_MARKS: Final = str.maketrans("", "", "/?:")
_DIGITS: Final = str.maketrans("", "", "0123456789")
_WWW: Final = "www."


def choose_near(texts: Sequence[str], others: Iterable[tuple[Key, str]]) -> set[Key]:
    """Return the keys of the spellings that are twins of some texts or differ from one by a slip.

    texts: all spellings of one audience. others: every spelling there is, with the key of its audience.
    """
    wanted = [_Wanted.of(text) for text in texts]
    return {key for key, text in others if _is_near(wanted, text)}


def choose_beginning(text: str, others: Iterable[tuple[Key, str]]) -> set[Key]:
    """Return the keys of the canonical forms that begin with a text, or with one that it begins with.

    Those with which it begins are among them. others: of all audiences, each with its key.
    """
    bare = text.rstrip("/")
    listed = [(key, other.rstrip("/")) for key, other in others]
    beginnings = [other for _, other in listed if other and bare.startswith(other)]
    shortest = min([bare, *beginnings], key=len)
    return {key for key, other in listed if other.startswith(shortest)}


class _Glance(NamedTuple):
    """What is seen of a spelling without reading it as an address. One is made for each that there is.

    host, rest: without marks. address: host and rest with them, of no address all is rest.
    """

    host: str
    rest: str
    address: tuple[str, str]

    def list_letters(self) -> tuple[str, str]:
        """Return host and path without digits: what differs in digits alone was meant so."""
        host, rest = self.address
        path = rest.partition("?")[0].strip("/") if host else rest
        return host.translate(_DIGITS), path.translate(_DIGITS)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is looked for beside one spelling. parts: of host and rest together, each with its place."""

    fold: str
    words: tuple[tuple[tuple[str, ...], str], ...]
    twin_shape: str
    seen: _Glance
    letters: tuple[str, str]
    parts: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, text: str) -> "_Wanted":
        """Return what is looked for beside a spelling."""
        seen = _glance(text)
        shape = seen.host + seen.rest
        size = max(1, -(-len(shape) // _PARTS))
        return cls(
            fold=pairs.fold(text),
            words=tuple(pairs.list_words(text)),
            twin_shape=resemblance.fold(text).translate(_MARKS),
            seen=seen,
            letters=seen.list_letters(),
            parts=tuple((shape[at : at + size], at) for at in range(0, len(shape), size)),
        )

    def is_twin(self, text: str, glance: _Glance) -> bool:
        """Return whether a text is the same in another spelling."""
        # What is percent-encoded is not what it looks like: that one is looked at whole.
        if "%" not in text and glance.host.removeprefix(_WWW) + glance.rest != self.twin_shape:
            return False
        return pairs.fold(text) == self.fold

    def is_slip(self, text: str, glance: _Glance) -> bool:
        """Return whether a text differs by a slip of the pen, where one is looked for."""
        if not self._may_be_slip(glance):
            return False
        return any(
            place == other_place and resemblance.is_slip(word, other_word)
            for other_place, other_word in pairs.list_words(text)
            for place, word in self.words
        )

    def _may_be_slip(self, glance: _Glance) -> bool:
        seen, far = self.seen, edit_distance.FARTHEST
        # A slip is looked for in the host or in the path, and the other one is the same.
        if glance.host != seen.host and glance.rest != seen.rest:
            return False
        if abs(len(glance.host) + len(glance.rest) - len(seen.host) - len(seen.rest)) > far:
            return False
        if glance.host and glance.list_letters() == self.letters:
            return False
        shape = glance.host + glance.rest
        return any(shape.find(part, max(0, at - far), at + len(part) + far) >= 0 for part, at in self.parts)


def _is_near(wanted: list[_Wanted], text: str) -> bool:
    glance = _glance(text)
    return any(one.is_twin(text, glance) or one.is_slip(text, glance) for one in wanted)


def _glance(text: str) -> _Glance:
    lower = text.lower()
    found = _ADDRESS.fullmatch(lower)
    host, rest = ("", lower) if found is None else found.groups()
    return _Glance(host.translate(_MARKS), rest.translate(_MARKS), (host, rest))
