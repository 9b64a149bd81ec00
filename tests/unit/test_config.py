"""Settings: where they come from, what is refused, and that no secret is ever shown."""

import base64
import os
import stat
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy.engine import make_url

from issuer import config, worker
from issuer.environment import HANDED_DOWN
from issuer.errors import InvalidSettings
from issuer.oauth import documents

KEY = bytes(range(32))
OTHER_KEY = bytes(range(32, 64))
ELSEWHERE = {"ISSUER_URL": "https://id.example.com", "ISSUER_BIND": "0.0.0.0:8000"}
POSTGRESQL = "postgresql://issuer:hunter2@db/issuer"


def encode(*keys):
    return ",".join(base64.urlsafe_b64encode(key).decode() for key in keys)


def refused(environ, overrides=None):
    with pytest.raises(InvalidSettings) as refusal:
        config.load_settings(overrides, environ)
    return refusal.value.detail


def written(path, content):
    path.write_bytes(content)
    return str(path)


def test_without_any_variable_the_defaults_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    settings = config.load_settings(environ={})

    assert settings.model_dump() == {
        "bind": "127.0.0.1:8000",
        "url": "http://127.0.0.1:8000",
        "workers": 1,
        "threads": 8,
        "data_dir": tmp_path / "instance",
        "access_token_max_seconds": 86400,
        "access_token_seconds": 900,
        "refresh_absolute_seconds": 90 * 86400,
        "refresh_idle_seconds": 14 * 86400,
        "registry_stale_seconds": 30,
        "trusted_proxies": 0,
        "client_requests_per_second": 0,
        "client_burst": 50,
        "key_publish_ahead_seconds": 86400,
        "key_rotation_days": 90,
        "tick": "auto",
        "issuance_keep_days": 90,
        "usage_keep_days": 400,
        "metrics_bind": "",
        "audit_issuance": "log",
        "log_level": "INFO",
        "short_cut": True,
    }
    assert settings.database_url == f"sqlite:///{tmp_path}/instance/issuer.db"
    assert settings.master_key == ()
    assert (settings.bind_host, settings.bind_port) == ("127.0.0.1", 8000)
    assert settings.pool_size == 9
    assert settings.is_sqlite
    assert settings.is_embedded
    assert settings.is_ticking
    assert (settings.metrics_address, settings.metrics_token) == (None, "")


