"""`issuer audience key`: whether an audience has a signing key of its own."""

import click

from issuer import master_key
from issuer.cli import documents, output
from issuer.cli.command import Command
from issuer.cli.desk import Desk, Instance
from issuer.cli.output import Answer
from issuer.model.audience import Audience, own_jwks_path
from issuer.registry import key_steps, own_keys

_AT_ONCE = (
    "At once: whoever fetched the keys before refuses new tokens until they fetch them again, some for 10 "
    "minutes; and a service must fetch them from the right address already."
)


@click.command("key", cls=Command)
@click.argument("identifier")
@click.option("--own/--shared", "is_own", required=True, help="A key for this audience alone, or not.")
@click.option("--now", "is_now", is_flag=True, help="Sign otherwise at once. Services may refuse its tokens.")
@click.pass_obj
def own_key(desk: Desk, identifier: str, *, is_own: bool, is_now: bool) -> Answer:
    """Give an audience a signing key of its own, or let it use the shared ones again.

    Its key stands in the key set at own_jwks_uri and in no other, so a service that fetches from there can
    accept no token that was signed for others. Tokens are signed with it after
    ISSUER_KEY_PUBLISH_AHEAD_SECONDS, or at once where no client was ever permitted to ask for the audience.
    Until all that the shared keys signed has expired, they stand in that set as well: let the service
    fetch from there any time before. Such an audience never stands in one token with another. Fields:
    those of the audience.
    """
    with desk.registry() as instance:
        waits = key_steps.make_waits(instance.settings)
        if is_own:
            master_keys = master_key.find_or_make_master_key(instance.settings, instance.entropy)
            changed = own_keys.give(instance.registrar, master_keys, identifier, waits, at_once=is_now)
        else:
            changed = own_keys.give_up(instance.registrar, identifier, waits, at_once=is_now)
        note = _AT_ONCE if is_now else _say_address(changed, desk, instance)
        return output.fields_answer(documents.of_audience(changed, instance.settings), note)


def _say_address(audience: Audience, desk: Desk, instance: Instance) -> str:
    """Say from where the service is to fetch its keys, and when."""
    url = instance.settings.url
    own, shared = f"{url}{own_jwks_path(audience.id)}", f"{url}{desk.jwks_path}"
    if audience.has_own_key:
        return f"Let its service fetch the keys from {own}"
    last = own_keys.find_last_times(instance.registrar, audience.id)
    if last is None:
        return f"Let its service fetch the keys from {shared}"
    signs_until, gone_at = last
    return (
        f"Its own key signs until {output.utc(signs_until)}. When its last tokens have expired, let its "
        f"service fetch the keys from {shared}; until then, from {own}, which is gone at "
        f"{output.utc(gone_at)}."
    )
