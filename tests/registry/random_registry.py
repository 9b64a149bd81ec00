"""Random registries: made by the functions that admins use, whatever these refuse left out."""

import contextlib
from collections.abc import Callable
from random import Random

from issuer.errors import RegistryRefusal
from issuer.model.audience import AliasMode, Scope, SigningAlg, TokenTyp
from issuer.model.client import AuthMethod, ClientType, GrantType
from issuer.model.permission import PermittedSubject
from issuer.registry import aliases, audiences, clients, permissions, services
from issuer.registry.audiences import AudienceChange, NewAudience
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.registrar import Registrar
from issuer.registry.services import NewService, ServiceChange

# Much of this is something else than text to a reader of YAML that is not careful.
_NAMES = [
    "Orders",
    "no",
    "123",
    "1e3",
    "0x1F",
    "2027-01-31",
    "~",
    "- a: b",
    "# x",
    "'\"",
    "Ünï 😀",
    "<<",
    "&a *b",
]
_OWNERS = ["shop", "yes", "012"]
_GROUPS = [None, None, "true", "group: one", "12:30:45"]
_IDENTIFIERS = [
    *("orders", "Null", "1.5", "12e4", "on", "urn:example:a", "https://a.example", "https://b.example/mcp/"),
    *(
        "https://c.example:8443/?a=1",
        "HTTP://D.example",
        "spiffe://e.example/f",
        "x" * 200,
        "https://g.example/%41",
    ),
]
_SCOPES = ["read", "write", "on", "1", "orders:read", "https://scope.example/x", "#", "*"]
_CLAIMS = [{}, {}, {"level": 1}, {"level": True}, {"tier": "no"}, {"deep": {"a": [1.5, None, "1e3", 1e22]}}]
_TEXTS = ["", "What it is", "null", "a: b\\n # c", "é 😀 \u00a0", "=", " leading"]
_SECONDS = [None, 60, 900, 86400]
_REFRESH_SECONDS = [None, 3600, 86400]

Step = Callable[[Registrar, Random], object]


def change_at_random(registrar: Registrar, random: Random, steps: int, kinds: tuple[Step, ...]) -> None:
    """Take so many random steps of some kinds."""
    for _ in range(steps):
        with contextlib.suppress(RegistryRefusal):
            random.choice(kinds)(registrar, random)


def _service(registrar: Registrar, random: Random) -> str:
    return random.choice([one.name for one in services.list_services(registrar)])


def _audience(registrar: Registrar, random: Random) -> str:
    return random.choice([one.identifier for one in audiences.list_audiences(registrar)])


def _client(registrar: Registrar, random: Random) -> str:
    return random.choice([one.client_id for one in clients.list_clients(registrar)] or ["nobody"])


def _scopes(random: Random) -> tuple[Scope, ...]:
    return tuple(Scope(name, random.choice(_TEXTS)) for name in random.sample(_SCOPES, random.randint(0, 3)))


def add_service(registrar: Registrar, random: Random) -> None:
    new = NewService(random.choice(_NAMES), random.choice(_OWNERS), random.choice(_GROUPS))
    services.add_service(registrar, new)


def change_service(registrar: Registrar, random: Random) -> None:
    wanted = ServiceChange(random.choice(_OWNERS), random.choice(_GROUPS))
    services.change_service(registrar, _service(registrar, random), wanted)


def add_audience(registrar: Registrar, random: Random) -> None:
    new = NewAudience(
        identifier=random.choice(_IDENTIFIERS),
        service=_service(registrar, random),
        description=random.choice(_TEXTS),
        scopes=_scopes(random),
        access_token_seconds=random.choice(_SECONDS),
        refresh_idle_seconds=random.choice(_REFRESH_SECONDS),
        refresh_absolute_seconds=random.choice(_REFRESH_SECONDS),
        signing_alg=random.choice(list(SigningAlg)),
        typ=random.choice(list(TokenTyp)),
        extra_claims=random.choice(_CLAIMS),
    )
    audiences.add_audience(registrar, new)


def add_client(registrar: Registrar, random: Random) -> None:
    new = NewClient(
        name=random.choice(_NAMES),
        type=random.choice(list(ClientType)),
        grant_types=frozenset(random.sample(list(GrantType), random.randint(1, 2))),
        auth_method=random.choice(list(AuthMethod)),
        may_use_offline_access=random.random() < 0.5,
        tenant_id=random.choice([None, *_NAMES]),
        access_token_max_seconds=random.choice(_SECONDS),
        service=random.choice([None, _service(registrar, random)]),
    )
    clients.add_client(registrar, new)


