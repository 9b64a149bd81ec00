"""`issuer tick`: the upkeep that a timer does where the serving processes do not."""

import threading

import click

from issuer import master_key
from issuer.cli import output
from issuer.cli.command import Command
from issuer.cli.desk import Desk, Instance
from issuer.cli.output import Answer, Document
from issuer.registry import key_steps, key_upkeep
from issuer.registry.key_upkeep import Kept
from issuer.registry.tick import PAUSE_SECONDS


@click.command("tick", cls=Command)
@click.pass_obj
def tick(desk: Desk) -> Answer:
    """Remove what has expired, and let the keys roll: once a minute to once a day, by cron or the like.

    Keys are followed by the next ones after ISSUER_KEY_ROTATION_DAYS, and erased when all that they signed
    has expired. Two at once are one: the other says so and does nothing. Fields: is_done, removed
    (revoked_tokens, families, registry_changes, issuances, usage, auth_failures, sign_in_failures,
    web_sessions, refusals; null where another is at it), keys (rotated: kids of the new ones, erased: kids;
    null where another is at it).
    """
    with desk.registry() as instance:
        removed = instance.ticker.tick(_pause)
        kept = _keep_keys(instance)
    notes = () if removed is not None else ("Another process is at it right now.",)
    document = {
        "is_done": removed is not None,
        "removed": None if removed is None else dict(removed),
        "keys": None if kept is None else _as_document(kept),
    }
    lines = ("" if removed is None else output.as_fields(removed), _as_text(kept))
    return Answer(document, "\n".join(filter(None, lines)), notes)


def _keep_keys(instance: Instance) -> Kept | None:
    settings = instance.settings
    master_keys = master_key.find_or_make_master_key(settings, instance.entropy)
    waits = key_steps.make_waits(settings)
    return key_upkeep.keep(instance.registrar, master_keys, waits, settings.key_rotation_seconds)


def _as_document(kept: Kept) -> Document:
    return {"rotated": [one.key.kid for one in kept.rotated], "erased": list(kept.erased)}


def _as_text(kept: Kept | None) -> str:
    if kept is None:
        return ""
    made = (
        f"{one.key.alg}: {one.key.kid} signs from {output.utc(one.key.signs_from)}." for one in kept.rotated
    )
    return "\n".join((*made, *(f"The private part of {kid} is erased." for kid in kept.erased)))


def _pause() -> bool:
    """Let others at the database for a moment."""
    threading.Event().wait(PAUSE_SECONDS)
    return True
