"""Edit distance: how many slips of the pen lie between two words.

A slip is a character too many, one too few, a wrong one, or two next to each other swapped.
"""

from collections.abc import Iterable, Iterator
from typing import Final

# What two words share that lie this far apart is found by leaving out as many characters of each.
FARTHEST: Final = 2


def count_slips(one: str, other: str) -> int:
    """Return how many slips lie between two words; more than FARTHEST counts as FARTHEST + 1."""
    if one == other:
        return 0
    if abs(len(one) - len(other)) > FARTHEST:
        return FARTHEST + 1
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, character in enumerate(one, start=1):
        current = [row]
        for column, wanted in enumerate(other, start=1):
            cost = min(above[column] + 1, current[column - 1] + 1, above[column - 1] + (character != wanted))
            if row > 1 and column > 1 and one[row - 2] == wanted and character == other[column - 2]:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, above = above, current
        if min(above) > FARTHEST:
            break
    return min(above[-1], FARTHEST + 1)


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


def _leave_out(word: str) -> set[str]:
    """Return the word, and what is left of it without any one or two of its characters."""
    left = {word}
    for _ in range(FARTHEST):
        left |= {rest[:place] + rest[place + 1 :] for rest in left for place in range(len(rest))}
    return left
