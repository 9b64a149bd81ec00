"""`issuer config`: the settings, where each comes from, and whether they fit this machine."""

import click

from issuer import config as settings_of
from issuer.cli import check as checks
from issuer.cli import output
from issuer.cli.check import Finding, Verdict
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.output import Answer, Document


@click.group("config", cls=Noun)
def config() -> None:
    """The settings: ISSUER_* variables, the files that ISSUER_*_FILE name, the command line."""


@config.command("show")
@click.pass_obj
def show(desk: Desk) -> Answer:
    """List every setting with its value and origin; no secrets. Fields: name, value, origin."""
    lines = settings_of.describe(desk.read_settings({}))
    shown = [{"name": line.name, "value": line.value, "origin": line.origin} for line in lines]
    return output.list_answer(shown, ("name", "value", "origin"))


@config.command("check")
@click.pass_obj
def check(desk: Desk) -> Answer:
    """Check settings, data directory, database, master key and connections; changes nothing.

    Fields: is_good, checks (name, verdict: ok, warning or problem, and sentence); error and reason as well
    where there are problems.
    """
    with desk.installation() as instance:
        found = checks.check(instance)
    problems = [each.sentence for each in found if each.verdict is Verdict.PROBLEM]
    document: dict[str, object] = {"is_good": not problems, "checks": [_fields(each) for each in found]}
    if problems:
        document |= {"error": "check_failed", "reason": " ".join(problems)}
    text = output.as_table(
        ("check", "verdict", ""), [(each.name, each.verdict, each.sentence) for each in found]
    )
    return Answer(document, text, is_good=not problems)


def _fields(finding: Finding) -> Document:
    return {"name": finding.name, "verdict": finding.verdict.value, "sentence": finding.sentence}
