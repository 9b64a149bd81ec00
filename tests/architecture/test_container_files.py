"""The container files keep their promises: no root, no secret, nothing written outside the data directory.

The promise about writing is run, not read, in tests/flows/test_wheel.py.
"""

import json
import re
from typing import Any

import pytest
import yaml

from issuer.config import Settings
from issuer.environment import variable_of
from tests.architecture.sources import ROOT

SETTINGS = {variable_of(name) for name in Settings.model_fields}
INSTRUCTIONS = [
    line
    for line in re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text()).splitlines()
    if line and not line.startswith("#")
]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OF_THE_ISSUER = pytest.mark.parametrize("service", ["issuer", "migrate"])


@pytest.mark.parametrize("name", ["ENTRYPOINT", "CMD"])
def test_the_image_starts_the_program_without_a_shell(name: str) -> None:
    """A shell would keep the stop signal for itself."""
    arguments = json.loads(_last(name))

    assert arguments == {"ENTRYPOINT": ["issuer"], "CMD": ["serve"]}[name]


def test_the_image_does_not_run_as_root() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", _last("USER"))


def test_the_image_asks_its_own_health_without_a_shell() -> None:
    arguments = json.loads(_last("HEALTHCHECK").partition(" CMD ")[2])

    compile(arguments[2], "HEALTHCHECK", "exec")

    assert arguments[:2] == ["python", "-c"]
    assert "/healthz" in arguments[2]


def test_the_image_writes_to_its_volume_only() -> None:
    environment = _environment()

    assert json.loads(_last("VOLUME")) == [environment["ISSUER_DATA_DIR"]]
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_the_image_stops_on_the_signal_that_drains() -> None:
    assert _last("STOPSIGNAL") == "SIGTERM"


def test_the_last_stage_does_not_hold_what_built_it() -> None:
    stages = [number for number, line in enumerate(INSTRUCTIONS) if line.startswith("FROM ")]

    copies = [line for line in INSTRUCTIONS[stages[-1] :] if line.startswith(("COPY", "ADD"))]

    assert len(stages) == 2
    assert all(line.startswith("COPY --from=build ") for line in copies)


def test_the_image_sets_known_settings_and_no_secret() -> None:
    given = {name for name in _environment() if name.startswith("ISSUER_")}

    assert given == {"ISSUER_BIND", "ISSUER_DATA_DIR"}
    assert not [line for line in INSTRUCTIONS if line.startswith("ARG ")]


def test_the_build_sees_only_what_the_wheel_is_made_of() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}

    assert "*" in lines
    assert let_in == {"LICENSE", "README.md", "issuer", "migrations", "pyproject.toml", "templates"}


@OF_THE_ISSUER
def test_compose_leaves_the_issuer_nothing_it_does_not_need(service: str) -> None:
    described = COMPOSE["services"][service]

    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in described


@OF_THE_ISSUER
def test_compose_gives_secrets_as_files(service: str) -> None:
    described = COMPOSE["services"][service]
    environment = described["environment"]

    files = {name: path for name, path in environment.items() if path.startswith("/run/secrets/")}

    assert set(files) == {"ISSUER_DATABASE_URL_FILE", "ISSUER_MASTER_KEY_FILE"}
    assert {path.rpartition("/")[2] for path in files.values()} == set(described["secrets"])
    assert {name.removesuffix("_FILE") for name in environment} <= SETTINGS


def test_compose_takes_secrets_from_a_folder_that_git_ignores() -> None:
    files = [secret["file"] for secret in COMPOSE["secrets"].values()]

    assert all(file.startswith("./.secrets/") for file in files)
    assert "/.secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_compose_upgrades_the_database_before_anything_is_served() -> None:
    services = COMPOSE["services"]

    assert services["migrate"]["command"] == ["db", "upgrade"]
    assert services["issuer"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert "pg_isready" in services["postgres"]["healthcheck"]["test"]


def test_compose_opens_nothing_but_the_issuer_and_that_to_this_machine_only() -> None:
    ports = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}

    assert ports == {"issuer": ["127.0.0.1:8000:8000"]}


def _last(name: str) -> str:
    return [line for line in INSTRUCTIONS if line.startswith(f"{name} ")][-1].partition(" ")[2]


def _environment() -> dict[str, str]:
    pairs = " ".join(line.partition(" ")[2] for line in INSTRUCTIONS if line.startswith("ENV "))
    return dict(pair.split("=", 1) for pair in pairs.split())
