"""The page at `/`: what this server is, where its endpoints are, which keys verify its tokens."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from flask import render_template

ENDPOINT: Final = "landing"

PublicKeys = Callable[[], Iterable[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Address:
    """An address that programs call. purpose: in a few words."""

    label: str
    url: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Landing:
    """Shows the page. list_keys: the public keys as published now (RFC 7517 §4)."""

    issuer_url: str
    addresses: tuple[Address, ...]
    list_keys: PublicKeys
    version: str

    def show(self) -> str:
        """Answer with the page."""
        return render_template(
            "landing.html",
            issuer_url=self.issuer_url,
            addresses=self.addresses,
            keys=list(self.list_keys()),
            version=self.version,
        )
