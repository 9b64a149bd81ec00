"""`issuer user`: who signs in to the console, and in which role."""

import sys

import click

from issuer import setup_link_file
from issuer.cli import documents, options, output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk
from issuer.cli.options import OneOf
from issuer.cli.output import Answer
from issuer.model.user import Role, User, UserState
from issuer.registry import setup, users, web_sessions
from issuer.registry.users import NewUser, UserChange

_HEADERS = ("name", "role", "services", "state", "last_sign_in_at")
_SESSION_HEADERS = ("session_id", "user", "created_at", "last_seen_at", "address", "user_agent")
_ROLE = OneOf(Role)
_SERVICE_HELP = "A service that a service owner owns; repeatable."


@click.group("user", cls=Noun)
def user() -> None:
    """Who signs in to the console: owner, admin, auditor (reads all) or service_owner of named services.

    Fields: name, role, services, state (active, disabled, removed), created_at, last_sign_in_at,
    password_changed_at, version. Passwords are asked for, or read as one line from standard input.
    """


@user.command("add")
@click.argument("name")
@click.option("--role", type=_ROLE, required=True)
@click.option("--service", "services", multiple=True, metavar="S", help=_SERVICE_HELP)
@click.pass_obj
def add(desk: Desk, name: str, role: Role, services: tuple[str, ...]) -> Answer:
    """Register a user, who may sign in at once; the name is never given to somebody else."""
    with desk.registry() as instance:
        new = NewUser(name, role, _read_password(), frozenset(services))
        added = users.add_user(instance.registrar, instance.passwords, new)
        if not setup.is_needed(instance.registrar):
            setup_link_file.remove(instance.settings.data_dir)
        return _answer(added)


@user.command("list")
@click.option("--state", type=OneOf(UserState), help="Only those in this state.")
@click.pass_obj
def list_all(desk: Desk, state: UserState | None) -> Answer:
    """List all users, removed ones included."""
    with desk.registry() as instance:
        found = users.list_users(instance.registrar)
    shown = [documents.of_user(one) for one in found if state in {None, one.state}]
    hint = "No user yet. Make the first owner: issuer user setup-link"
    return output.list_answer(shown, _HEADERS, () if found else (hint,))


@user.command("show")
@click.argument("name")
@click.pass_obj
def show(desk: Desk, name: str) -> Answer:
    """Show a user."""
    with desk.registry() as instance:
        return _answer(users.find_user(instance.registrar, name))


@user.command("change")
@click.argument("name")
@click.option("--role", type=_ROLE)
@click.option("--service", "services", multiple=True, metavar="S", help=f"{_SERVICE_HELP} All of them.")
@click.pass_obj
def change(desk: Desk, name: str, role: Role | None, services: tuple[str, ...]) -> Answer:
    """Give a user another role or other services, and sign the user out; what is not named stays."""
    wanted = UserChange(options.unless_none(role), options.unless_none(frozenset(services) or None))
    with desk.registry() as instance:
        return _answer(users.change_user(instance.registrar, name, wanted))


@user.command("disable")
@click.argument("name")
@click.pass_obj
def disable(desk: Desk, name: str) -> Answer:
    """Sign a user out and let the user no longer sign in."""
    with desk.registry() as instance:
        return _answer(users.disable_user(instance.registrar, name))


@user.command("enable")
@click.argument("name")
@click.pass_obj
def enable(desk: Desk, name: str) -> Answer:
    """Let a disabled user sign in again."""
    with desk.registry() as instance:
        return _answer(users.enable_user(instance.registrar, name))


@user.command("remove")
@click.argument("name")
@click.pass_obj
def remove(desk: Desk, name: str) -> Answer:
    """Remove a user for good."""
    with desk.registry() as instance:
        return _answer(users.remove_user(instance.registrar, name))


@user.command("password")
@click.argument("name")
@click.pass_obj
def password(desk: Desk, name: str) -> Answer:
    """Give a user another password, and sign the user out."""
    with desk.registry() as instance:
        return _answer(users.set_password(instance.registrar, instance.passwords, name, _read_password()))


@user.command("setup-link")
@click.pass_obj
def setup_link(desk: Desk) -> Answer:
    """Make the link with which the first owner is made in a browser: once, within the hour.

    The one before opens nothing any more. Fields: url, expires_at.
    """
    with desk.registry() as instance:
        link = setup.make_link(instance.registrar)
        setup_link_file.remove(instance.settings.data_dir)
    return Answer({"url": link.url, "expires_at": output.utc(link.expires_at)}, link.url)


@user.command("sessions")
@click.option("--user", "name", metavar="NAME", help="Only those of this user.")
@click.pass_obj
def sessions(desk: Desk, name: str | None) -> Answer:
    """List the browsers in which users are signed in.

    Fields: session_id, user, created_at, last_seen_at, expires_at, address, user_agent.
    """
    with desk.registry() as instance:
        found = web_sessions.list_sessions(instance.registrar, name)
    shown = [documents.of_web_session(one) for one in found]
    return output.list_answer(shown, _SESSION_HEADERS, () if shown else ("Nobody is signed in.",))


@user.command("sign-out")
@click.argument("name")
@click.pass_obj
def sign_out(desk: Desk, name: str) -> Answer:
    """End all sessions of a user. Field: ended, how many."""
    with desk.registry() as instance:
        return output.fields_answer({"ended": web_sessions.end_all_sessions(instance.registrar, name)})


def _read_password() -> str:
    """Return what is typed twice, unseen, or the first line of standard input; never an argument."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return typed
    return sys.stdin.readline().rstrip("\r\n")


def _answer(found: User) -> Answer:
    return output.fields_answer(documents.of_user(found))
