"""Who asks for a page."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Request


@dataclass(frozen=True, slots=True)
class PageUser:
    """A person with a session, as pages know them.

    name: as shown. role: in words. powers: names of what the role may do; the registry checks them again.
    """

    name: str
    role: str
    powers: frozenset[str] = frozenset()


# Returns the person whose valid session a request carries, None for nobody.
CurrentUser = Callable[[Request], PageUser | None]
