"""`issuer key`: the signing keys."""

from collections.abc import Iterable

import click

from issuer import master_key
from issuer.cli import documents, output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk, Instance
from issuer.cli.output import Answer
from issuer.model.signing_key import KeyPurpose
from issuer.registry import key_rotation, signing_keys
from issuer.registry.key_rotation import Rotated, Waits

_HEADERS = ("kid", "purpose", "alg", "state", "published_at", "signs_from", "signs_until", "verify_until")
_BROKEN = {
    KeyPurpose.TOKEN: (
        "services that have cached the JWKS refuse its tokens until they fetch it again, some at once when "
        "they meet an unknown kid, some only after 5 to 10 minutes."
    ),
    KeyPurpose.REFRESH: (
        "a serving process that has not seen it yet refuses its refresh tokens, for up to a second."
    ),
}


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


@key.command("rotate")
@click.option(
    "--alg",
    "algs",
    type=click.Choice(key_rotation.ALGS),
    multiple=True,
    help="Of this algorithm only; may be repeated. HS256 signs refresh tokens. All by default.",
)
@click.option("--now", "is_now", is_flag=True, help="Sign with it at once. Services may refuse its tokens.")
@click.pass_obj
def rotate(desk: Desk, algs: tuple[str, ...], is_now: bool) -> Answer:
    """Make the next key: it is published now, and signs after ISSUER_KEY_PUBLISH_AHEAD_SECONDS.

    The key before it signs until then and goes on verifying for as long as anything may live that it
    signed. The key of refresh tokens is not published, and signs once every process has seen it. Fields of
    each item: as of `key list`, and previous_kid.
    """
    with desk.registry() as instance:
        master_keys = master_key.find_or_make_master_key(instance.settings, instance.entropy)
        act = key_rotation.rotate_now if is_now else key_rotation.rotate
        rotated = act(instance.registrar, master_keys, algs or key_rotation.ALGS, _waits(instance))
        now = instance.clock.now()
    items = [{**documents.of_key(one.key, now), "previous_kid": one.previous.kid} for one in rotated]
    notes = _list_broken(rotated) if is_now else ()
    return Answer({"items": items}, "\n".join(map(_as_text, rotated)), notes)


def _waits(instance: Instance) -> Waits:
    settings = instance.settings
    longest = {
        KeyPurpose.TOKEN: settings.access_token_max_seconds,
        KeyPurpose.REFRESH: settings.refresh_absolute_seconds,
    }
    return Waits(settings.key_publish_ahead_seconds, settings.registry_stale_seconds, longest)


def _as_text(rotated: Rotated) -> str:
    made, previous = rotated.key, rotated.previous
    published = "is published, " if made.purpose is KeyPurpose.TOKEN else ""
    signs_from, verify_until = output.utc(made.signs_from), output.utc(previous.verify_until)
    return (
        f"{made.alg}: {made.kid} {published}signs from {signs_from}.\n"
        f"{' ' * len(made.alg)}  {previous.kid} verifies until {verify_until}."
    )


def _list_broken(rotated: Iterable[Rotated]) -> tuple[str, ...]:
    return tuple(f"{one.key.alg} signs at once: {_BROKEN[one.key.purpose]}" for one in rotated)
