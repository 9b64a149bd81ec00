"""`issuer tick`: the upkeep that a timer does where the serving processes do not."""

import threading

import click

from issuer.cli import output
from issuer.cli.command import Command
from issuer.cli.desk import Desk
from issuer.cli.output import Answer
from issuer.registry.tick import PAUSE_SECONDS


@click.command("tick", cls=Command)
@click.pass_obj
def tick(desk: Desk) -> Answer:
    """Remove what has expired and print how much: once a minute to once a day, by cron or the like.

    Two at once are one: the other says so and does nothing. Fields: is_done, removed (revoked_tokens,
    families, registry_changes, issuances, usage, auth_failures; null where another is at it).
    """
    with desk.registry() as instance:
        removed = instance.ticker.tick(_pause)
    if removed is None:
        return Answer({"is_done": False, "removed": None}, "", ("Another process is at it right now.",))
    return Answer({"is_done": True, "removed": dict(removed)}, output.as_fields(removed))


def _pause() -> bool:
    """Let others at the database for a moment."""
    threading.Event().wait(PAUSE_SECONDS)
    return True
