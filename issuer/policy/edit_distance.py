"""Edit distance: how many slips of the pen lie between two words.

A slip is a character too many, one too few, a wrong one, or two next to each other swapped.
"""

from collections.abc import Iterable, Iterator
from typing import Final

# What two words share that lie this far apart is found by leaving out as many characters of each.
FARTHEST: Final = 2

# How many characters of the one word and of the other a slip takes.
_Slip = tuple[int, int]


def count_slips(one: str, other: str) -> int:
    """Return how many slips lie between two words; more than FARTHEST counts as FARTHEST + 1."""
    if abs(len(one) - len(other)) > FARTHEST:
        return FARTHEST + 1
    one, other = _trim(one, other)
    if not one and not other:
        return 0
    if (len(one), len(other)) in _list_first(one, other):
        return 1
    return FARTHEST if _are_two_slips(one, other) else FARTHEST + 1


def list_near_pairs(words: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Yield each two different words at most FARTHEST slips apart, once, with the number of slips.

    Takes time in proportion to the number of words, not to that of pairs: for words of up to some
    thirty characters.
    """
    sharing: dict[str, list[str]] = {}
    seen: set[tuple[str, str]] = set()
    for word in dict.fromkeys(words):
        for rest in _leave_out(word):
            others = sharing.setdefault(rest, [])
            for other in others:
                if (other, word) in seen:
                    continue
                seen.add((other, word))
                slips = count_slips(other, word)
                if slips <= FARTHEST:
                    yield other, word, slips
            others.append(word)


def _trim(one: str, other: str) -> tuple[str, str]:
    """Return what is left of two words without what they begin and end with alike."""
    begun = _count_alike(one, other)
    one, other = one[begun:], other[begun:]
    ended = _count_alike(one[::-1], other[::-1])
    return one[: len(one) - ended], other[: len(other) - ended]


def _count_alike(one: str, other: str) -> int:
    for place, (mine, yours) in enumerate(zip(one, other, strict=False)):
        if mine != yours:
            return place
    return min(len(one), len(other))


def _list_first(one: str, other: str) -> list[_Slip]:
    """Return the slips with which two words may begin that begin unlike: how much each takes of both."""
    slips: list[_Slip] = []
    if one and other:
        slips.append((1, 1))
        if len(one) > 1 and one[:2] == other[1::-1]:
            slips.append((2, 2))
    if one:
        slips.append((1, 0))
    if other:
        slips.append((0, 1))
    return slips


def _are_two_slips(one: str, other: str) -> bool:
    """Return whether two slips are all that lies between two words that begin and end unlike.

    Then the one is at their beginning, the other at their end, and all between is the same.
    """
    last = _list_first(one[::-1], other[::-1])
    for mine, yours in _list_first(one, other):
        for my_end, your_end in last:
            my_stop, your_stop = len(one) - my_end, len(other) - your_end
            if my_stop >= mine and your_stop >= yours and one[mine:my_stop] == other[yours:your_stop]:
                return True
    return False


def _leave_out(word: str) -> set[str]:
    """Return the word, and what is left of it without any one or two of its characters."""
    left = {word}
    for _ in range(FARTHEST):
        left |= {rest[:place] + rest[place + 1 :] for rest in left for place in range(len(rest))}
    return left
