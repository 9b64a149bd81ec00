"""`issuer audience`: what services are called in tokens, and how tokens for them look."""

from dataclasses import dataclass, replace
from typing import Any

import click

from issuer.cli import alias, documents, lint, options, output, own_key
from issuer.cli.command import Noun
from issuer.cli.desk import Desk, Instance
from issuer.cli.options import CLAIM, DATE, SECONDS, OneOf
from issuer.cli.output import Answer
from issuer.errors import NotFound
from issuer.model.audience import Audience, AudienceState, JsonValue, Scope, SigningAlg, TokenTyp
from issuer.registry import aliases, audiences
from issuer.registry.audiences import AudienceChange, NewAudience

_HEADERS = ("identifier", "service", "scopes", "access_token_seconds", "signing_alg", "state")


@click.group("audience", cls=Noun)
def audience() -> None:
    """What a service is called in tokens (`aud`), its scopes and its token policy.

    Fields: identifier, service, description, scopes, access_token_seconds (in effect),
    is_default_lifetime, signing_alg, typ, extra_claims, aliases (identifier, mode, until), state (active,
    deprecated, disabled, removed), successor, is_reserved, own_jwks_uri (null: the shared keys
    sign), created_at, version.
    """


audience.add_command(alias.alias)
audience.add_command(lint.audience_lint)
audience.add_command(own_key.own_key)


@audience.command("add")
@click.argument("identifier")
@click.option("--service", metavar="NAME", required=True, help="The service that it belongs to.")
@click.option("--scope", "scopes", metavar="S", multiple=True, help="A scope that it defines; repeatable.")
@click.option("--description", default="", metavar="T", help="What it is, for people.")
@click.option("--access-token-seconds", type=SECONDS, metavar="N", help="Life of its access tokens.")
@click.option("--signing-alg", type=OneOf(SigningAlg), default=SigningAlg.RS256, show_default="RS256")
@click.option("--typ", type=OneOf(TokenTyp), default=TokenTyp.AT_JWT, show_default="at+jwt")
@click.option("--claim", "claims", type=CLAIM, metavar="NAME=JSON", multiple=True, help="A static claim.")
@click.pass_obj
def add(  # noqa: PLR0913 - the options of one command
    desk: Desk,
    /,
    *,
    identifier: str,
    service: str,
    scopes: tuple[str, ...],
    description: str,
    access_token_seconds: int | None,
    signing_alg: SigningAlg,
    typ: TokenTyp,
    claims: tuple[tuple[str, JsonValue], ...],
) -> Answer:
    """Register an audience of a service; its identifier is never given again."""
    new = NewAudience(
        identifier=identifier,
        service=service,
        description=description,
        scopes=tuple(map(Scope, scopes)),
        access_token_seconds=access_token_seconds,
        signing_alg=signing_alg,
        typ=typ,
        extra_claims=dict(claims),
    )
    with desk.registry() as instance:
        added = audiences.add_audience(instance.registrar, new)
        return _answer(
            instance, added, f"Permit a client to ask for it: issuer permission grant CLIENT_ID {identifier}"
        )


@audience.command("list")
@click.option("--service", metavar="NAME", help="Only those of this service.")
@click.option("--state", type=OneOf(AudienceState), help="Only those in this state.")
@click.pass_obj
def list_all(desk: Desk, service: str | None, state: AudienceState | None) -> Answer:
    """List all audiences, removed ones included, in order of registration."""
    with desk.registry() as instance:
        found = audiences.list_audiences(instance.registrar, service)
        shown = [documents.of_audience(one, instance.settings) for one in found if state in {None, one.state}]
    is_first_use = all(one.is_reserved for one in found)
    hint = "No audience of yours here yet. Add one: issuer audience add IDENTIFIER --service NAME"
    return output.list_answer(shown, _HEADERS, (hint,) if is_first_use else ())


@audience.command("show")
@click.argument("identifier")
@click.pass_obj
def show(desk: Desk, identifier: str) -> Answer:
    """Show an audience, by any of its spellings."""
    with desk.registry() as instance:
        return _answer(instance, audiences.find_audience(instance.registrar, identifier))


@audience.command("disable")
@click.argument("identifier")
@click.pass_obj
def disable(desk: Desk, identifier: str) -> Answer:
    """Stop tokens for an audience; what is registered stays."""
    with desk.registry() as instance:
        return _answer(instance, audiences.disable_audience(instance.registrar, identifier))


