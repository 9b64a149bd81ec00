"""A few clients with permissions, secrets, families and uses, for the tests of their pages."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from issuer.model.family import Family, Incident
from issuer.model.permission import SubjectKind
from issuer.model.token_plan import Subject
from issuer.registry import audiences, clients
from issuer.store import db, families
from tests.conftest import START
from tests.oauth.world import Credentials, OpenWorld, World
from tests.pages.signed_in import Member, sign_in_as

DAY = 24 * 3600
ORDERS, BILLING = "https://orders.example", "https://billing.example"


@dataclass(slots=True)
class Town:
    """A world with an owner who has signed in, and a client that may ask for two audiences."""

    world: World
    owner: Member
    robot: Credentials
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """The address of the client's page."""
        return f"/admin/clients/{self.robot.client_id}"

    def client(self, client_id: str = "") -> Any:
        """Return a client as it is registered now."""
        return clients.find_client(self.world.registrar, client_id or self.robot.client_id)

    def audience_id(self, identifier: str) -> int:
        """Return the id of an audience."""
        return audiences.find_audience(self.world.registrar, identifier).id

    def become(self, role: str, *services: str) -> Member:
        """Return somebody of a role who has signed in; one of each."""
        if role not in self.members:
            self.members[role] = sign_in_as(self.world, role, services, name=f"a-{role}")
        return self.members[role]

    def grow(self, family_id: str, seconds_ago: int = 10, client_id: str = "") -> None:
        """Add a family of a client, begun some seconds ago."""
        client, at = self.client(client_id), START - seconds_ago
        kid = next(
            key.stored.kid for key in self.world.parts.keyring._set.keys if key.stored.public_jwk is None
        )
        subject = Subject(SubjectKind.CLIENT, client.client_id)
        family = Family(
            family_id, client.key, subject, (ORDERS,), ("read",), (), kid, 3, at, at, DAY, at + 10 * DAY,
            None, None,
        )  # fmt: skip
        with db.writing(self.world.parts.engine) as connection:
            families.add_family(connection, family, "192.0.2.7")

    def note_reuse(self, family_id: str) -> None:
        """Add an incident of the client."""
        incident = Incident(
            START - 5, family_id, self.client().key, 2, 3, "192.0.2.66", "request-66", START - 60, "192.0.2.7"
        )
        with db.writing(self.world.parts.engine) as connection:
            families.add_incident(connection, incident)


@pytest.fixture
def town(open_world: OpenWorld) -> Town:
    """Give a world in which Robot may ask for orders (read, write) and billing (pay)."""
    world = open_world()
    world.add_audience(ORDERS, "read", "write", service="Orders")
    world.add_audience(BILLING, "pay", service="Billing")
    robot = world.add_client("Robot", ORDERS, BILLING)
    return Town(world, sign_in_as(world), robot)
