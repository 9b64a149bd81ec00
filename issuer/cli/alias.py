"""`issuer audience alias`: other spellings of an audience."""

import click

from issuer.cli import documents, output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.options import DATE, OneOf
from issuer.model.audience import AliasMode
from issuer.registry import aliases, audiences


@click.group("alias", cls=Noun)
def alias() -> None:
    """Other spellings under which an audience may be asked for. Fields: those of the audience."""


@alias.command("add")
@click.argument("identifier")
@click.argument("alias")
@click.option(
    "--mode",
    type=OneOf(AliasMode),
    required=True,
    help="accept: may be asked for. dual: stands in tokens, too.",
)
@click.option("--until", type=DATE, metavar="DATE", help="When that ends; without it, never.")
@click.pass_obj
def add(desk: Desk, identifier: str, alias: str, mode: AliasMode, until: int | None) -> output.Answer:
    """Let an audience be asked for as ALIAS; one that is there changes its mode and date."""
    with desk.registry() as instance:
        changed = aliases.add_alias(instance.registrar, identifier, alias, mode, until)
        return output.fields_answer(documents.of_audience(changed, instance.settings))


@alias.command("remove")
@click.argument("alias")
@click.pass_obj
def remove(desk: Desk, alias: str) -> output.Answer:
    """Take an alias away; it stays reserved for the service."""
    with desk.registry() as instance:
        found = audiences.find_audience(instance.registrar, alias)
        changed = aliases.remove_alias(instance.registrar, found.identifier, alias)
        return output.fields_answer(documents.of_audience(changed, instance.settings))
