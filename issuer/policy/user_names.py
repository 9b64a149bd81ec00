"""Names of users: printable ASCII without spaces, so that each has one spelling that everybody can type.

No letter of another script passes for one of them in the audit log, and the canonical form, which is
unique and which wrong passwords are counted by, is the same in lower case: no table of Unicode decides
who somebody is. An e-mail address is a name like any other; nothing in it is folded but case.
"""

import re

from issuer.errors import InvalidValue

_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]{0,99}")


def check_user_name(name: str) -> None:
    """Raise InvalidValue unless a user may have this name."""
    if _FORM.fullmatch(name) is None:
        raise InvalidValue(
            "a user's name has 1 to 100 of the characters a-z A-Z 0-9 . _ + @ - and begins with a letter "
            "or digit"
        )


def canonical_form(typed: str) -> str:
    """Return the canonical name that was meant, spaces around it dropped; empty where no user has it."""
    name = typed.strip(" \t")
    return name.lower() if _FORM.fullmatch(name) else ""