def test_every_variable_is_taken_and_typed():
    environ = {
        "ISSUER_BIND": "[::]:9000",
        "ISSUER_URL": "https://example.com/auth",
        "ISSUER_WORKERS": "4",
        "ISSUER_THREADS": "16",
        "ISSUER_DATA_DIR": "/var/lib/issuer",
        "ISSUER_DATABASE_URL": POSTGRESQL,
        "ISSUER_MASTER_KEY": encode(KEY, OTHER_KEY),
        "ISSUER_ACCESS_TOKEN_MAX_SECONDS": "7200",
        "ISSUER_ACCESS_TOKEN_SECONDS": "7200",
        "ISSUER_REFRESH_ABSOLUTE_SECONDS": "86400",
        "ISSUER_REFRESH_IDLE_SECONDS": "3600",
        "ISSUER_REGISTRY_STALE_SECONDS": "60",
        "ISSUER_TRUSTED_PROXIES": "1",
        "ISSUER_CLIENT_REQUESTS_PER_SECOND": "7",
        "ISSUER_CLIENT_BURST": "9",
        "ISSUER_KEY_PUBLISH_AHEAD_SECONDS": "3600",
        "ISSUER_KEY_ROTATION_DAYS": "30",
        "ISSUER_TICK": "on",
        "ISSUER_ISSUANCE_KEEP_DAYS": "7",
        "ISSUER_USAGE_KEEP_DAYS": "92",
        "ISSUER_METRICS_BIND": "[::1]:9100",
        "ISSUER_METRICS_TOKEN": "a-token_of~letters+/.1==",
        "ISSUER_AUDIT_ISSUANCE": "database",
        "ISSUER_LOG_LEVEL": "DEBUG",
        "ISSUER_SHORT_CUT": "false",
    }

    settings = config.load_settings(environ=environ)

    assert (settings.bind_host, settings.bind_port) == ("::", 9000)
    assert settings.url == "https://example.com/auth"
    assert (settings.workers, settings.threads, settings.pool_size) == (4, 16, 17)
    assert str(settings.data_dir) == "/var/lib/issuer"
    assert (settings.database_url, settings.is_sqlite, settings.is_embedded) == (POSTGRESQL, False, False)
    assert settings.master_key == (KEY, OTHER_KEY)
    assert (settings.access_token_seconds, settings.access_token_max_seconds) == (7200, 7200)
    assert (settings.refresh_absolute_seconds, settings.refresh_idle_seconds) == (86400, 3600)
    assert (settings.registry_stale_seconds, settings.trusted_proxies) == (60, 1)
    assert (settings.client_requests_per_second, settings.client_burst) == (7, 9)
    assert settings.key_publish_ahead_seconds == 3600
    assert settings.key_rotation_seconds == 30 * 86400
    assert (settings.tick, settings.is_ticking) == ("on", True)
    assert (settings.issuance_keep_days, settings.usage_keep_days) == (7, 92)
    assert settings.metrics_address == ("::1", 9100)
    assert settings.metrics_token == "a-token_of~letters+/.1=="
    assert (settings.audit_issuance, settings.log_level, settings.short_cut) == ("database", "DEBUG", False)
    assert settings.origins == {
        name.removeprefix("ISSUER_").lower(): f"environment {name}" for name in environ
    }


def test_every_setting_has_an_origin():
    settings = config.load_settings({"workers": "2"}, {"ISSUER_THREADS": "2"})

    assert set(settings.origins) == set(config.Settings.model_fields) - {"origins"}
    assert settings.origins["workers"] == "command line"
    assert settings.origins["threads"] == "environment ISSUER_THREADS"
    assert settings.origins["log_level"] == "default"
    assert settings.origins["url"] == "derived"
    assert settings.origins["database_url"] == "derived"


def test_settings_are_frozen():
    settings = config.load_settings(environ={})

    with pytest.raises(ValidationError, match="frozen"):
        settings.workers = 2


