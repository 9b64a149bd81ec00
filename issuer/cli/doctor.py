"""`issuer doctor`: whether clients and services meet at ISSUER_URL what this installation says."""

import sys

import click

from issuer.cli import output
from issuer.cli.command import Command
from issuer.cli.desk import Desk
from issuer.cli.output import Answer, Document
from issuer.errors import InvalidValue
from issuer.model.checkup import Applicant, Checkup, Health
from issuer.model.token_plan import TargetRequest

_LONGEST_SECRET = 1024


@click.command("doctor", cls=Command)
@click.option("--client", "client_id", metavar="CLIENT_ID", help="Ask for a token as this client, too.")
@click.option("--resource", "resources", metavar="R", multiple=True, help="With --client; repeatable.")
@click.option("--scope", metavar="S", help="With --client: scopes with spaces between them.")
@click.pass_obj
def doctor(desk: Desk, client_id: str | None, resources: tuple[str, ...], scope: str | None) -> Answer:
    """Ask the running server by its public URL, and say what is wrong on the way and how to mend it.

    Metadata, JWKS, clocks, what a proxy does to them; with --client a token, its secret on standard
    input. Nothing is sent to any other address. Exit status 1 if there is an error, else 0. Fields:
    name, health (ok, warning, error), sentence, mend.
    """
    if client_id is None and (resources or scope):
        raise click.UsageError("--resource and --scope need --client.")
    request = TargetRequest(tuple(filter(None, resources)), (), scope or None)
    applicant = None if client_id is None else Applicant(client_id, _read_secret(), request)
    with desk.registry() as instance:
        found = instance.examine(applicant)
    return Answer(
        {"items": [_fields(each) for each in found]},
        "\n".join(map(_as_text, found)),
        is_good=all(each.health is not Health.ERROR for each in found),
    )


def _read_secret() -> str:
    if sys.stdin.isatty():
        secret = str(click.prompt("client_secret", hide_input=True, err=True))
    else:
        secret = sys.stdin.readline(_LONGEST_SECRET + 2).rstrip("\r\n")
    if not secret or len(secret) > _LONGEST_SECRET:
        raise InvalidValue("The client's secret is expected on standard input.")
    return secret


def _fields(found: Checkup) -> Document:
    return {
        "name": found.name,
        "health": found.health.value,
        "sentence": found.sentence,
        "mend": found.mend,
    }


def _as_text(found: Checkup) -> str:
    mark = found.health.value if found.health is Health.OK else found.health.value.upper()
    lines = [f"{mark:<7}  {output.quote(found.name)}: {found.sentence}"]
    if found.mend:
        lines.append(f"{'':9}{found.mend}")
    return "\n".join(lines)
