"""A client that holds refresh tokens of a server: what it asks, and what its tokens say of themselves."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from issuer.model.client import GrantType
from issuer.model.family import Family
from issuer.registry import clients, permissions
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.store import families
from issuer.store.db import Engine, reading
from tests.flows import servers, shop
from tests.flows.servers import Answer
from tests.flows.shop import Account

TOKEN = "/oauth/token"
REVOKE = "/oauth/revoke"
INTROSPECT = "/oauth/introspect"
AUDIENCE = shop.SHIPPING


@dataclass(frozen=True, slots=True)
class Pair:
    """What one answer gave."""

    access: str
    refresh: str

    @classmethod
    def of(cls, answer: Answer) -> "Pair":
        """Return the pair of a good answer."""
        assert answer.status == 200, answer
        return cls(answer.json["access_token"], answer.json["refresh_token"])

    @property
    def jti(self) -> str:
        """The access token's."""
        return _claims(self.access)["jti"]

    @property
    def family(self) -> str:
        """The family's id."""
        return _claims(self.refresh)["family"]

    @property
    def generation(self) -> int:
        """The refresh token's."""
        return _claims(self.refresh)["generation"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Asks on a new connection each time, which the kernel gives to any of the workers.

    port: the server's, or that of a proxy before it.
    """

    port: int
    account: Account

    def begin(self) -> Pair:
        """Ask for the first pair of a new family."""
        return Pair.of(self.send(TOKEN, **BEGINNING))

    def ask_access_token(self) -> Answer:
        """Ask for an access token alone."""
        return self.send(TOKEN, grant_type="client_credentials", audience=AUDIENCE)

    def refresh(self, token: str) -> Answer:
        """Present a refresh token."""
        return self.send(TOKEN, **refreshing(token))

    def revoke(self, token: str) -> Answer:
        """Give up a token."""
        return self.send(REVOKE, token=token)

    def introspect(self, token: str) -> Answer:
        """Ask about an access token."""
        return self.send(INTROSPECT, token=token)

    def send(self, path: str, **parameters: str) -> Answer:
        """Post a form with HTTP Basic authentication."""
        with servers.connection(self.port) as link:
            return servers.send(link, "POST", path, urlencode(parameters), self.headers)

    @property
    def headers(self) -> Mapping[str, str]:
        """What each request says of who it is."""
        credentials = f"{self.account.client_id}:{self.account.secret}".encode("ascii")
        return {
            "Authorization": f"Basic {base64.b64encode(credentials).decode('ascii')}",
            "Content-Type": "application/x-www-form-urlencoded",
        }


BEGINNING = {
    "grant_type": "client_credentials",
    "audience": AUDIENCE,
    "scope": f"{shop.SCOPE} offline_access",
}


def refreshing(token: str) -> dict[str, str]:
    """Return the form of a refresh."""
    return {"grant_type": "refresh_token", "refresh_token": token}


def add_account(environment: Mapping[str, str]) -> Account:
    """Register the shop, and a client that is switched to refresh tokens and may introspect its own."""
    shop.open_shop(environment)
    grant_types = frozenset({GrantType.CLIENT_CREDENTIALS, GrantType.REFRESH_TOKEN})
    new = NewClient("holder", grant_types=grant_types, may_use_offline_access=True, service=AUDIENCE)
    with shop.registrar(environment) as clerk:
        client, secret = clients.add_client(clerk, new)
        permissions.grant_permission(
            clerk, NewPermission(client.client_id, AUDIENCE, frozenset({shop.SCOPE}))
        )
    return Account(client.client_id, secret)


def find_family(engine: Engine, family_id: str) -> Family:
    """Return a family as it is stored."""
    with reading(engine) as connection:
        family = families.find_family(connection, family_id)
    assert family is not None, family_id
    return family


def _claims(token: str) -> dict:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