def test_own_sources_of_the_library_are_off(tmp_path, monkeypatch):
    """pydantic-settings would read variables without our prefix, and a file called .env."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKERS", "7")
    (tmp_path / ".env").write_text("WORKERS=7\n")

    assert config.load_settings(environ={}).workers == 1


def test_the_process_environment_is_read_by_default(monkeypatch):
    monkeypatch.setenv("ISSUER_WORKERS", "3")

    assert config.load_settings().workers == 3


@pytest.mark.parametrize("password", ["12345678", "1e5", "null", "true", "[1]", "{}"])
def test_value_that_looks_like_json_stays_text(password):
    settings = config.load_settings(
        environ={"ISSUER_DATABASE_URL": f"postgresql://issuer:{password}@db/issuer"}
    )

    assert settings.database_url == f"postgresql://issuer:{password}@db/issuer"


# The command line, and how it reaches workers


def test_command_line_goes_before_environment_and_file(tmp_path):
    environ = {"ISSUER_WORKERS": "2", "ISSUER_THREADS_FILE": written(tmp_path / "threads", b"3")}

    settings = config.load_settings({"workers": "4", "threads": "5"}, environ)

    assert (settings.workers, settings.threads) == (4, 5)
    assert settings.origins["threads"] == "command line"


def test_problem_of_the_command_line_names_it():
    assert refused({}, {"workers": "0"}) == (
        "ISSUER_WORKERS (command line) must be a whole number from 1 to 128."
    )


def test_unknown_name_on_the_command_line_is_refused():
    assert refused({}, {"worker": "2"}) == "ISSUER_WORKER is not a setting: did you mean ISSUER_WORKERS?"


def test_workers_load_what_the_command_line_said(tmp_path):
    environ = {
        "ISSUER_WORKERS": "2",
        "ISSUER_BIND_FILE": written(tmp_path / "bind", b"127.0.0.1:1\n"),
        "ISSUER_THREADS": "4",
    }
    overrides = {"workers": "3", "bind": "127.0.0.1:9000"}
    parent = config.load_settings(overrides, environ)

    config.hand_to_children(overrides, environ)

    assert config.load_settings(environ=environ) == parent


def test_hand_to_children_writes_into_the_process_environment(monkeypatch):
    monkeypatch.setenv("ISSUER_WORKERS", "1")
    monkeypatch.setenv(HANDED_DOWN, "")

    config.hand_to_children({"workers": "3"})

    assert os.environ["ISSUER_WORKERS"] == "3"


# Files


@pytest.mark.parametrize(
    ("content", "url"),
    [
        (b"https://id.example.com", "https://id.example.com"),
        (b"https://id.example.com\n", "https://id.example.com"),
        (b"https://id.example.com\r\n", "https://id.example.com"),
    ],
)
def test_file_gives_the_value_without_its_final_newline(tmp_path, content, url):
    path = written(tmp_path / "url", content)

    settings = config.load_settings(environ={"ISSUER_URL_FILE": path})

    assert settings.url == url
    assert settings.origins["url"] == f"file ISSUER_URL_FILE={path}"


@pytest.mark.parametrize("content", [b"https://id.example.com\n\n", b"\nhttps://id.example.com", b"a\tb\n"])
def test_only_one_newline_is_stripped(tmp_path, content):
    path = written(tmp_path / "url", content)

    assert refused({"ISSUER_URL_FILE": path}) == (
        f"ISSUER_URL (file ISSUER_URL_FILE={path}) "
        "holds a line break or another character that cannot be printed."
    )


def test_variable_and_its_file_together_are_refused(tmp_path):
    environ = {"ISSUER_URL": "https://id.example.com", "ISSUER_URL_FILE": written(tmp_path / "url", b"x")}

    assert refused(environ) == "ISSUER_URL and ISSUER_URL_FILE are both set: unset one of them."


def test_missing_file_is_refused_with_its_path(tmp_path):
    path = str(tmp_path / "missing")

    assert refused({"ISSUER_MASTER_KEY_FILE": path}) == (
        f"ISSUER_MASTER_KEY (file ISSUER_MASTER_KEY_FILE={path}) cannot be read: No such file or directory."
    )


def test_directory_in_place_of_a_file_is_refused(tmp_path):
    assert "cannot be read: Is a directory." in refused({"ISSUER_MASTER_KEY_FILE": str(tmp_path)})


def test_file_that_is_not_text_is_refused(tmp_path):
    path = written(tmp_path / "key", b"\xff\xfe")

    assert "cannot be read: it is not a file of text in UTF-8." in refused({"ISSUER_MASTER_KEY_FILE": path})


def test_secret_in_place_of_a_path_is_not_repeated():
    assert refused({"ISSUER_MASTER_KEY_FILE": encode(KEY)}) == (
        "ISSUER_MASTER_KEY (file ISSUER_MASTER_KEY_FILE) cannot be read: No such file or directory."
    )


@pytest.mark.parametrize("name", sorted(set(config.Settings.model_fields) - {"origins"}))
def test_empty_value_is_refused_for_every_setting(name):
    assert "is set but empty: give it a value or unset it." in refused({f"ISSUER_{name.upper()}": ""})


def test_empty_file_and_empty_path_are_refused(tmp_path):
    environ = {"ISSUER_URL_FILE": written(tmp_path / "url", b"\n"), "ISSUER_BIND_FILE": ""}

    assert refused(environ).count("is set but empty") == 2


# Names


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ISSUER_ULR", "ISSUER_URL"),
        ("ISSUER_WORKER", "ISSUER_WORKERS"),
        ("ISSUER_DATABASE_URI", "ISSUER_DATABASE_URL"),
        ("ISSUER_DATABASE_URL_FIEL", "ISSUER_DATABASE_URL_FILE"),
        ("ISSUER_url", "ISSUER_URL"),
        ("ISSUER_ACCESS_TOKEN_SECOND", "ISSUER_ACCESS_TOKEN_SECONDS"),
    ],
)
def test_unknown_name_is_refused_with_the_one_probably_meant(name, meant):
    assert refused({name: "s3cret"}) == f"{name} is not a setting: did you mean {meant}?"


@pytest.mark.parametrize("name", ["ISSUER_", "ISSUER_QQQQ", "ISSUER_ORIGINS", "ISSUER_TEST_FAILPOINT"])
def test_name_like_no_other_is_refused_as_well(name):
    assert refused({name: "s3cret"}).startswith(f"{name} is not a setting")


@pytest.mark.parametrize("name", ["TEST_REQUIRE", "TEST_FAILPOINT", "ISSUERS", "issuer_url", "PATH"])
def test_names_outside_the_prefix_are_not_ours(name):
    assert config.load_settings(environ={name: "anything"})


@pytest.mark.parametrize(
    "name",
    [
        "ISSUER_SERVICE_HOST",
        "ISSUER_SERVICE_PORT",
        "ISSUER_SERVICE_PORT_HTTP",
        "ISSUER_PORT",
        "ISSUER_PORT_8000_TCP",
        "ISSUER_PORT_8000_TCP_ADDR",
    ],
)
def test_names_that_kubernetes_writes_for_a_service_called_issuer_are_left_alone(name):
    assert config.load_settings(environ={name: "tcp://10.0.0.1:8000"})


def test_names_that_kubernetes_writes_for_services_beside_it_are_left_alone():
    environ = {
        "ISSUER_POSTGRESQL_SERVICE_HOST": "10.0.0.2",
        "ISSUER_POSTGRESQL_SERVICE_PORT_TCP_POSTGRESQL": "5432",
        "ISSUER_POSTGRESQL_PORT": "tcp://10.0.0.2:5432",
        "ISSUER_POSTGRESQL_PORT_5432_TCP_ADDR": "10.0.0.2",
    }

    assert config.load_settings(environ=environ)


def test_name_that_only_looks_like_one_of_kubernetes_is_refused():
    assert refused({"ISSUER_DATABASE_PORT": "5432"}).startswith("ISSUER_DATABASE_PORT is not a setting")


def test_no_setting_bears_a_name_that_kubernetes_writes():
    taken = [name for name in config.Settings.model_fields if name.startswith(("service", "port"))]

    assert taken == []


# Values


def test_url_is_required_unless_the_server_listens_on_loopback():
    assert refused({"ISSUER_BIND": "0.0.0.0:8000"}) == (
        "ISSUER_URL is required where ISSUER_BIND is not a loopback address: it is the URL by which "
        "clients reach this server, such as https://id.example.com."
    )


def test_url_follows_the_address_of_the_command_line():
    assert config.load_settings({"bind": "[::1]:9000"}, {}).url == "http://[::1]:9000"


def test_refused_bind_is_told_once():
    assert refused({"ISSUER_BIND": "localhost:8000"}) == (
        "ISSUER_BIND must be an IP address and a port from 1 to 65535, such as 127.0.0.1:8000 "
        "(this machine), 0.0.0.0:8000 (everywhere) or [::1]:8000."
    )


def test_refused_url_says_what_to_write():
    assert refused({"ISSUER_URL": "https://id.example.com/"}) == (
        "ISSUER_URL must not end in a slash; write https://id.example.com"
    )


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("WORKERS", 1, 128),
        ("THREADS", 1, 256),
        ("ACCESS_TOKEN_SECONDS", 1, 86400),
        ("ACCESS_TOKEN_MAX_SECONDS", 1, 2592000),
        ("REGISTRY_STALE_SECONDS", 1, 3600),
        ("TRUSTED_PROXIES", 0, 10),
        ("KEY_PUBLISH_AHEAD_SECONDS", 961, 31536000),
        ("ISSUANCE_KEEP_DAYS", 1, 3650),
        ("USAGE_KEEP_DAYS", 92, 3650),
    ],
)
def test_whole_numbers_have_bounds(name, low, high):
    environ = {"ISSUER_ACCESS_TOKEN_SECONDS": "1"}
    variable = f"ISSUER_{name}"

    lowest = config.load_settings(environ=environ | {variable: str(low)})
    highest = config.load_settings(environ=environ | {variable: str(high)})

    assert (getattr(lowest, name.lower()), getattr(highest, name.lower())) == (low, high)
    assert refused(environ | {variable: str(low - 1)}).startswith(f"{variable} must be a whole number")
    assert refused(environ | {variable: str(high + 1)}).startswith(variable)


@pytest.mark.parametrize(
    "text", ["8.0", "1e1", "1_0", "+8", "-1", " 8", "8 ", "0x8", "٨", "eight", "1234567890"]
)
def test_whole_number_in_another_spelling_is_refused(text):
    assert refused({"ISSUER_THREADS": text}) == "ISSUER_THREADS must be a whole number from 1 to 256."


def test_lifetime_may_not_exceed_its_maximum():
    environ = {"ISSUER_ACCESS_TOKEN_SECONDS": "601", "ISSUER_ACCESS_TOKEN_MAX_SECONDS": "600"}

    assert refused(environ) == (
        "ISSUER_ACCESS_TOKEN_SECONDS must not exceed ISSUER_ACCESS_TOKEN_MAX_SECONDS, which is 600."
    )


def test_default_lifetime_may_not_exceed_its_maximum_either():
    assert refused({"ISSUER_ACCESS_TOKEN_MAX_SECONDS": "600"}).startswith("ISSUER_ACCESS_TOKEN_SECONDS must")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("1", True), ("YES", True), ("on", True), ("False", False), ("0", False), ("no", False)],
)
def test_switch_takes_the_usual_words(text, expected):
    assert config.load_settings(environ={"ISSUER_SHORT_CUT": text}).short_cut is expected


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("ISSUER_SHORT_CUT", "maybe", "must be true or false."),
        ("ISSUER_AUDIT_ISSUANCE", "Log", "must be one of log, database."),
        ("ISSUER_LOG_LEVEL", "info", "must be one of DEBUG, INFO, WARNING, ERROR."),
        ("ISSUER_DATA_DIR", "~/issuer", "must be spelled out: nobody replaces ~ here."),
    ],
)
def test_other_word_is_refused(name, text, sentence):
    assert refused({name: text}) == f"{name} {sentence}"


def test_all_problems_come_at_once():
    environ = {
        "ISSUER_BIND": "nowhere",
        "ISSUER_URL": "ftp://example.com",
        "ISSUER_WORKERS": "many",
        "ISSUER_THREADS": "",
        "ISSUER_DATABASE_URL": "mysql://root:hunter2@db/x",
        "ISSUER_MASTER_KEY": "hunter2",
        "ISSUER_LOG_LEVL": "INFO",
    }

    detail = refused(environ)

    assert [line.split()[0] for line in detail.splitlines()] == list(environ)
    assert "hunter2" not in detail


# The database


@pytest.mark.parametrize("folder", ["a b", "a?b", "a#b", "a%41b", "a@b", "ä"])
def test_default_database_lies_in_the_data_directory_whatever_its_name(tmp_path, folder):
    settings = config.load_settings(environ={"ISSUER_DATA_DIR": str(tmp_path / folder)})

    assert settings.is_embedded
    assert make_url(settings.database_url).database == str(tmp_path / folder / "issuer.db")


def test_named_database_is_not_embedded_even_where_it_is_sqlite():
    settings = config.load_settings(environ={"ISSUER_DATABASE_URL": "sqlite:////srv/issuer.db"})

    assert settings.is_sqlite
    assert not settings.is_embedded


def test_data_directory_is_made_for_its_owner_only(tmp_path):
    settings = config.load_settings(environ={"ISSUER_DATA_DIR": str(tmp_path / "a" / "b")})

    config.ensure_data_dir(settings)
    config.ensure_data_dir(settings)

    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700


def test_data_directory_that_cannot_be_made_is_refused(tmp_path):
    settings = config.load_settings(environ={"ISSUER_DATA_DIR": written(tmp_path / "file", b"")})

    with pytest.raises(InvalidSettings) as refusal:
        config.ensure_data_dir(settings)

    assert refusal.value.detail == (
        f"The data directory {tmp_path}/file cannot be made: File exists. Make it or set ISSUER_DATA_DIR."
    )


# The master key


def test_master_key_is_taken_with_and_without_padding():
    text = f"{encode(KEY)},{encode(OTHER_KEY).rstrip('=')}"

    assert config.load_settings(environ={"ISSUER_MASTER_KEY": text}).master_key == (KEY, OTHER_KEY)


@pytest.mark.parametrize(
    "text",
    [
        encode(KEY[:31]),
        encode(KEY + b"x"),
        encode(KEY) + "=",
        encode(KEY) + ",",
        f"{encode(KEY)}, {encode(OTHER_KEY)}",
        f"{encode(KEY)},hunter2",
        base64.b64encode(b"\xff" * 32).decode(),
        "ä" * 43,
        KEY.hex(),
    ],
)
def test_master_key_of_another_length_or_alphabet_is_refused_without_showing_it(text):
    assert refused({"ISSUER_MASTER_KEY": text}) == (
        "ISSUER_MASTER_KEY must be 32 random bytes as base64url (43 letters, digits, - and _), or "
        "several such keys with commas and no spaces between them."
    )


# Upkeep and metrics


@pytest.mark.parametrize(
    ("environ", "is_ticking"),
    [
        ({}, True),
        ({"ISSUER_DATABASE_URL": POSTGRESQL}, False),
        ({"ISSUER_DATABASE_URL": "sqlite:////data/issuer.db"}, False),
        ({"ISSUER_TICK": "off"}, False),
        ({"ISSUER_TICK": "on", "ISSUER_DATABASE_URL": POSTGRESQL}, True),
    ],
)
def test_processes_tick_by_themselves_on_the_embedded_database_or_when_told(environ, is_ticking):
    assert config.load_settings(environ=environ).is_ticking is is_ticking


def test_a_next_key_is_published_for_longer_than_anybody_may_cache_the_keys():
    """RFC 9111 §5.2.2.1 for those on the way, then the verifiers' own memory, a look and the clocks."""
    slowest_verifier_seconds, skew_seconds = 600, 60

    assert (
        documents.MAX_AGE_SECONDS + slowest_verifier_seconds + worker.LOOK_SECONDS + skew_seconds
    ) <= config.SHORTEST_PUBLISH_AHEAD_SECONDS


