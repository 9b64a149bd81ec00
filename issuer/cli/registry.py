"""`issuer registry`: what is registered, as one document in YAML or JSON."""

from collections.abc import Iterable, Mapping
from typing import IO

import click

from issuer.cli import differences
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.output import Answer
from issuer.registry.document import apply as use_case
from issuer.registry.document import export as export_case
from issuer.registry.document import form, text
from issuer.registry.document.apply import Outcome, Pruning
from issuer.registry.document.diff import Action, Difference, Kind

_FOR_GOOD = "What is removed stays so: its names, identifiers and client_ids are never free again."


@click.group("registry", cls=Noun)
def registry() -> None:
    """What is registered as one document: services, trust groups, audiences, clients, permissions.

    Secrets never stand in it, nor do the issuer's own service and audiences; permissions on `access` and
    on ${ISSUER_URL}/api/v1, the admin API of whichever installation reads it, do.
    """


@registry.command("export")
@click.pass_obj
def export(desk: Desk) -> Answer:
    """Print what is registered, as YAML, or JSON with --json; `apply` reads both."""
    with desk.registry() as instance:
        document = form.write(export_case.export(instance.registrar))
    return Answer(document, text.write(document).rstrip("\n"))


@registry.command("apply")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Show what would change, or be refused, and change nothing.")
@click.option("--prune", is_flag=True, help="Remove, for good, what is registered and not in FILE.")
@click.option("--yes", is_flag=True, help="With --prune: also if that is more than half.")
@click.pass_obj
def apply(desk: Desk, file: IO[bytes], dry_run: bool, prune: bool, yes: bool) -> Answer:
    """Make the registry what FILE says, all of it or nothing; `-` reads standard input.

    What is left out of an entry has its default. What is not in FILE is left alone, unless --prune.
    Fields: changes (action, kind, its name, path in FILE, before, after), is_applied, not_in_file,
    clients_without_secret, defaults_not_permitted (client_id, audience).
    """
    document = form.read(text.read(file.read(text.LARGEST_BYTES + 1)))
    pruning = (Pruning.ANYTHING if yes else Pruning.LESSER_PART) if prune else Pruning.NOTHING
    run = use_case.rehearse if dry_run else use_case.apply
    with desk.registry() as instance:
        outcome = run(instance.registrar, document, pruning)
    return Answer(
        document={
            "changes": [differences.of_difference(one) for one in outcome.differences],
            "is_applied": not dry_run and bool(outcome.differences),
            "not_in_file": {kind.section: count for kind, count in outcome.left_alone.items()},
            "clients_without_secret": list(outcome.without_secret),
            "defaults_not_permitted": [
                {"client_id": client_id, "audience": identifier}
                for client_id, identifier in outcome.unpermitted_defaults
            ],
        },
        text=differences.as_text(outcome.differences),
        notes=tuple(_notes(outcome, is_applied=not dry_run)),
    )


def _notes(outcome: Outcome, *, is_applied: bool) -> Iterable[str]:
    yield _summary(outcome, is_applied=is_applied)
    if outcome.left_alone:
        yield f"Not in the file and left alone: {_list_counts(outcome.left_alone)}."
    enabled = [f"  {differences.call(one.kind)} {one.title}" for one in outcome.differences if _enables(one)]
    if enabled:
        # Whoever disabled it in haste must hear of the pipeline that takes that back.
        yield "Disabled until now, enabled by the file:"
        yield from enabled
    if any(one.action is Action.REMOVE for one in outcome.differences):
        yield _FOR_GOOD
    if outcome.unpermitted_defaults:
        yield "Defaults that are not permitted; requests that name no audience are refused:"
        yield from (
            f"  issuer permission grant {client_id} {identifier}"
            for client_id, identifier in outcome.unpermitted_defaults
        )
    if outcome.without_secret:
        yield "Clients without a secret:"
        yield from (f"  issuer client secret add {client_id}" for client_id in outcome.without_secret)


def _enables(difference: Difference) -> bool:
    before, after = difference.before or {}, difference.after or {}
    return before.get("state") == "disabled" and after.get("state", "disabled") != "disabled"


def _summary(outcome: Outcome, *, is_applied: bool) -> str:
    if not outcome.differences:
        return "Nothing differs; nothing was changed."
    counts = {
        word: sum(one.action is action for one in outcome.differences)
        for action, word in ((Action.ADD, "added"), (Action.CHANGE, "changed"), (Action.REMOVE, "removed"))
    }
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    return f"Applied: {said}." if is_applied else f"Not applied, as --dry-run says: {said}."


def _list_counts(counts: Mapping[Kind, int]) -> str:
    return ", ".join(
        f"{count} {differences.call(kind) if count == 1 else kind.section.replace('_', ' ')}"
        for kind, count in counts.items()
    )
