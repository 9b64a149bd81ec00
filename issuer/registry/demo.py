"""The demo: two services and four clients, to see in minutes what an audience is."""

from dataclasses import dataclass, field

from issuer.errors import Conflict, NotFound
from issuer.model.audience import RESERVED_ACCESS, AudienceState, Scope
from issuer.model.client import Client, ClientState, GrantType
from issuer.model.service import ServiceState
from issuer.registry import audiences, client_secrets, clients, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.registrar import Registrar
from issuer.registry.services import NewService

ORDERS = "https://orders.example.com"
BILLING = "https://billing.example.com"

_OWNER = "demo"
_TRUST_GROUP = "demo-shop"
_LABEL = "demo"
_ELSEWHERE = "start the demo with another ISSUER_DATA_DIR"
_SERVICES = {
    "Orders": NewAudience(ORDERS, "Orders", scopes=(Scope("orders:read"), Scope("orders:write"))),
    "Billing": NewAudience(BILLING, "Billing", scopes=(Scope("billing:read"),)),
}
_REFRESHING = NewClient(
    "demo-refreshing",
    grant_types=frozenset({GrantType.CLIENT_CREDENTIALS, GrantType.REFRESH_TOKEN}),
    may_use_offline_access=True,
)


@dataclass(frozen=True, slots=True)
class DemoClient:
    """A client of the demo with a fresh secret. audiences: what it is permitted, by identifier."""

    client_id: str
    client_secret: str = field(repr=False)
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Demo:
    """What was registered: a client that may ask for one audience, one for both, and two more.

    refreshing: gets refresh tokens, and access tokens that name no service. orders: speaks for Orders.
    """

    orders_only: DemoClient
    both: DemoClient
    refreshing: DemoClient
    orders: DemoClient


def register(registrar: Registrar) -> Demo:
    """Register the demo where it is not there yet, and give its clients new secrets for old ones.

    What an admin changed of it stays. Raises Conflict where its names are taken or were removed.
    """
    for name, audience in _SERVICES.items():
        _find_or_add_service(registrar, name)
        _find_or_add_audience(registrar, audience)
    return Demo(
        _register_client(registrar, NewClient("demo-orders-only"), (ORDERS,)),
        _register_client(registrar, NewClient("demo-both"), (ORDERS, BILLING)),
        _register_client(registrar, _REFRESHING, (RESERVED_ACCESS,)),
        _register_client(registrar, NewClient("demo-orders", service="Orders"), ()),
    )


def _find_or_add_service(registrar: Registrar, name: str) -> None:
    try:
        service = services.find_service(registrar, name)
    except NotFound:
        service = services.add_service(registrar, NewService(name, _OWNER, _TRUST_GROUP))
    if service.owner != _OWNER or service.state is ServiceState.REMOVED:
        raise Conflict(f"the service {name} is removed or not the demo's; {_ELSEWHERE}")


def _find_or_add_audience(registrar: Registrar, new: NewAudience) -> None:
    try:
        audience = audiences.find_audience(registrar, new.identifier)
    except NotFound:
        audience = audiences.add_audience(registrar, new)
    if audience.service.name != new.service or audience.state is AudienceState.REMOVED:
        raise Conflict(f"the audience {new.identifier} is removed or not the demo's; {_ELSEWHERE}")


def _register_client(registrar: Registrar, new: NewClient, identifiers: tuple[str, ...]) -> DemoClient:
    client = _find_client(registrar, new.name)
    if client is None:
        client, _ = clients.add_client(registrar, new)
        # Its first secret is shown to nobody: all secrets of the demo are made below.
        client_secrets.revoke_secret(registrar, client.client_id, client.secrets[0].id)
        for identifier in identifiers:
            _permit(registrar, client, identifier)
    for secret in client.secrets:
        if secret.label == _LABEL and secret.revoked_at is None:
            client_secrets.revoke_secret(registrar, client.client_id, secret.id)
    _, text = client_secrets.add_secret(registrar, client.client_id, _LABEL)
    return DemoClient(client.client_id, text, identifiers)


def _find_client(registrar: Registrar, name: str) -> Client | None:
    named = (
        client
        for client in clients.list_clients(registrar)
        if client.name == name and client.state is not ClientState.REMOVED
    )
    return next(named, None)


def _permit(registrar: Registrar, client: Client, identifier: str) -> None:
    scopes = frozenset(scope.name for scope in audiences.find_audience(registrar, identifier).scopes)
    permissions.grant_permission(registrar, NewPermission(client.client_id, identifier, scopes))