@pytest.mark.parametrize("text", ["localhost:9100", "9100", "127.0.0.1", "127.0.0.1:0"])
def test_metrics_bind_that_is_no_address_and_port_is_refused(text):
    assert refused({"ISSUER_METRICS_BIND": text}).startswith("ISSUER_METRICS_BIND must be an IP address")


def test_metrics_bind_is_another_address_than_the_servers():
    environ = {"ISSUER_BIND": "127.0.0.1:9100", "ISSUER_METRICS_BIND": "127.0.0.1:9100"}

    assert refused(environ) == "ISSUER_METRICS_BIND must be another address than ISSUER_BIND."


@pytest.mark.parametrize("text", ["sixteen letters!", "a" * 15, "a" * 256, "=" * 16, "ä" * 16])
def test_metrics_token_that_no_header_carries_or_that_is_guessed_is_refused_without_showing_it(text):
    """RFC 6750 §2.1: b64token."""
    assert refused({"ISSUER_METRICS_TOKEN": text}) == (
        "ISSUER_METRICS_TOKEN must be 16 to 255 letters, digits and - . _ ~ + /, with = at the end only."
    )


def test_metrics_token_is_described_as_set():
    environ = {"ISSUER_METRICS_TOKEN": "sixteen-letters-or-more"}

    lines = {line.name: line.value for line in config.describe(config.load_settings(environ=environ))}

    assert lines["ISSUER_METRICS_TOKEN"] == "set, not shown"


