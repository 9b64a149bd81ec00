"""`issuer family`: refresh tokens and their successors."""

import click

from issuer.cli import output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.output import Answer
from issuer.registry import families


@click.group("family", cls=Noun)
def family() -> None:
    """A refresh token and all its successors."""


@family.command("end")
@click.option("--client", "client_id", metavar="CLIENT_ID", help="All of this client.")
@click.option("--all", "is_all", is_flag=True, help="All of everyone, as after a restored backup.")
@click.pass_obj
def end(desk: Desk, client_id: str | None, *, is_all: bool) -> Answer:
    """End refresh tokens for good: clients ask for new ones, users sign in again. Field: ended, how many."""
    if is_all == (client_id is not None):
        raise click.UsageError("Say whose: --client CLIENT_ID or --all.")
    with desk.registry() as instance:
        return output.fields_answer({"ended": families.end_families(instance.registrar, client_id)})
