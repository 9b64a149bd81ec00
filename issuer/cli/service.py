"""`issuer service`: who receives tokens."""

import click

from issuer.cli import documents, options, output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.options import OneOf
from issuer.cli.output import Answer
from issuer.model.service import Service, ServiceState
from issuer.registry import services
from issuer.registry.services import NewService, ServiceChange

_HEADERS = ("name", "owner", "trust_group", "state")


@click.group("service", cls=Noun)
def service() -> None:
    """Who receives tokens: a service owns audiences.

    Fields: name, owner, trust_group, state (active, disabled, removed), is_builtin, created_at, version.
    """


@service.command("add")
@click.argument("name")
@click.option("--owner", help="Who answers for it; by default the user of this terminal.")
@click.option("--trust-group", metavar="G", help="Services of one owner that may share a token.")
@click.pass_obj
def add(desk: Desk, name: str, owner: str | None, trust_group: str | None) -> Answer:
    """Register a service; its name is never given again."""
    with desk.registry() as instance:
        new = NewService(name, owner or instance.registrar.actor.name, trust_group)
        added = services.add_service(instance.registrar, new)
    next_step = f"Give it an audience: issuer audience add IDENTIFIER --service {output.quote(name)}"
    return _answer(added, next_step)


@service.command("list")
@click.option("--state", type=OneOf(ServiceState), help="Only those in this state.")
@click.pass_obj
def list_all(desk: Desk, state: ServiceState | None) -> Answer:
    """List all services, removed ones included."""
    with desk.registry() as instance:
        found = services.list_services(instance.registrar)
    shown = [documents.of_service(one) for one in found if state in {None, one.state}]
    is_first_use = all(one.is_builtin for one in found)
    notes = (
        ("No service of yours yet. Add one: issuer service add NAME --owner TEAM",) if is_first_use else ()
    )
    return output.list_answer(shown, _HEADERS, notes)


@service.command("show")
@click.argument("name")
@click.pass_obj
def show(desk: Desk, name: str) -> Answer:
    """Show a service."""
    with desk.registry() as instance:
        return _answer(services.find_service(instance.registrar, name))


@service.command("change")
@click.argument("name")
@click.option("--owner", metavar="T", help="Who answers for it.")
@click.option("--trust-group", metavar="G", help="Services of one owner that may share a token.")
@click.option("--no-trust-group", is_flag=True)
@click.pass_obj
def change(
    desk: Desk, name: str, owner: str | None, trust_group: str | None, *, no_trust_group: bool
) -> Answer:
    """Change a service; what is not named stays.

    Outside its trust group its audiences no longer stand in one token with those of the others.
    """
    wanted = ServiceChange(
        owner=options.unless_none(owner),
        trust_group=options.or_nothing(trust_group, is_nothing=no_trust_group, name="trust-group"),
    )
    with desk.registry() as instance:
        return _answer(services.change_service(instance.registrar, name, wanted))


@service.command("disable")
@click.argument("name")
@click.pass_obj
def disable(desk: Desk, name: str) -> Answer:
    """Stop tokens for all audiences of a service; what is registered stays."""
    with desk.registry() as instance:
        return _answer(services.disable_service(instance.registrar, name))


@service.command("enable")
@click.argument("name")
@click.pass_obj
def enable(desk: Desk, name: str) -> Answer:
    """Let tokens for a disabled service be issued again."""
    with desk.registry() as instance:
        return _answer(services.enable_service(instance.registrar, name))


@service.command("remove")
@click.argument("name")
@click.pass_obj
def remove(desk: Desk, name: str) -> Answer:
    """Remove a service for good, with its audiences and all permissions on them."""
    with desk.registry() as instance:
        return _answer(services.remove_service(instance.registrar, name))


def _answer(found: Service, *notes: str) -> Answer:
    return output.fields_answer(documents.of_service(found), *notes)
