"""`issuer lint`: what is registered, works, and is likely to hurt."""

from collections import Counter

import click

from issuer.cli import output
from issuer.cli.command import Command
from issuer.cli.desk import Desk, Instance
from issuer.cli.output import Answer, Document
from issuer.model.finding import Finding, Severity
from issuer.policy.lifetimes import Lifetimes
from issuer.registry import lint as use_case

_STRICT = click.option("--strict", is_flag=True, help="Exit with status 1 for warnings, too.")


@click.command("lint", cls=Command)
@_STRICT
@click.pass_obj
def lint(desk: Desk, strict: bool) -> Answer:
    """Say what in the registry is likely to hurt, why, and the command that mends it.

    Exit status 1 if there is an error, or with --strict a warning; else 0. Fields: code, severity (error,
    warning, info), noun, name, why, mend.
    """
    with desk.registry() as instance:
        found = use_case.lint(instance.registrar, _lifetimes(instance))
    return _answer(found, is_strict=strict)


@click.command("lint", cls=Command)
@click.argument("identifier")
@_STRICT
@click.pass_obj
def audience_lint(desk: Desk, identifier: str, strict: bool) -> Answer:
    """Say what is likely to hurt about an audience, registered or not yet.

    Exit status and fields: as of `issuer lint`.
    """
    with desk.registry() as instance:
        found = use_case.lint_audience(instance.registrar, identifier, _lifetimes(instance))
    return _answer(found, is_strict=strict)


def _lifetimes(instance: Instance) -> Lifetimes:
    settings = instance.settings
    return Lifetimes(settings.access_token_seconds, settings.access_token_max_seconds)


def _answer(found: tuple[Finding, ...], *, is_strict: bool) -> Answer:
    failing = {Severity.ERROR, Severity.WARNING} if is_strict else {Severity.ERROR}
    return Answer(
        {"items": [_fields(finding) for finding in found]},
        "\n\n".join(map(_as_text, found)),
        notes=(_count(found),),
        is_good=failing.isdisjoint(finding.severity for finding in found),
    )


def _fields(finding: Finding) -> Document:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "noun": finding.noun,
        "name": finding.name,
        "why": finding.why,
        "mend": finding.mend,
    }


def _as_text(finding: Finding) -> str:
    head = f"{finding.severity}: {finding.noun} {output.quote(finding.name)} ({finding.code})"
    return f"{head}\n  {finding.why}\n  {finding.mend}"


def _count(found: tuple[Finding, ...]) -> str:
    counted = Counter(finding.severity for finding in found)
    plural = {Severity.ERROR: "errors", Severity.WARNING: "warnings"}
    told = [
        f"{number} {severity if number == 1 else plural.get(severity, severity)}"
        for severity in Severity
        if (number := counted[severity])
    ]
    return f"Found: {', '.join(told)}." if told else "Nothing found."
