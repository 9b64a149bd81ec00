"""A few things registered, used and refreshed."""

import pytest
from sqlalchemy import insert

from issuer.model.audience import Scope
from issuer.model.family import EndReason, Family
from issuer.model.permission import SubjectKind
from issuer.model.token_plan import Subject
from issuer.model.usage import UsageKey, UsageSum
from issuer.registry import audiences, clients, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService
from issuer.store import db, families, usage
from issuer.store.tables import SigningKeyRow
from tests.conftest import START

DAY = 24 * 3600
SERVICES = (("Shop", "team-shop", "retail"), ("bank", "Team-Bank", None), ("Zoo", "zoo", None))
AUDIENCES = (
    ("https://orders.example/", "Shop"),
    ("https://Billing.example/", "bank"),
    ("a_b", "Zoo"),
    ("a-b", "Zoo"),
    ("urn:x:50%25", "Zoo"),
    ("gone", "Zoo"),
)


@pytest.fixture
def town(registrar):
    """Give a registrar that has registered some of everything."""
    for name, owner, group in SERVICES:
        services.add_service(registrar, NewService(name, owner, group))
    scopes = (Scope("read"), Scope("write"))
    for identifier, service in AUDIENCES:
        new = NewAudience(identifier, service, description=f"About <{identifier}>", scopes=scopes)
        audiences.add_audience(registrar, new)
    audiences.remove_audience(registrar, "gone")
    return registrar


@pytest.fixture
def ids(town):
    """Give the client_ids of four clients by their names; the first two are permitted something."""
    made = {
        name: clients.add_client(town, NewClient(name))[0].client_id
        for name in ("Robot", "ant", "Bee", "cat")
    }
    for name, identifier in (("Robot", "a_b"), ("Robot", "https://orders.example/"), ("ant", "a_b")):
        new = NewPermission(made[name], identifier, frozenset({"read", "write"}), frozenset({"read"}))
        permissions.grant_permission(town, new)
    return made


@pytest.fixture
def count(town, engine):
    """Give the function that counts tokens of a client for an audience, some seconds ago."""

    def add(client_id, identifier, seconds_ago, number, outcome="issued"):
        client = clients.find_client(town, client_id)
        audience = audiences.find_audience(town, identifier)
        at = START - seconds_ago
        key = UsageKey(at - at % 3600, client.key, audience.id, "client_credentials", outcome)
        with db.writing(engine) as connection:
            usage.add_counts(connection, {key: UsageSum(number, at, at + 900)})

    return add


@pytest.fixture
def grow(town, engine):
    """Give the function that adds a family of a client, begun some seconds ago."""
    with db.writing(engine) as connection:
        key = {"kid": "k", "purpose": "refresh", "alg": "HS256", "sealed": b"", "master_key_id": "m"}
        times = {"created_at": 1, "published_at": 1, "signs_from": 1, "longest_lifetime_seconds": 1}
        connection.execute(insert(SigningKeyRow).values(**key, **times))

    def add(client_id, family_id, seconds_ago, *, is_ended=False, aud=("a_b",)):
        client = clients.find_client(town, client_id)
        at = START - seconds_ago
        family = Family(
            family_id, client.key, Subject(SubjectKind.CLIENT, client_id), aud, ("read",), (), "k", 1,
            at, at, DAY, at + 10 * DAY, None, None,
        )  # fmt: skip
        with db.writing(engine) as connection:
            families.add_family(connection, family, "192.0.2.7")
            if is_ended:
                families.change_ended(connection, family_id, EndReason.ADMIN, START)

    return add
