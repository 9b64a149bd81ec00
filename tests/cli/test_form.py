"""The form of the command line: what scripts rely on."""

import json
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from issuer import terminal
from issuer.cli.desk import Desk
from issuer.errors import InvalidSettings

LINES = [
    "serve",
    "serve --host 127.0.0.1 --port 8000 --workers 2 --demo",
    "serve --host ::1",
    "db upgrade",
    "db current",
    "db check",
    "db downgrade base",
    "db downgrade 0001 --yes",
    "config show",
    "config check",
    "service add NAME",
    "service add NAME --owner T --trust-group G",
    "service list",
    "service list --state active",
    "service show NAME",
    "service disable NAME",
    "service enable NAME",
    "service remove NAME",
    "audience add https://a.example --service NAME",
    "audience add a --service NAME --scope S --scope T --access-token-seconds 300 --signing-alg ES256",
    "audience add a --service NAME --typ at+jwt --description D --claim a=1",
    "audience list",
    "audience list --service NAME --state deprecated",
    "audience show IDENTIFIER",
    "audience disable IDENTIFIER",
    "audience enable IDENTIFIER",
    "audience remove IDENTIFIER",
    "audience deprecate IDENTIFIER",
    "audience deprecate IDENTIFIER --successor OTHER",
    "audience change IDENTIFIER --description D",
    "audience change a --add-scope S --add-scope T --remove-scope U --access-token-seconds 60",
    "audience change a --typ JWT --signing-alg RS256 --claim a=1 --claim b=null --remove-claim c",
    "audience change a --no-access-token-seconds",
    "audience alias add IDENTIFIER ALIAS --mode accept",
    "audience alias add IDENTIFIER ALIAS --mode dual --until 2099-01-31",
    "audience alias remove ALIAS",
    "audience rename OLD NEW --until 2099-01-31T12:00:00Z",
    "client add NAME --grant client_credentials",
    "client add NAME --grant client_credentials --auth-method client_secret_post --offline-access",
    "client add N --grant client_credentials --service S --tenant-id T --type mcp",
    "client change CLIENT_ID --access-token-max-seconds 60",
    "client change CLIENT_ID --default-audience IDENTIFIER --name N --grant client_credentials --service S",
    "client change CLIENT_ID --auth-method client_secret_basic --no-offline-access --tenant-id T --type web",
    "client change CLIENT_ID --no-default-audience --no-service --no-tenant-id --no-access-token-max-seconds",
    "client list",
    "client list --service S --state active",
    "client show CLIENT_ID",
    "client disable CLIENT_ID",
    "client enable CLIENT_ID",
    "client remove CLIENT_ID",
    "client secret add CLIENT_ID",
    "client secret add CLIENT_ID --label L --expires-in-days 30",
    "client secret list CLIENT_ID",
    "client secret revoke CLIENT_ID SECRET_ID",
    "permission grant CLIENT_ID IDENTIFIER",
    "permission grant CLIENT_ID IDENTIFIER --scope S --scope T --default-scope S --subject both",
    "permission revoke CLIENT_ID IDENTIFIER",
    "permission list",
    "permission list --client C --audience A",
    "key list",
    "audit list",
    "audit list --limit 5 --before-id 7 --target T",
    "token preview CLIENT_ID",
    "token preview CLIENT_ID --resource R --resource S --audience A --scope S",
    "token explain",
    "token explain --audience IDENTIFIER",
    "lint",
    "lint --strict",
    "audience lint IDENTIFIER",
    "audience lint IDENTIFIER --strict",
    "service change NAME --owner T",
    "service change NAME --trust-group G",
    "service change NAME --no-trust-group",
    "registry export",
    "registry apply -",
    "registry apply - --dry-run --prune --yes",
    "tick",
    "key rotate",
    "key rotate --now --alg ES256",
    "key rotate --audience IDENTIFIER",
    "key retire KID",
    "key compromise KID",
    "key import - --audience IDENTIFIER --now",
    "key show KID --pem",
    "key readiness",
    "key rewrap --dry-run",
    "audience key IDENTIFIER --own",
    "audience key IDENTIFIER --shared --now",
    "family end --all",
    "doctor",
    "doctor --client CLIENT_ID --resource R --resource S --scope s",
    "user add NAME --role owner",
    "user add NAME --role service_owner --service S --service T",
    "user list",
    "user list --state active",
    "user show NAME",
    "user change NAME --role auditor",
    "user change NAME --role service_owner --service S",
    "user disable NAME",
    "user enable NAME",
    "user remove NAME",
    "user password NAME",
    "user setup-link",
    "user sessions",
    "user sessions --user NAME",
    "user sign-out NAME",
]


def _refuse(_overrides: object) -> None:
    raise InvalidSettings("nothing is set")


# What `registry apply -` reads: a registry with nothing in it.
EMPTY = "version: 1\n"
DESK = Desk(_refuse, _refuse, _refuse, token_path="", introspection_path="", jwks_path="")


def _commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        full = f"{path} {name}".strip()
        if isinstance(command, click.Group):
            yield from _commands(command, full)
        else:
            yield full, command


COMMANDS = dict(_commands(terminal.main))


@pytest.mark.parametrize("line", LINES)
def test_documented_line_is_understood(line: str):
    result = CliRunner().invoke(terminal.main, line.split(), obj=DESK, input=EMPTY)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "refused: nothing is set\n"


@pytest.mark.parametrize("line", LINES)
def test_refusal_is_one_json_document(line: str):
    result = CliRunner().invoke(terminal.main, [*line.split(), "--json"], obj=DESK, input=EMPTY)

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"error": "invalid_settings", "reason": "nothing is set"}
    assert result.stderr == ""


def test_every_command_has_a_documented_line():
    documented = {name for name in COMMANDS if any(f"{line} ".startswith(f"{name} ") for line in LINES)}

    assert documented == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_names_json(name: str):
    result = CliRunner().invoke(terminal.main, [*name.split(), "--help"])

    assert result.exit_code == 0
    assert "--json" in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_takes_a_secret(name: str):
    names = {option for parameter in COMMANDS[name].params for option in parameter.opts}

    assert not {option for option in names if option.endswith(("secret", "password", "token", "key"))}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "service add",
        "service list extra",
        "audience add a",
        "audience add a --service N --signing-alg HS256",
        "audience add a --service N --typ jwt",
        "audience add a --service N --access-token-seconds 0",
        "audience add a --service N --claim tier",
        "audience add a --service N --claim tier=gold",
        "audience add a --service N --claim tier=NaN",
        "audience rename OLD NEW",
        "audience rename OLD NEW --until tomorrow",
        "audience alias add a b",
        "client add NAME",
        "client add NAME --grant password",
        "client change C --service S --no-service",
        "audience change a --access-token-seconds 5 --no-access-token-seconds",
        "client secret add C --expires-in-days 0",
        "permission grant C A --subject everyone",
        "audit list --limit 0",
        "audit list --limit 1001",
        "user add NAME",
        "user add NAME --role king",
        "serve --port 0",
        "serve --workers 0",
    ],
)
def test_misuse_has_status_2_and_prints_nothing_on_standard_output(line: str, used):
    ran = used(*line.split())

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("Usage: ")
