"""Commands and their groups: every command answers, takes --json, and is refused in one way."""

from typing import Any

import click

from issuer.cli import output
from issuer.cli.output import Answer
from issuer.errors import Refusal


class Command(click.Command):
    """A command that returns an Answer; exit status 0, 1 if refused, 2 (click's own) if misused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: click's own signature
        super().__init__(*args, **kwargs)
        self.params.append(click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document."))

    def invoke(self, ctx: click.Context) -> None:
        """Run the command and print its answer or its refusal."""
        as_json: bool = ctx.params.pop("as_json")
        try:
            answer: Answer = super().invoke(ctx)
            if answer.go_on is None:
                output.say(answer, as_json=as_json)
            else:
                answer.go_on(lambda: output.say(answer, as_json=as_json))
        except Refusal as refusal:
            output.refuse(refusal, as_json=as_json)
            ctx.exit(1)
        if not answer.is_good:
            ctx.exit(1)


class Noun(click.Group):
    """A group of commands on one noun."""

    command_class = Command
    group_class = type
