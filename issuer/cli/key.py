"""`issuer key`: the signing keys."""

from collections.abc import Iterable
from typing import BinaryIO

import click

from issuer import master_key
from issuer.cli import documents, key_custody, output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.output import Answer
from issuer.jose import import_key
from issuer.model.signing_key import KeyPurpose, StoredKey
from issuer.registry import key_import, key_rotation, key_steps, key_withdrawal, own_keys, signing_keys
from issuer.registry.key_rotation import Rotated

_HEADERS = (
    "kid",
    "purpose",
    "alg",
    "state",
    "published_at",
    "signs_from",
    "signs_until",
    "verify_until",
    "audience",
)
_BROKEN = {
    KeyPurpose.TOKEN: (
        "services that have cached the JWKS refuse its tokens until they fetch it again, some at once when "
        "they meet an unknown kid, some only after 5 to 10 minutes."
    ),
    KeyPurpose.REFRESH: (
        "a serving process that has not seen it yet tells clients to come again (503), for up to a second."
    ),
}
_RESTART = "most for 5 to 10 minutes. Restart those that matter most."


@click.group("key", cls=Noun)
def key() -> None:
    """What tokens are signed with.

    Fields: kid, purpose (token: published in the JWKS; refresh: never), alg, state (pending, active, retired,
    removed, compromised), created_at, published_at, signs_from, signs_until, verify_until, compromised_at,
    and in the list audience (of those that sign for one alone).
    """


for _command in key_custody.COMMANDS:
    key.add_command(_command)


@key.command("list")
@click.pass_obj
def list_all(desk: Desk) -> Answer:
    """List the signing keys, newest first; never their private parts."""
    with desk.registry() as instance:
        found, now = signing_keys.list_signing_keys(instance.engine), instance.clock.now()
        owners = own_keys.list_owners(instance.registrar)
        shown = [
            {**documents.of_key(one, now), "audience": owners.get(one.audience_id or 0)} for one in found
        ]
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
@click.option("--audience", metavar="IDENTIFIER", help="This audience's own key instead of the shared ones.")
@click.option("--now", "is_now", is_flag=True, help="Sign with it at once. Services may refuse its tokens.")
@click.pass_obj
def rotate(desk: Desk, algs: tuple[str, ...], audience: str | None, is_now: bool) -> Answer:
    """Make the next key: it is published now, and signs after ISSUER_KEY_PUBLISH_AHEAD_SECONDS.

    The key before it signs until then and goes on verifying for as long as anything may live that it
    signed. The key of refresh tokens is not published, and signs once every process has seen it. Fields of
    each item: as of `key list`, and previous_kid, null for the first of an audience.
    """
    if algs and audience is not None:
        raise click.UsageError("An audience has one key of its own: leave --alg out.")
    with desk.registry() as instance:
        master_keys = master_key.find_or_make_master_key(instance.settings, instance.entropy)
        lines = key_rotation.list_shared_lines(algs or key_rotation.ALGS)
        if audience is not None:
            lines = (own_keys.find_line(instance.registrar, audience),)
        act = key_rotation.rotate_now if is_now else key_rotation.rotate
        rotated = act(instance.registrar, master_keys, lines, key_steps.make_waits(instance.settings))
        now = instance.clock.now()
    items = [_as_document(one, now) for one in rotated]
    notes = _list_broken(one.key for one in rotated) if is_now else ()
    return Answer({"items": items}, "\n".join(map(_as_text, rotated)), notes)


@key.command("import")
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--audience", metavar="IDENTIFIER", help="The next key of this audience's own ones.")
@click.option("--now", "is_now", is_flag=True, help="Sign with it at once. Services may refuse its tokens.")
@click.pass_obj
def import_one(desk: Desk, file: BinaryIO, audience: str | None, is_now: bool) -> Answer:
    """Take a private key that was made elsewhere as the next one of its algorithm.

    FILE (or standard input) holds an RSA key of 2048 to 4096 bits or one on P-256, as PEM without a password
    or as a JWK. It waits as a key made here does. Fields: as of `key list`, and previous_kid.
    """
    text = file.read(import_key.LARGEST_BYTES + 1)
    with desk.registry() as instance:
        master_keys = master_key.find_or_make_master_key(instance.settings, instance.entropy)
        waits, is_to_wait = key_steps.make_waits(instance.settings), not is_now
        done = key_import.add_key(
            instance.registrar, master_keys, text, waits, audience=audience, is_to_wait=is_to_wait
        )
        now = instance.clock.now()
    notes = ("Remove the copy that you imported from.", *(_list_broken([done.key]) if is_now else ()))
    return Answer(_as_document(done, now), _as_text(done), notes)


