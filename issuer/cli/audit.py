"""`issuer audit`: who changed what."""

import click

from issuer.cli import documents, output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.output import Answer
from issuer.model.audit_event import AuditEvent
from issuer.registry import audit as use_case

_HEADERS = ("id", "at", "actor", "action", "target", "fields")


@click.group("audit", cls=Noun)
def audit() -> None:
    """Who changed what in the registry, what it was before and after.

    Fields: id, at, actor_kind (terminal, user, system), actor, action, target_kind, target, before, after,
    request_id. Times within before and after are epoch seconds, as stored.
    """


@audit.command("list")
@click.option(
    "--limit", type=click.IntRange(1, use_case.LARGEST_PAGE), default=50, show_default=True, metavar="N"
)
@click.option(
    "--before-id", type=click.IntRange(min=1), metavar="ID", help="Only older ones than this event."
)
@click.option("--target", metavar="T", help="Only of this service, identifier, client_id or kid.")
@click.pass_obj
def list_all(desk: Desk, limit: int, before_id: int | None, target: str | None) -> Answer:
    """List changes, newest first."""
    with desk.registry() as instance:
        found = use_case.list_events(instance.registrar, limit, before_id, target)
    shown = [documents.of_event(one) for one in found]
    is_cut = len(found) == limit
    more = f"Older ones: issuer audit list --before-id {found[-1].id}" if is_cut else ""
    nothing = "" if found else "No change yet."
    rows = [
        [*(fields[name] for name in _HEADERS[:-1]), _changed(event)]
        for event, fields in zip(found, shown, strict=True)
    ]
    return Answer(
        {"items": shown},
        output.as_table(_HEADERS, rows) if rows else "",
        tuple(filter(None, (more, nothing))),
    )


def _changed(event: AuditEvent) -> list[str]:
    """Return the names of the fields that differ; --json has what they were and are."""
    return sorted({*(event.before or ()), *(event.after or ())})
