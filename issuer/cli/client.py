"""`issuer client`: programs that ask for tokens."""

from dataclasses import dataclass
from typing import Any

import click

from issuer.cli import options, output, secret
from issuer.cli.command import Noun
from issuer.cli.desk import Desk, Instance
from issuer.cli.documents import ClientDocuments
from issuer.cli.options import SECONDS, OneOf
from issuer.cli.output import Answer
from issuer.model.client import AuthMethod, Client, ClientState, ClientType, GrantType
from issuer.registry import clients
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.unchanged import UNCHANGED

_HEADERS = ("client_id", "name", "grant_types", "default_audience", "service", "state")


@click.group("client", cls=Noun)
def client() -> None:
    """A program that asks for tokens.

    Fields: client_id, name, type, grant_types, auth_method, may_use_offline_access, default_audience,
    tenant_id, access_token_max_seconds, service, state (active, disabled, removed), secrets (secret_id,
    label, is_usable, created_at, last_used_at, expires_at, revoked_at), created_at, version. `add` gives
    client_secret as well, once.
    """


client.add_command(secret.secret)


@client.command("add")
@click.argument("name")
@click.option("--grant", "grants", type=OneOf(GrantType), required=True, multiple=True, help="Repeatable.")
@click.option("--auth-method", type=OneOf(AuthMethod), default=AuthMethod.CLIENT_SECRET_BASIC)
@click.option("--offline-access", is_flag=True, help="Let it ask for refresh tokens, and use them.")
@click.option("--service", metavar="NAME", help="The service that it speaks for.")
@click.option("--tenant-id", metavar="T", help="The claim `tenant_id` of its tokens.")
@click.option("--type", "client_type", type=OneOf(ClientType), default=ClientType.SERVICE)
@click.option("--access-token-max-seconds", type=SECONDS, metavar="N", help="Caps what audiences grant.")
@click.pass_obj
def add(  # noqa: PLR0913 - the options of one command
    desk: Desk,
    /,
    *,
    name: str,
    grants: tuple[GrantType, ...],
    auth_method: AuthMethod,
    offline_access: bool,
    service: str | None,
    tenant_id: str | None,
    client_type: ClientType,
    access_token_max_seconds: int | None,
) -> Answer:
    """Register a client; prints its client_id and, this once, its client_secret.

    --offline-access brings the grant type refresh_token along.
    """
    new = NewClient(
        name=name,
        type=client_type,
        grant_types=frozenset(grants),
        auth_method=auth_method,
        may_use_offline_access=offline_access,
        tenant_id=tenant_id,
        access_token_max_seconds=access_token_max_seconds,
        service=service,
    )
    with desk.registry() as instance:
        added, text = clients.add_client(instance.registrar, new)
        fields = _documents(instance).of_client(added)
    return output.fields_answer(
        {"client_id": added.client_id, "client_secret": text, **fields},
        secret.ONCE,
        f"Permit it an audience: issuer permission grant {added.client_id} IDENTIFIER",
    )


@client.command("list")
@click.option("--service", metavar="NAME", help="Only those that speak for this service.")
@click.option("--state", type=OneOf(ClientState), help="Only those in this state.")
@click.pass_obj
def list_all(desk: Desk, service: str | None, state: ClientState | None) -> Answer:
    """List all clients, removed ones included, by client_id."""
    with desk.registry() as instance:
        found = clients.list_clients(instance.registrar, service)
        made = _documents(instance)
    shown = [made.of_client(one) for one in found if state in {None, one.state}]
    hint = "No client here yet. Add one: issuer client add NAME --grant client_credentials"
    return output.list_answer(shown, _HEADERS, () if found else (hint,))


@client.command("show")
@click.argument("client_id")
@click.pass_obj
def show(desk: Desk, client_id: str) -> Answer:
    """Show a client with its secrets' dates, never the secrets."""
    with desk.registry() as instance:
        return _answer(instance, clients.find_client(instance.registrar, client_id))


