"""Kinds of programs: what each can do with this server as it is, and what it cannot do yet."""

from dataclasses import dataclass
from typing import Final

from issuer.model.client import ClientType


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of program. does: what it can do today. lacks: what it cannot, "" for nothing.

    is_offered: whether there is any way for it to get a token.
    """

    type: ClientType
    label: str
    does: str
    lacks: str
    is_offered: bool = True


KINDS: Final = (
    Kind(
        ClientType.SERVICE,
        "Service",
        "A job, a daemon or another service: asks for tokens in its own name.",
        "",
    ),
    Kind(
        ClientType.WEB,
        "Web app",
        "Its server keeps a secret and asks in its own name.",
        "People cannot sign in through this issuer yet.",
    ),
    Kind(
        ClientType.DEVICE,
        "Device",
        "A machine with a secret of its own asks in its own name.",
        "People cannot approve a device with a code yet (RFC 8628).",
    ),
    Kind(
        ClientType.MCP,
        "MCP client",
        "A host or agent that asks for tokens of MCP servers in its own name.",
        "It cannot register itself or sign people in yet.",
    ),
    Kind(
        ClientType.NATIVE,
        "Single-page or native app",
        "",
        "Not yet: it cannot keep a secret, and signing in without one (authorization code with PKCE) is not "
        "built. Let its server ask as a web app.",
        is_offered=False,
    ),
)
LABELS: Final = {kind.type: kind.label for kind in KINDS}
