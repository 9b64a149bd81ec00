"""`issuer permission`: which client may ask for which audience."""

import click

from issuer.cli import documents, output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.options import OneOf
from issuer.cli.output import Answer
from issuer.model.permission import PermittedSubject
from issuer.registry import permissions
from issuer.registry.permissions import NewPermission

_HEADERS = ("client_id", "audience", "service", "scopes", "default_scopes", "subject")


@click.group("permission", cls=Noun)
def permission() -> None:
    """Which client may ask for which audience, with which scopes, for whom.

    Fields: client_id, audience, service, scopes, default_scopes (empty: all of them), subject, version.
    """


@permission.command("grant")
@click.argument("client_id")
@click.argument("identifier")
@click.option("--scope", "scopes", metavar="S", multiple=True, help="A scope that it may have; repeatable.")
@click.option("--default-scope", "default_scopes", metavar="S", multiple=True, help="Given if none is asked.")
@click.option(
    "--subject",
    type=OneOf(PermittedSubject),
    default=PermittedSubject.CLIENT,
    show_default="client",
    help="Whom its tokens may speak of.",
)
@click.pass_obj
def grant(
    desk: Desk,
    client_id: str,
    identifier: str,
    scopes: tuple[str, ...],
    default_scopes: tuple[str, ...],
    subject: PermittedSubject,
) -> Answer:
    """Permit an audience to a client; a permission that is there is replaced."""
    new = NewPermission(client_id, identifier, frozenset(scopes), frozenset(default_scopes), subject)
    with desk.registry() as instance:
        granted = permissions.grant_permission(instance.registrar, new)
    next_step = f"See what it gets: issuer token preview {client_id}"
    return output.fields_answer(documents.of_permission(granted), next_step)


@permission.command("revoke")
@click.argument("client_id")
@click.argument("identifier")
@click.pass_obj
def revoke(desk: Desk, client_id: str, identifier: str) -> Answer:
    """Take a permission back. Fields: client_id, audience, state (revoked)."""
    with desk.registry() as instance:
        permissions.revoke_permission(instance.registrar, client_id, identifier)
    return output.fields_answer({"client_id": client_id, "audience": identifier, "state": "revoked"})


@permission.command("list")
@click.option("--client", metavar="C", help="Only those of this client_id.")
@click.option("--audience", metavar="A", help="Only those on this audience.")
@click.pass_obj
def list_all(desk: Desk, client: str | None, audience: str | None) -> Answer:
    """List permissions, by client, then in order of registration."""
    with desk.registry() as instance:
        found = permissions.list_permissions(instance.registrar, client, audience)
    shown = [documents.of_permission(one) for one in found]
    hint = "No permission here yet. Grant one: issuer permission grant CLIENT_ID IDENTIFIER --scope S"
    return output.list_answer(shown, _HEADERS, () if found else (hint,))