@client.command("disable")
@click.argument("client_id")
@click.pass_obj
def disable(desk: Desk, client_id: str) -> Answer:
    """Refuse tokens to a client; what is registered stays."""
    with desk.registry() as instance:
        return _answer(instance, clients.disable_client(instance.registrar, client_id))


@client.command("enable")
@click.argument("client_id")
@click.pass_obj
def enable(desk: Desk, client_id: str) -> Answer:
    """Give tokens to a disabled client again."""
    with desk.registry() as instance:
        return _answer(instance, clients.enable_client(instance.registrar, client_id))


@client.command("remove")
@click.argument("client_id")
@click.pass_obj
def remove(desk: Desk, client_id: str) -> Answer:
    """Remove a client for good, with its secrets and permissions."""
    with desk.registry() as instance:
        return _answer(instance, clients.remove_client(instance.registrar, client_id))


@client.command("change")
@click.argument("client_id")
@click.option("--name", metavar="T")
@click.option("--default-audience", metavar="IDENTIFIER", help="What it gets when it names none.")
@click.option("--no-default-audience", is_flag=True)
@click.option("--grant", "grants", type=OneOf(GrantType), multiple=True, help="All its grants; repeatable.")
@click.option("--auth-method", type=OneOf(AuthMethod))
@click.option(
    "--offline-access/--no-offline-access", default=None, help="Let it ask for refresh tokens, and use them."
)
@click.option("--service", metavar="NAME", help="The service that it speaks for.")
@click.option("--no-service", is_flag=True)
@click.option("--tenant-id", metavar="T", help="The claim `tenant_id` of its tokens.")
@click.option("--no-tenant-id", is_flag=True)
@click.option("--access-token-max-seconds", type=SECONDS, metavar="N", help="Caps what audiences grant.")
@click.option("--no-access-token-max-seconds", is_flag=True)
@click.option("--type", "client_type", type=OneOf(ClientType))
@click.pass_obj
# Any: click hands over what the options above say.
def change(desk: Desk, /, client_id: str, **given: Any) -> Answer:
    """Change a client; what is not named stays.

    --offline-access brings the grant type refresh_token along; --no-offline-access takes only itself away.
    """
    wanted = _wanted(_Given(**given))
    with desk.registry() as instance:
        return _answer(instance, clients.change_client(instance.registrar, client_id, wanted))


@dataclass(frozen=True, slots=True)
class _Given:
    """The options of `client change`; None, empty or False where not given."""

    name: str | None
    default_audience: str | None
    no_default_audience: bool
    grants: tuple[GrantType, ...]
    auth_method: AuthMethod | None
    offline_access: bool | None
    service: str | None
    no_service: bool
    tenant_id: str | None
    no_tenant_id: bool
    access_token_max_seconds: int | None
    no_access_token_max_seconds: bool
    client_type: ClientType | None


def _wanted(given: _Given) -> ClientChange:
    return ClientChange(
        name=options.unless_none(given.name),
        type=options.unless_none(given.client_type),
        grant_types=frozenset(given.grants) if given.grants else UNCHANGED,
        auth_method=options.unless_none(given.auth_method),
        may_use_offline_access=options.unless_none(given.offline_access),
        default_audience=options.or_nothing(
            given.default_audience, is_nothing=given.no_default_audience, name="default-audience"
        ),
        tenant_id=options.or_nothing(given.tenant_id, is_nothing=given.no_tenant_id, name="tenant-id"),
        access_token_max_seconds=options.or_nothing(
            given.access_token_max_seconds,
            is_nothing=given.no_access_token_max_seconds,
            name="access-token-max-seconds",
        ),
        service=options.or_nothing(given.service, is_nothing=given.no_service, name="service"),
    )


def _documents(instance: Instance) -> ClientDocuments:
    return ClientDocuments(instance.registrar, instance.clock.now())


def _answer(instance: Instance, found: Client) -> Answer:
    return output.fields_answer(_documents(instance).of_client(found))
