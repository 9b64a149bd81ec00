"""`issuer key`: the signing keys."""

import click

from issuer.cli import documents, output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.output import Answer
from issuer.registry import signing_keys

_HEADERS = ("kid", "purpose", "alg", "state", "signs_from", "signs_until")


@click.group("key", cls=Noun)
def key() -> None:
    """What tokens are signed with.

    Fields: kid, purpose (token: published in the JWKS; refresh: never), alg, state (pending, active, retired,
    removed, compromised), created_at, published_at, signs_from, signs_until, verify_until, compromised_at.
    """


@key.command("list")
@click.pass_obj
def list_all(desk: Desk) -> Answer:
    """List the signing keys, newest first; never their private parts."""
    with desk.registry() as instance:
        found = signing_keys.list_signing_keys(instance.engine)
        shown = [documents.of_key(one, instance.clock.now()) for one in found]
    hint = "No keys yet: `issuer serve` makes them when it starts."
    return output.list_answer(shown, _HEADERS, () if found else (hint,))
