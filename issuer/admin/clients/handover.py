"""What a client is handed with its secret: a file of variables, and a line that asks for a token."""

import shlex
from dataclasses import dataclass, field

from issuer.model.audience import Audience
from issuer.model.client import AuthMethod, Client, GrantType


@dataclass(frozen=True, slots=True)
class Handover:
    """A client with a secret of its own and the audience of its first request, None while it has none."""

    issuer_url: str
    token_url: str
    client: Client
    audience: Audience | None
    secret: str = field(repr=False)

    @property
    def curl(self) -> str:
        """A line for a POSIX shell that asks for a token; "" where that would be refused."""
        if self.audience is None or GrantType.CLIENT_CREDENTIALS not in self.client.grant_types:
            return ""
        words = ["curl", "-sS", self.token_url, *self._proof(), "-d", "grant_type=client_credentials"]
        words += ["--data-urlencode", f"{_target_parameter(self.audience)}={self.audience.identifier}"]
        return shlex.join(words)

    @property
    def env(self) -> str:
        """The lines of a file of variables, quoted as a shell and readers of .env files take them.

        None of the names begins as our own settings do: a server started beside the file would refuse them.
        """
        variables = {
            "OAUTH_ISSUER": self.issuer_url,
            "OAUTH_TOKEN_ENDPOINT": self.token_url,
            "OAUTH_CLIENT_ID": self.client.client_id,
            "OAUTH_CLIENT_SECRET": self.secret,
        }
        if self.audience is not None:
            variables[f"OAUTH_{_target_parameter(self.audience).upper()}"] = self.audience.identifier
        return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())

    def _proof(self) -> list[str]:
        # No letter of either has to be encoded (RFC 6749 §2.3.1).
        if self.client.auth_method is AuthMethod.CLIENT_SECRET_POST:
            return ["-d", f"client_id={self.client.client_id}", "-d", f"client_secret={self.secret}"]
        return ["-u", f"{self.client.client_id}:{self.secret}"]


def _target_parameter(audience: Audience) -> str:
    # RFC 8707 §2: a resource is an absolute URI; a plain name goes by the synonym.
    return "resource" if ":" in audience.identifier else "audience"
