"""`issuer token`: what a client would get, and what a token is worth."""

from collections.abc import Mapping

import click

from issuer.cli import explain, output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.output import Answer
from issuer.model.token_plan import TargetRequest


@click.group("token", cls=Noun)
def token() -> None:
    """Tokens: before they are signed, and once somebody holds one."""


token.add_command(explain.explain)


@token.command("preview")
@click.argument("client_id")
@click.option(
    "--resource", "resources", metavar="R", multiple=True, help="As in a token request; repeatable."
)
@click.option("--audience", "audiences", metavar="A", multiple=True, help="The synonym; repeatable.")
@click.option("--scope", metavar="S", help="As in a token request: scopes with spaces between them.")
@click.pass_obj
def preview(
    desk: Desk, client_id: str, resources: tuple[str, ...], audiences: tuple[str, ...], scope: str | None
) -> Answer:
    """Show what the token endpoint would sign for a client now, or why it would refuse.

    Fields: header, claims. Nothing is signed or recorded. A refusal has the code that the endpoint
    answers with, and the reason that it only logs.
    """
    # The token endpoint, too, takes a parameter without a value for one never sent (RFC 6749 §3.2).
    request = TargetRequest(tuple(filter(None, resources)), tuple(filter(None, audiences)), scope or None)
    with desk.registry() as instance:
        unsigned = instance.preview(client_id, request)
    parts: dict[str, Mapping[str, object]] = {"header": unsigned.header, "claims": unsigned.claims}
    return Answer(parts, _as_text(parts))


def _as_text(parts: Mapping[str, Mapping[str, object]]) -> str:
    return "\n\n".join(f"{name}\n{output.as_document(part)}" for name, part in parts.items())
