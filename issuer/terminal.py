"""The console script `issuer`: builds settings and application, and lends them to the commands."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager

import click

from issuer import app as application
from issuer import config
from issuer import parts as made
from issuer.cli import (
    audience,
    audit,
    client,
    db,
    doctor,
    family,
    key,
    lint,
    permission,
    registry,
    serve,
    service,
    tick,
    token,
    user,
)
from issuer.cli import config as config_commands
from issuer.cli.desk import Desk, Instance
from issuer.clock import Clock
from issuer.config import Settings
from issuer.doctor.examination import Examination
from issuer.entropy import Entropy
from issuer.issuing.mint import Unsigned
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.checkup import Applicant, Checkup
from issuer.model.token_plan import TargetRequest
from issuer.model.verdict import Explanation
from issuer.oauth import metadata
from issuer.parts import Parts

_STANDARD_ERROR = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="issuer")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Issuing authority for audience-scoped tokens.

    Every command takes --json: one JSON document on standard output, an object, {"items": [...]} for
    lists, {"error", "reason"} for a refusal. Exit status 0, 1 if refused, 2 if misused. Settings are
    ISSUER_* variables: issuer config show.
    """
    if ctx.obj is None:
        ctx.obj = make_desk()


for _command in (
    serve.serve,
    db.db,
    config_commands.config,
    service.service,
    audience.audience,
    client.client,
    permission.permission,
    token.token,
    family.family,
    key.key,
    audit.audit,
    lint.lint,
    tick.tick,
    registry.registry,
    doctor.doctor,
    user.user,
):
    main.add_command(_command)


def make_desk(clock: Clock | None = None, entropy: Entropy | None = None) -> Desk:
    """Return the desk of this terminal; nothing is read or opened yet."""

    @contextmanager
    def connect(settings: Settings) -> Iterator[Instance]:
        # Whatever is logged goes to standard error: standard output is for the answer.
        app = application.create_app(settings, clock=clock, entropy=entropy, log_descriptor=_STANDARD_ERROR)
        parts = application.parts_of(app)
        try:
            with app.app_context():
                yield _open(parts)
        finally:
            parts.engine.dispose()

    return Desk(
        read_settings=config.load_settings,
        connect=connect,
        serve_app=application.serve_app,
        token_path=metadata.TOKEN_PATH,
        introspection_path=metadata.INTROSPECTION_PATH,
        jwks_path=metadata.JWKS_PATH,
    )


def _open(parts: Parts) -> Instance:
    return Instance(
        settings=parts.settings,
        engine=parts.engine,
        clock=parts.clock,
        entropy=parts.entropy,
        registrar=made.open_registrar(parts, Actor(ActorKind.TERMINAL, user_name())),
        passwords=parts.passwords,
        ticker=parts.ticker,
        open_keys=lambda: application.load_keys(parts),
        preview=lambda client_id, request: _preview(parts, client_id, request),
        explain=lambda text, spelling: _explain(parts, text, spelling),
        examine=lambda applicant: _examine(parts, applicant),
    )


def _examine(parts: Parts, applicant: Applicant | None) -> tuple[Checkup, ...]:
    application.load_keys(parts)
    examination = Examination(
        parts.settings.url,
        parts.keyring,
        parts.clock,
        parts.cache.find_record,
        lambda client_id, request: _preview(parts, client_id, request),
    )
    return examination.examine(applicant)


def user_name() -> str:
    """Return who uses this terminal, from the system's own list: variables can say anything."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def _preview(parts: Parts, client_id: str, request: TargetRequest) -> Unsigned:
    application.load_keys(parts)
    return made.show_preview(parts, client_id, request)


def _explain(parts: Parts, text: str, spelling: str | None) -> Explanation:
    application.load_keys(parts)
    return made.explain(parts, text, spelling)
