"""`issuer client secret`: several at a time, so that they can be changed without a gap."""

import click

from issuer.cli import documents, output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.output import Answer
from issuer.registry import client_secrets, clients

ONCE = "Keep the client_secret now: it is not stored and cannot be shown again."
_HEADERS = ("secret_id", "label", "is_usable", "created_at", "last_used_at", "expires_at", "revoked_at")


@click.group("secret", cls=Noun)
def secret() -> None:
    """What a client proves itself with.

    Fields: client_id, secret_id, label, is_usable, created_at, last_used_at, expires_at, revoked_at. `add`
    gives client_secret as well, once.
    """


@secret.command("add")
@click.argument("client_id")
@click.option("--label", default="", metavar="L", help="What it is for, for people.")
@click.option("--expires-in-days", type=click.IntRange(min=1), metavar="N", help="Without it, never.")
@click.pass_obj
def add(desk: Desk, client_id: str, label: str, expires_in_days: int | None) -> Answer:
    """Give a client another secret; the others stay usable."""
    with desk.registry() as instance:
        made, text = client_secrets.add_secret(instance.registrar, client_id, label, expires_in_days)
        fields = documents.of_secret(made, instance.clock.now())
    return output.fields_answer({"client_id": client_id, "client_secret": text, **fields}, ONCE)


@secret.command("list")
@click.argument("client_id")
@click.pass_obj
def list_all(desk: Desk, client_id: str) -> Answer:
    """List all secrets that a client ever had, oldest first; never the secrets themselves."""
    with desk.registry() as instance:
        found = clients.find_client(instance.registrar, client_id)
        shown = [documents.of_secret(one, instance.clock.now()) for one in found.secrets]
    hint = f"It has none. Add one: issuer client secret add {client_id}"
    return output.list_answer(shown, _HEADERS, () if shown else (hint,))


@secret.command("revoke")
@click.argument("client_id")
@click.argument("secret_id")
@click.pass_obj
def revoke(desk: Desk, client_id: str, secret_id: str) -> Answer:
    """Make a secret useless from now on."""
    with desk.registry() as instance:
        revoked = client_secrets.revoke_secret(instance.registrar, client_id, secret_id)
        fields = documents.of_secret(revoked, instance.clock.now())
    return output.fields_answer({"client_id": client_id, **fields})