@key.command("retire")
@click.argument("kid")
@click.pass_obj
def retire(desk: Desk, kid: str) -> Answer:
    """Let a key sign no more; what it signed is still verified.

    In place of one that signs, its successor does at once, and services may refuse its tokens; in place of
    one that waits, the one before it signs on. Fields of each item: as of `key list`; the key named first,
    then those that changed with it.
    """
    with desk.registry() as instance:
        master_keys = master_key.find_or_make_master_key(instance.settings, instance.entropy)
        waits = key_steps.make_waits(instance.settings)
        retired, *others = changed = key_withdrawal.retire(instance.registrar, master_keys, kid, waits)
        # One before it that signs on has begun long ago.
        begun = [one for one in others if one.signs_from == retired.signs_until]
        return _answer_changed(changed, instance.clock.now(), _list_broken(begun))


@key.command("compromise")
@click.argument("kid")
@click.pass_obj
def compromise(desk: Desk, kid: str) -> Answer:
    """Withdraw a key that somebody may have stolen: at once, for good, and all that it signed with it.

    It leaves the JWKS, introspection and the token endpoint refuse what it signed, its private part is
    erased; if it signs, its successor does at once, and if it waits, the one before signs on. Fields as of
    `key retire`.
    """
    with desk.registry() as instance:
        master_keys = master_key.find_or_make_master_key(instance.settings, instance.entropy)
        waits = key_steps.make_waits(instance.settings)
        changed = key_withdrawal.compromise(instance.registrar, master_keys, kid, waits)
        note = f"{kid} is compromised: {_tell_compromise(*changed)}"
        return _answer_changed(changed, instance.clock.now(), (note,))


def _answer_changed(changed: tuple[StoredKey, ...], now: int, notes: tuple[str, ...]) -> Answer:
    shown = [documents.of_key(one, now) for one in changed]
    text = "\n".join(f"{one['alg']}: {one['kid']} is {one['state']}." for one in shown)
    return Answer({"items": shown}, text, notes)


def _tell_compromise(key: StoredKey, *changed: StoredKey) -> str:
    """Say what breaks. changed: the keys that sign otherwise since."""
    if key.purpose is KeyPurpose.REFRESH:
        if key.has_begun:
            return "every refresh token that it signed is refused from now on: clients start afresh."
        return "it had signed nothing, so nobody notices."
    accepted = "services that have cached the JWKS accept what it signed until they fetch the JWKS again"
    if key.has_begun and any(one.signs_from == key.compromised_at for one in changed):
        return f"{accepted}, and refuse what a new key signs: {_RESTART}"
    return f"{accepted}, {_RESTART}"


def _as_document(rotated: Rotated, now: int) -> dict[str, object]:
    previous_kid = None if rotated.is_first else rotated.previous.kid
    return {**documents.of_key(rotated.key, now), "previous_kid": previous_kid}


def _as_text(rotated: Rotated) -> str:
    made, previous = rotated.key, rotated.previous
    published = "is published, " if made.purpose is KeyPurpose.TOKEN else ""
    begins = f"{made.alg}: {made.kid} {published}signs from {output.utc(made.signs_from)}."
    if rotated.is_first:
        return begins
    return (
        f"{begins}\n{' ' * len(made.alg)}  {previous.kid} verifies until {output.utc(previous.verify_until)}."
    )


def _list_broken(keys: Iterable[StoredKey]) -> tuple[str, ...]:
    return tuple(f"{one.alg} signs at once: {_BROKEN[one.purpose]}" for one in keys)
