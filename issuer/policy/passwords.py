"""Which passwords may be set: long ones that are not what everybody tries first (NIST SP 800-63B §3.1.1.2).

No list of leaked passwords is carried along: nearly all on such lists are shorter than 12 characters, and
the longer ones are made of a few well-known words, runs on the keyboard and repetitions. So those parts
are taken away, with the user's and the issuer's names, and what is left must be worth guessing. There is
no rule about kinds of characters, and no end to a password's life.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from issuer.errors import InvalidValue
from issuer.password_hashing import MOST_BYTES, as_bytes

SHORTEST: Final = 12
LONGEST: Final = 256

# Characters that are left when what is well known was taken away.
_LEAST_LEFT = 6
_LEAST_DIFFERENT = 5
_SHORTEST_NAME = 3
_SHORTEST_RUN = 3
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# As people write letters to please rules.
_WRITTEN_FOR = str.maketrans("013457@$!", "oieastasi")
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "1234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "yxcvbnm",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "q1w2e3r4t5y6u7i8o9p0",
)
_WELL_KNOWN: Final = (
    "password passwort passphrase passwd pass word kennwort welcome willkommen bienvenue admin administrator "
    "administrador root superuser operator owner auditor user guest test tester testing demo example sample "
    "default letmein changeme change secret geheim login logon signin access master system server service "
    "security secure private token oauth audience client issuer iloveyou love you forever sunshine princess "
    "dragon monkey shadow football baseball basketball superman batman spiderman starwars pokemon trustno "
    "whatever freedom jesus christ michael jennifer jordan charlie jessica daniel hunter ninja mustang "
    "chocolate butterfly liverpool chelsea arsenal barcelona computer internet google microsoft windows "
    "linux ubuntu debian postgres database correct horse battery staple summer winter spring autumn sommer "
    "herbst fruehling january february march april june july august september october november december "
    "monday tuesday wednesday thursday friday saturday sunday company team the and for hello world"
)


def check_password(password: str, known: Iterable[str]) -> None:
    """Raise InvalidValue, in words for who chose it, unless a password may be set.

    known: what anybody would try for this user: names, the issuer's host. Does not look at passwords
    that were leaked elsewhere.
    """
    normal = unicodedata.normalize("NFKC", password)
    if len(normal) < SHORTEST:
        raise InvalidValue(f"the password has at least {SHORTEST} characters")
    if len(normal) > LONGEST or len(as_bytes(password)) > MOST_BYTES:
        raise InvalidValue(f"the password has at most {LONGEST} characters")
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in normal):
        raise InvalidValue("the password holds a control character")
    plain = normal.casefold()
    words = sorted({*_WELL_KNOWN.split(), *_list_words(known)}, key=len, reverse=True)
    if any(
        not _is_worth_guessing(_take_away(text, words)) for text in (plain, plain.translate(_WRITTEN_FOR))
    ):
        raise InvalidValue(
            "the password is easy to guess: well-known words, names, repetitions and runs on the keyboard "
            "count for nothing. Take a longer one, such as five words drawn by chance"
        )


def _list_words(known: Iterable[str]) -> set[str]:
    words = set()
    for name in known:
        plain = unicodedata.normalize("NFKC", name).casefold()
        words |= {plain, *re.split(r"[\W_]+", plain)}
    return {word for word in words if len(word) >= _SHORTEST_NAME}


def _take_away(text: str, words: Iterable[str]) -> str:
    """Return what is left of a text; a taken part leaves a space, so that its neighbours do not join."""
    text = _take_away_repetitions(text)
    for word in words:
        text = text.replace(word, " ")
    return _take_away_runs(text)


def _take_away_repetitions(text: str) -> str:
    # A unit that follows itself twice or more stands once, a single character from the third on.
    return re.sub(r"(.{2,}?)\1+|(.)\2{2,}", lambda found: found[1] or found[2], text)


def _take_away_runs(text: str) -> str:
    for run in _RUNS:
        for way in (run, run[::-1]):
            for size in range(len(way), _SHORTEST_RUN - 1, -1):
                for start in range(len(way) - size + 1):
                    text = text.replace(way[start : start + size], " ")
    return text


def _is_worth_guessing(left: str) -> bool:
    # Digits and marks at the end are what everybody adds: they do not count beside nothing else.
    letters = left.replace(" ", "")
    return len(letters) >= _LEAST_LEFT and len(set(letters)) >= _LEAST_DIFFERENT