# What is shown


def test_describe_shows_every_setting_with_its_origin_and_no_secret():
    environ = {**ELSEWHERE, "ISSUER_DATABASE_URL": POSTGRESQL, "ISSUER_MASTER_KEY": encode(KEY, OTHER_KEY)}
    settings = config.load_settings({"workers": "4"}, environ)

    lines = {line.name: (line.value, line.origin) for line in config.describe(settings)}

    names = [f"ISSUER_{name.upper()}" for name in config.Settings.model_fields if name != "origins"]
    assert list(lines)[: len(names)] == names
    assert lines["ISSUER_URL"] == ("https://id.example.com", "environment ISSUER_URL")
    assert lines["ISSUER_WORKERS"] == ("4", "command line")
    assert lines["ISSUER_SHORT_CUT"] == ("true", "default")
    assert lines["ISSUER_MASTER_KEY"] == ("2 keys, not shown", "environment ISSUER_MASTER_KEY")
    assert lines["ISSUER_DATABASE_URL"] == (
        "postgresql://issuer:***@db/issuer",
        "environment ISSUER_DATABASE_URL",
    )
    assert list(lines.items())[len(names) :] == [
        ("processes", ("5 (1 parent, 4 serving)", "derived")),
        ("database connections per worker", ("9", "derived")),
        ("database connections in total", ("37", "derived")),
        ("embedded database", ("false", "derived")),
    ]


