"""The directory of identifiers: what a refusal could mean, for logs and admins, never for the asker."""

from collections.abc import Iterable

from issuer.policy import identifiers
from issuer.store.audiences import RegisteredIdentifier


class Directory:
    """Every identifier that is or was registered, to look one up and to find its near twin."""

    def __init__(self, registered: Iterable[RegisteredIdentifier]) -> None:
        # By the form in which the decision compares, which folds less than the one that keeps names apart.
        every = tuple(registered)
        self._by_form = {identifiers.comparison_form(one.identifier): one for one in every}
        self._by_canonical = {one.canonical: one for one in every}

    def describe(self, identifier: str) -> str:
        """Return one sentence: registered or not, its state, and a spelling that nearly is it."""
        found = self._by_form.get(identifiers.comparison_form(identifier))
        if found is not None:
            return f"{identifier!r} is registered ({found.state})"
        for twin, difference in _twins(identifier):
            near = self._by_canonical.get(identifiers.comparison_form(twin))
            if near is not None:
                return f"{identifier!r} is not registered; {near.identifier!r} is: only {difference} differs"
        return f"{identifier!r} is not registered"


def _twins(identifier: str) -> Iterable[tuple[str, str]]:
    # The case first: what is left of it under the canonical form must not be told as another difference.
    yield identifier.lower(), "the case"
    yield identifier.rstrip("/"), "the trailing slash"
    yield f"{identifier}/", "the trailing slash"
    for scheme, other in (("http://", "https://"), ("https://", "http://")):
        if identifier.startswith(scheme):
            yield other + identifier.removeprefix(scheme), "the scheme"
