"""`issuer db`, and what commands do about a database that is not ready."""

import sys

import pytest

from issuer.store import schema

KEY = "A" * 43


@pytest.fixture
def at(issuer):
    """Give a function that runs a command on a database."""
    return lambda url, *arguments, **more: issuer(
        *arguments, env={"ISSUER_DATABASE_URL": url, "ISSUER_MASTER_KEY": KEY}, **more
    )


def test_upgrade_makes_the_schema_and_names_the_admin_api(at, empty_database_url: str):
    before = at(empty_database_url, "db", "current", "--json").document
    upgraded = at(empty_database_url, "db", "upgrade", "--json").document
    again = at(empty_database_url, "db", "upgrade", "--json").document
    checked = at(empty_database_url, "db", "check", "--json")

    head = schema.head()
    assert before == {"revision": None, "head": head, "is_at_head": False}
    assert upgraded == again == checked.document == {"revision": head, "head": head, "is_at_head": True}
    audiences = at(empty_database_url, "audience", "list", "--json").document["items"]
    assert "http://127.0.0.1:8000/api/v1" in {item["identifier"] for item in audiences}


def test_commands_work_on_either_database(at, database_url: str):
    at(database_url, "service", "add", "Orders", "--owner", "shop")
    at(database_url, "audience", "add", "orders", "--service", "Orders", "--scope", "a")
    client = at(database_url, "client", "add", "R", "--grant", "client_credentials", "--json").document

    granted = at(database_url, "permission", "grant", client["client_id"], "orders", "--scope", "a", "--json")

    assert (granted.status, granted.document["audience"]) == (0, "orders")
    assert at(database_url, "audit", "list", "--limit", "1", "--json").document["items"][0]["actor"]


@pytest.mark.parametrize("line", ["service list", "db check", "token preview C", "key list"])
def test_database_that_is_not_upgraded_is_refused(at, empty_database_url: str, line: str):
    ran = at(empty_database_url, *line.split(), "--json")

    assert (ran.status, ran.document) == (
        1,
        {
            "error": "schema_not_at_head",
            "reason": "The database is empty or not there: run `issuer db upgrade` first.",
        },
    )


def test_downgrade_asks_first(at, empty_database_url: str):
    at(empty_database_url, "db", "upgrade")

    refused = at(empty_database_url, "db", "downgrade", "base", typed="n\n")
    done = at(empty_database_url, "db", "downgrade", "base", "--json", typed="y\n")

    assert (refused.status, refused.out) == (1, "")
    assert "and lose what is newer? [y/N]" in refused.err
    assert done.document["revision"] is None


def test_downgrade_asks_without_the_password(at):
    """The driver takes one behind the question mark as well."""
    ran = at("postgresql://u:hunter2@127.0.0.1:1/x?password=hunter3", "db", "downgrade", "base", typed="n\n")

    assert "Take postgresql://u:***@127.0.0.1:1/x?password=*** down" in ran.err
    assert "hunter" not in ran.err


def test_downgrade_with_yes_does_not_ask(at, empty_database_url: str):
    at(empty_database_url, "db", "upgrade")

    ran = at(empty_database_url, "db", "downgrade", "base", "--yes")

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("revision    -\n")


def test_unknown_revision_is_refused(at, database_url: str):
    ran = at(database_url, "db", "downgrade", "9999", "--yes", "--json")

    assert (ran.status, ran.document["error"]) == (1, "cannot_start")
    assert "9999" in ran.document["reason"]


def test_tables_that_differ_are_told(at, database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(schema, "list_differences", lambda _engine: ["one", "two"])

    ran = at(database_url, "db", "check", "--json")

    assert (ran.status, ran.document["error"]) == (1, "schema_differs")
    assert ran.document["reason"] == "The tables differ from what this program needs: one; two"


def test_first_use_of_the_embedded_database_makes_it(issuer, data_dir):
    ran = issuer("service", "add", "Orders", "--owner", "shop")

    assert ran.status == 0
    assert {path.name for path in data_dir.iterdir()} >= {"issuer.db", "master-key"}
    assert issuer("key", "list").status == 0


def test_wrong_master_key_hinders_neither_the_schema_nor_the_registry(used):
    env = {"ISSUER_MASTER_KEY": KEY}

    assert used("db", "upgrade", env=env).status == 0
    assert used("db", "check", env=env).status == 0
    assert used("service", "list", env=env).status == 0
    assert used("--help", env=env).status == 0


def test_database_that_is_away_is_refused_by_its_address(issuer):
    url = "postgresql://somebody:geheim@127.0.0.1:1/nothing"

    ran = issuer("service", "list", "--json", env={"ISSUER_DATABASE_URL": url})

    assert (ran.status, ran.document["error"]) == (1, "temporarily_unavailable")
    assert ran.document["reason"].startswith("The database postgresql://somebody:***@127.0.0.1:1/nothing ")


def test_folder_that_is_missing_is_told_by_the_address(at, tmp_path):
    url = f"sqlite:///{tmp_path}/missing/issuer.db"

    refused = at(url, "db", "upgrade", "--json")

    assert (refused.status, refused.document) == (
        1,
        {
            "error": "temporarily_unavailable",
            "reason": f"The database {url} does not answer: unable to open database file",
        },
    )


@pytest.mark.parametrize("line", ["db upgrade", "config check", "service list"])
def test_driver_that_is_not_installed_is_named(at, monkeypatch: pytest.MonkeyPatch, line: str):
    monkeypatch.setitem(sys.modules, "psycopg", None)

    refused = at("postgresql://issuer@db.example.com/issuer", *line.split(), "--json")

    assert (refused.status, refused.document["error"]) == (1, "invalid_settings")
    assert refused.document["reason"].endswith("pip install '.[postgres]'.")


def test_upgrade_moves_a_server_only_to_a_url_that_is_set(issuer, empty_database_url: str):
    env = {"ISSUER_DATABASE_URL": empty_database_url, "ISSUER_MASTER_KEY": KEY}

    def upgrade(**more: str) -> set[str]:
        assert issuer("db", "upgrade", env=env | more).status == 0
        listed = issuer("audience", "list", "--json", env=env | more).document["items"]
        return {item["identifier"] for item in listed} - {"access", "refresh"}

    assert upgrade(ISSUER_URL="https://id.example") == {"https://id.example/api/v1"}
    assert upgrade() == {"https://id.example/api/v1"}
    assert upgrade(ISSUER_URL="https://new.example") == {"https://new.example/api/v1"}
