"""`issuer token explain`: what a token is, who would accept it, and what to change."""

import sys
from collections.abc import Iterable

import click

from issuer.cli import output
from issuer.cli.command import Command
from issuer.cli.desk import Desk
from issuer.cli.output import Answer, Document
from issuer.issuing.verdict.reading import LONGEST_TEXT
from issuer.model.verdict import Check, Explanation, Outcome, Verdict

_MARKS = {Outcome.PASSED: "ok", Outcome.FAILED: "FAILED", Outcome.SKIPPED: "-", Outcome.UNKNOWN: "unknown"}


@click.command("explain", cls=Command)
@click.option("--audience", "identifier", metavar="IDENTIFIER", help="What the service compares with `aud`.")
@click.pass_obj
def explain(desk: Desk, identifier: str | None) -> Answer:
    """Say whether services would accept the token on standard input, check by check, and what to change.

    Without --audience: for every audience of the active services. Exit status 0 if that service, or any,
    accepts it, else 1. Nothing of the token is kept; its signature is not printed.

    Fields: token (kind, sentence, header, claims), verdicts (audience, service, is_accepted, reason, and
    checks: name, outcome (passed, failed, skipped, unknown), expected, actual, advice).
    """
    with desk.registry() as instance:
        found = instance.explain(_read_token(), identifier)
    text = _one_as_text(found) if identifier is not None else _all_as_text(found)
    return Answer(_document(found), text, is_good=any(each.is_accepted for each in found.verdicts))


def _read_token() -> str:
    stream = sys.stdin.buffer
    if stream.isatty():
        click.echo("Paste the token, then Enter and Ctrl-D.", err=True)
    # One more than is looked at, so that what is longer is told; a character may take several bytes.
    text = stream.read(4 * LONGEST_TEXT + 4).decode("utf-8", "replace")
    # Every `echo` and every terminal ends a line; what else stands around the token is told.
    return text.removesuffix("\n").removesuffix("\r")


def _document(found: Explanation) -> Document:
    return {
        "token": {
            "kind": found.kind.value,
            "sentence": found.sentence,
            "header": found.header,
            "claims": found.claims,
        },
        "verdicts": [_verdict(verdict) for verdict in found.verdicts],
    }


def _verdict(verdict: Verdict) -> Document:
    return {
        "audience": verdict.expectation.spelling,
        "service": verdict.expectation.audience.service.name,
        "is_accepted": verdict.is_accepted,
        "reason": verdict.reason,
        "checks": [
            {
                "name": check.name.value,
                "outcome": check.outcome.value,
                "expected": check.expected,
                "actual": check.actual,
                "advice": check.advice,
            }
            for check in verdict.checks
        ],
    }


def _one_as_text(found: Explanation) -> str:
    parts = [*_token_as_text(found), *map(_checks_as_text, found.verdicts)]
    return "\n\n".join(parts)


def _all_as_text(found: Explanation) -> str:
    parts = _token_as_text(found)
    if found.verdicts and found.claims is not None:
        headers = ("audience", "service", "verdict", "")
        parts.append(output.as_table(headers, map(_row, found.verdicts)))
        parts.append("Each check: issuer token explain --audience IDENTIFIER")
    return "\n\n".join(parts)


def _token_as_text(found: Explanation) -> list[str]:
    parts = [found.sentence]
    for name, members in (("header", found.header), ("claims", found.claims)):
        if members is not None:
            parts.append(f"{name}\n{output.as_document(members)}")
    return parts


def _row(verdict: Verdict) -> tuple[str, str, str, str]:
    expectation = verdict.expectation
    word = "ACCEPT" if verdict.is_accepted else "REJECT"
    return expectation.spelling, expectation.audience.service.name, word, verdict.reason


def _checks_as_text(verdict: Verdict) -> str:
    spelling, service, word, _ = _row(verdict)
    lines = [line for check in verdict.checks for line in _lines(check)]
    return "\n".join([f"{spelling} ({service}): {word}", *lines])


def _lines(check: Check) -> Iterable[str]:
    yield f"  {check.name.value:<9}  {_MARKS[check.outcome]:<7}  {check.actual}".rstrip()
    indent = " " * 22
    if check.outcome is Outcome.FAILED:
        yield f"{indent}expected {check.expected}"
    if check.advice:
        yield f"{indent}{check.advice}"
