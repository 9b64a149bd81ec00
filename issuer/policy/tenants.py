"""Tenants in identifiers: what looks like one, for a tenant goes into `tenant_id`, never into `aud`."""

import re
from typing import Final

from issuer.policy import identifiers

_TENANT_PARTS: Final = (
    # A placeholder that nobody filled in.
    re.compile(r"\{[^{}]*\}|<[^<>]*>|%7[Bb].*?%7[Dd]"),
    re.compile(
        r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])"
    ),
    re.compile(
        r"(?<=[/:])(?:tenants?|orgs?|organi[sz]ations?|customers?|workspaces?)[/:](?!v[0-9]+(?:[/:?]|$))[^/:?]+",
        re.IGNORECASE,
    ),
    re.compile(r"(?:tenant|org|customer|workspace)(?:_?id)?=[^&]+", re.IGNORECASE),
    # A segment of digits alone; a version has a v and a port stands before the path.
    re.compile(r"(?<=[^/:]/)[0-9]{3,}(?=[/?]|$)"),
)


def find_tenant_part(identifier: str) -> str | None:
    """Return the first part of an identifier that looks like a tenant, or None; any text may be given."""
    # No registered one is longer; what stands in a token of others may be.
    text = identifier[: identifiers.LONGEST]
    for pattern in _TENANT_PARTS:
        found = pattern.search(text)
        if found is not None:
            return found.group()
    return None