def grant(registrar: Registrar, random: Random) -> None:
    found = random.choice(audiences.list_audiences(registrar))
    defined = [scope.name for scope in found.scopes]
    scopes = random.sample(defined, random.randint(0, len(defined)))
    defaults = random.sample(scopes, random.randint(0, len(scopes)))
    new = NewPermission(
        client_id=_client(registrar, random),
        identifier=found.identifier,
        scopes=frozenset(scopes),
        default_scopes=frozenset(defaults),
        subject=random.choice(list(PermittedSubject)),
    )
    permissions.grant_permission(registrar, new)


def change_audience(registrar: Registrar, random: Random) -> None:
    wanted = AudienceChange(
        description=random.choice(_TEXTS),
        access_token_seconds=random.choice(_SECONDS),
        extra_claims=random.choice(_CLAIMS),
        add_scopes=_scopes(random),
    )
    audiences.change_audience(registrar, _audience(registrar, random), wanted)


def remove_scope(registrar: Registrar, random: Random) -> None:
    wanted = AudienceChange(remove_scopes=frozenset({random.choice(_SCOPES)}))
    audiences.change_audience(registrar, _audience(registrar, random), wanted)


def change_client(registrar: Registrar, random: Random) -> None:
    wanted = ClientChange(
        name=random.choice(_NAMES),
        may_use_offline_access=random.random() < 0.5,
        service=random.choice([None, _service(registrar, random)]),
    )
    clients.change_client(registrar, _client(registrar, random), wanted)


def set_default(registrar: Registrar, random: Random) -> None:
    default = random.choice([None, _audience(registrar, random), _audience(registrar, random)])
    clients.change_client(registrar, _client(registrar, random), ClientChange(default_audience=default))


def add_alias(registrar: Registrar, random: Random) -> None:
    until = random.choice([None, registrar.clock.now() + 1, registrar.clock.now() + 86400])
    aliases.add_alias(
        registrar,
        _audience(registrar, random),
        random.choice(_IDENTIFIERS),
        random.choice(list(AliasMode)),
        until,
    )


def rename(registrar: Registrar, random: Random) -> None:
    until = random.choice([None, registrar.clock.now() + 1])
    aliases.rename_audience(registrar, _audience(registrar, random), random.choice(_IDENTIFIERS), until)


def deprecate(registrar: Registrar, random: Random) -> None:
    successor = random.choice([None, _audience(registrar, random)])
    audiences.deprecate_audience(registrar, _audience(registrar, random), successor)


def change_state(registrar: Registrar, random: Random) -> None:
    change, find = random.choice(
        [
            (audiences.disable_audience, _audience),
            (audiences.enable_audience, _audience),
            (services.disable_service, _service),
            (services.enable_service, _service),
            (clients.disable_client, _client),
            (clients.enable_client, _client),
        ]
    )
    change(registrar, find(registrar, random))


def revoke(registrar: Registrar, random: Random) -> None:
    found = random.choice(permissions.list_permissions(registrar) or [None])
    if found is not None:
        permissions.revoke_permission(registrar, found.client_id, found.audience.identifier)


def remove(registrar: Registrar, random: Random) -> None:
    change, find = random.choice(
        [
            (audiences.remove_audience, _audience),
            (services.remove_service, _service),
            (clients.remove_client, _client),
        ]
    )
    change(registrar, find(registrar, random))


def remove_alias(registrar: Registrar, random: Random) -> None:
    found = random.choice(audiences.list_audiences(registrar))
    if found.aliases:
        aliases.remove_alias(registrar, found.identifier, random.choice(found.aliases).identifier)


# After these, a document of what was before can be applied again: no name is given up for good.
REVERSIBLE: tuple[Step, ...] = (
    *(add_service, change_service, add_audience, add_audience, add_client, add_client),
    *(grant, grant, grant, change_audience, remove_scope, change_client, set_default),
    *(deprecate, change_state, revoke),
)
ALL: tuple[Step, ...] = (*REVERSIBLE, add_alias, add_alias, rename, remove, remove_alias)