@audience.command("enable")
@click.argument("identifier")
@click.pass_obj
def enable(desk: Desk, identifier: str) -> Answer:
    """Make a disabled or deprecated audience active again."""
    with desk.registry() as instance:
        return _answer(instance, audiences.enable_audience(instance.registrar, identifier))


@audience.command("remove")
@click.argument("identifier")
@click.pass_obj
def remove(desk: Desk, identifier: str) -> Answer:
    """Remove an audience for good, with all permissions on it."""
    with desk.registry() as instance:
        return _answer(instance, audiences.remove_audience(instance.registrar, identifier))


@audience.command("deprecate")
@click.argument("identifier")
@click.option("--successor", metavar="IDENTIFIER", help="The audience to use instead.")
@click.pass_obj
def deprecate(desk: Desk, identifier: str, successor: str | None) -> Answer:
    """Mark an audience as on its way out; tokens are still issued."""
    with desk.registry() as instance:
        return _answer(instance, audiences.deprecate_audience(instance.registrar, identifier, successor))


@audience.command("rename")
@click.argument("old")
@click.argument("new")
@click.option("--until", type=DATE, metavar="DATE", required=True, help="Up to then tokens hold both.")
@click.pass_obj
def rename(desk: Desk, old: str, new: str, until: int) -> Answer:
    """Make NEW the identifier of OLD; both stand in tokens until DATE, then OLD may still be asked for."""
    with desk.registry() as instance:
        return _answer(instance, aliases.rename_audience(instance.registrar, old, new, until))


@audience.command("change")
@click.argument("identifier")
@click.option("--add-scope", "add_scopes", metavar="S", multiple=True)
@click.option("--remove-scope", "remove_scopes", metavar="S", multiple=True)
@click.option("--description", metavar="T")
@click.option("--access-token-seconds", type=SECONDS, metavar="N", help="Life of its access tokens.")
@click.option("--no-access-token-seconds", is_flag=True, help="Take the server's default again.")
@click.option("--signing-alg", type=OneOf(SigningAlg))
@click.option("--typ", type=OneOf(TokenTyp))
@click.option("--claim", "claims", type=CLAIM, metavar="NAME=JSON", multiple=True, help="Set a static claim.")
@click.option("--remove-claim", "remove_claims", metavar="NAME", multiple=True)
@click.pass_obj
# Any: click hands over what the options above say.
def change(desk: Desk, /, identifier: str, **given: Any) -> Answer:
    """Change an audience; what is not named stays."""
    options_given = _Given(**given)
    wanted = _wanted(options_given)
    with desk.registry() as instance:
        if options_given.claims or options_given.remove_claims:
            before = audiences.find_audience(instance.registrar, identifier)
            # Claims are merged with those that were read, so nobody may have changed them since.
            merged = _merge_claims(before, options_given)
            wanted = replace(wanted, extra_claims=merged, expected_version=before.version)
        return _answer(instance, audiences.change_audience(instance.registrar, identifier, wanted))


@dataclass(frozen=True, slots=True)
class _Given:
    """The options of `audience change`; None or empty where not given."""

    add_scopes: tuple[str, ...]
    remove_scopes: tuple[str, ...]
    description: str | None
    access_token_seconds: int | None
    no_access_token_seconds: bool
    signing_alg: SigningAlg | None
    typ: TokenTyp | None
    claims: tuple[tuple[str, JsonValue], ...]
    remove_claims: tuple[str, ...]


def _wanted(given: _Given) -> AudienceChange:
    return AudienceChange(
        description=options.unless_none(given.description),
        access_token_seconds=options.or_nothing(
            given.access_token_seconds, is_nothing=given.no_access_token_seconds, name="access-token-seconds"
        ),
        signing_alg=options.unless_none(given.signing_alg),
        typ=options.unless_none(given.typ),
        add_scopes=tuple(map(Scope, given.add_scopes)),
        remove_scopes=frozenset(given.remove_scopes),
    )


def _merge_claims(before: Audience, given: _Given) -> dict[str, JsonValue]:
    missing = [name for name in given.remove_claims if name not in before.policy.extra_claims]
    if missing:
        raise NotFound(f"{before.identifier} has no claim {missing[0]}")
    kept = {
        name: value for name, value in before.policy.extra_claims.items() if name not in given.remove_claims
    }
    return {**kept, **dict(given.claims)}


def _answer(instance: Instance, found: Audience, *notes: str) -> Answer:
    return output.fields_answer(documents.of_audience(found, instance.settings), *notes)
