"""What is registered for the flows: a shop's services, and clients that ask for their tokens."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from issuer import config
from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.model.audience import Scope, SigningAlg, TokenTyp
from issuer.model.audit_event import Actor, ActorKind
from issuer.registry import audiences, clients, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.registrar import Registrar
from issuer.registry.services import NewService
from issuer.store import db as database
from issuer.store.db import Engine

ORDERS = "https://orders.example"
BILLING = "https://billing.example"
SHIPPING = "https://shipping.example"
LEGACY = "legacy-warehouse"
SCOPE = "read"

_POLICIES = {
    ORDERS: (SigningAlg.RS256, TokenTyp.AT_JWT),
    BILLING: (SigningAlg.RS256, TokenTyp.AT_JWT),
    SHIPPING: (SigningAlg.ES256, TokenTyp.AT_JWT),
    LEGACY: (SigningAlg.RS256, TokenTyp.JWT),
}


@dataclass(frozen=True, slots=True)
class Account:
    """A client with its secret."""

    client_id: str
    secret: str


@contextlib.contextmanager
def opened(environment: Mapping[str, str]) -> Iterator[Engine]:
    """Open the database of a server's environment beside the server."""
    url = database.make_url_of(config.load_settings(environ=environment).database_url)
    engine = create_engine(url, **database.engine_options(url, 8))
    database.prepare_engine(engine)
    yield engine
    engine.dispose()


@contextlib.contextmanager
def registrar(environment: Mapping[str, str]) -> Iterator[Registrar]:
    """Open a registrar beside the server, as the terminal does."""
    settings = config.load_settings(environ=environment)
    with opened(environment) as engine, Session(engine) as session:
        yield Registrar(
            session,
            Actor(ActorKind.TERMINAL, "tester"),
            Clock(),
            Entropy(),
            settings.url,
            settings.access_token_max_seconds,
        )


def open_shop(environment: Mapping[str, str]) -> Account:
    """Register the services, each with one audience, and a client permitted to ask for them all."""
    with registrar(environment) as clerk:
        for identifier, (alg, typ) in _POLICIES.items():
            services.add_service(clerk, NewService(identifier, "the shop"))
            new = NewAudience(identifier, identifier, scopes=(Scope(SCOPE),), signing_alg=alg, typ=typ)
            audiences.add_audience(clerk, new)
        return add_client(clerk, *_POLICIES)


def add_client(clerk: Registrar, *identifiers: str) -> Account:
    """Register a client that may ask for these audiences."""
    client, secret = clients.add_client(clerk, NewClient("robot"))
    for identifier in identifiers:
        permissions.grant_permission(clerk, NewPermission(client.client_id, identifier, frozenset({SCOPE})))
    return Account(client.client_id, secret)
