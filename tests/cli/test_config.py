"""`issuer config`."""

import stat

import pytest

from issuer.store import server


def _verdicts(document: dict) -> dict[str, str]:
    return {each["name"]: each["verdict"] for each in document["checks"]}


def test_settings_are_listed_with_their_origin(issuer):
    ran = issuer("config", "show", env={"ISSUER_WORKERS": "3", "ISSUER_MASTER_KEY": "A" * 43})
    items = issuer("config", "show", "--json", env={"ISSUER_WORKERS": "3"}).document["items"]

    assert ["ISSUER_WORKERS", "3", "environment"] in [line.split()[:3] for line in ran.out.splitlines()]
    assert "1 key, not shown" in ran.out
    assert "AAAA" not in ran.out
    assert {"name": "ISSUER_WORKERS", "value": "3", "origin": "environment ISSUER_WORKERS"} in items


def test_wrong_settings_are_told_one_a_line(issuer):
    ran = issuer("config", "check", env={"ISSUER_WORKERS": "many", "ISSUER_THREDS": "3"})

    assert (ran.status, ran.out) == (1, "")
    assert ran.err == (
        "refused: ISSUER_WORKERS must be a whole number from 1 to 128.\n"
        "ISSUER_THREDS is not a setting: did you mean ISSUER_THREADS?\n"
    )


def test_check_before_the_first_use_makes_nothing(issuer, data_dir):
    ran = issuer("config", "check", "--json")

    assert (ran.status, ran.document["is_good"]) == (0, True)
    assert _verdicts(ran.document) == {"settings": "ok", "data directory": "ok", "database": "ok"}
    assert not data_dir.exists()


def test_check_after_the_first_use_is_good(used):
    ran = used("config", "check")

    assert ran.status == 0
    assert [line.split()[-1] for line in ran.out.splitlines()[:1]] == ["verdict"]
    assert "master key      ok       It opens the signing keys.\n" in ran.out


def test_wrong_master_key_is_a_problem(used):
    ran = used("config", "check", "--json", env={"ISSUER_MASTER_KEY": "A" * 43})

    assert (ran.status, ran.document["error"]) == (1, "check_failed")
    assert _verdicts(ran.document)["master key"] == "problem"
    assert ran.document["reason"].startswith("ISSUER_MASTER_KEY does not open the signing keys")


def test_lost_master_key_is_a_problem_and_not_made_anew(used, data_dir):
    (data_dir / "master-key").unlink()

    ran = used("config", "check", "--json")

    assert (ran.status, _verdicts(ran.document)["master key"]) == (1, "problem")
    assert not (data_dir / "master-key").exists()


def test_data_directory_open_to_others_is_a_problem(used, data_dir):
    data_dir.chmod(0o750)

    ran = used("config", "check", "--json")

    assert (ran.status, _verdicts(ran.document)["data directory"]) == (1, "problem")
    assert ran.document["reason"].endswith(f"chmod 700 {data_dir}")


def test_data_directory_that_is_a_file_is_a_problem(issuer, data_dir):
    data_dir.write_text("")

    ran = issuer("config", "check", "--json")

    assert (ran.status, _verdicts(ran.document)["data directory"]) == (1, "problem")


def test_database_without_schema_is_a_problem(issuer, tmp_path):
    path = tmp_path / "other.db"

    ran = issuer("config", "check", "--json", env={"ISSUER_DATABASE_URL": f"sqlite:///{path}"})

    assert (ran.status, _verdicts(ran.document)["database"]) == (1, "problem")
    assert ran.document["reason"] == "The database is empty or not there: run `issuer db upgrade` first."
    assert not path.exists()


def test_database_that_is_away_is_told_by_its_address(issuer):
    url = "postgresql://somebody:geheim@127.0.0.1:1/nothing"

    ran = issuer("config", "check", env={"ISSUER_DATABASE_URL": url})

    assert ran.status == 1
    assert "The database postgresql://somebody:***@127.0.0.1:1/nothing does not answer: " in ran.out
    assert "refused" in ran.out
    assert "geheim" not in ran.out + ran.err


@pytest.mark.parametrize(("limit", "verdict"), [(10, "ok"), (9, "warning")])
def test_more_connections_than_the_database_takes_are_a_warning(used, monkeypatch, limit, verdict):
    monkeypatch.setattr(server, "find_connection_limit", lambda _engine: limit)

    ran = used("config", "check", "--json")

    assert (ran.status, _verdicts(ran.document)["connections"]) == (0, verdict)


def test_data_directory_is_made_for_its_owner_only(issuer, data_dir):
    issuer("service", "list")

    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