@pytest.mark.parametrize(("keys", "shown"), [((), "not set"), ((KEY,), "1 key, not shown")])
def test_describe_counts_master_keys(keys, shown):
    environ = {"ISSUER_MASTER_KEY": encode(*keys)} if keys else {}

    lines = {line.name: line.value for line in config.describe(config.load_settings(environ=environ))}

    assert lines["ISSUER_MASTER_KEY"] == shown


def everything_shown(settings):
    lines = [asdict(line) for line in config.describe(settings)]
    return f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()} {lines}"


@given(st.binary(min_size=32, max_size=32), st.text(alphabet="abcdefghijklmnop0123456789", min_size=12))
def test_no_secret_is_in_what_settings_show(key, password):
    environ = {
        "ISSUER_MASTER_KEY": encode(key),
        "ISSUER_DATABASE_URL": f"postgresql://issuer:{password}@db/issuer",
        "ISSUER_METRICS_TOKEN": f"token-{password}",
    }

    shown = everything_shown(config.load_settings(environ=environ))

    assert encode(key).rstrip("=") not in shown
    assert repr(key) not in shown
    assert password not in shown


@given(st.text(alphabet=st.characters(exclude_characters="\0"), min_size=1), st.sampled_from(["", "_FILE"]))
def test_no_value_is_in_an_error_its_text_or_its_causes(text, ending):
    """A value that is refused may be a secret in the wrong place, for any setting."""
    secret = f"§{text}§hunter2§"
    environ = {
        f"ISSUER_{name.upper()}{ending}": secret
        for name in config.Settings.model_fields
        if name != "data_dir"
    }

    with pytest.raises(InvalidSettings) as refusal:
        config.load_settings(environ=environ)

    assert (
        "hunter2" not in f"{refusal.value} {refusal.value!r} {refusal.value.detail} {refusal.value.sentence}"
    )
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None


def test_error_of_the_library_itself_hides_its_input():
    with pytest.raises(ValidationError) as error:
        config.Settings(master_key="hunter2", origins={})

    assert "hunter2" not in str(error.value)
