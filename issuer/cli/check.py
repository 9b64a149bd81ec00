"""The checks of `issuer config check`: what would keep the server from starting, or trouble it later.

Nothing is made or changed: a database that is not there stays so.
"""

import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from issuer import addresses, master_key
from issuer.cli import desk
from issuer.cli.desk import Instance
from issuer.config import Settings
from issuer.errors import Refusal
from issuer.store import server


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, in one sentence."""

    name: str
    verdict: Verdict
    sentence: str


def check(instance: Instance) -> tuple[Finding, ...]:
    """Return what was found, in the order of a start; what needs the database is left out without it."""
    url = instance.settings.url
    findings = [Finding("settings", Verdict.OK, f"The issuer is {url}."), _check_data_dir(instance.settings)]
    database = _refused_is_problem("database", _check_database, instance)
    findings.append(database)
    if database.verdict is Verdict.OK and not desk.is_new(instance):
        findings.append(_refused_is_problem("master key", _check_master_key, instance))
        findings.append(_refused_is_problem("connections", _check_connections, instance))
    return tuple(findings)


def _check_data_dir(settings: Settings) -> Finding:
    name, path = "data directory", settings.data_dir
    if not path.exists():
        return Finding(name, Verdict.OK, f"{path} is not there yet; it is made when something must be kept.")
    if not path.is_dir():
        return Finding(name, Verdict.PROBLEM, f"{path} is not a directory: set ISSUER_DATA_DIR.")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Finding(name, Verdict.PROBLEM, f"{path} is open to others than its owner: chmod 700 {path}")
    return Finding(name, Verdict.OK, f"{path} is open to its owner only.")


def _check_database(instance: Instance) -> Finding:
    shown = addresses.mask_database_url(instance.settings.database_url)
    if desk.is_new(instance):
        return Finding("database", Verdict.OK, f"{shown} is not there yet; the first use makes it.")
    desk.check_schema(instance)
    return Finding("database", Verdict.OK, f"{shown} is reachable, its schema is the one needed.")


def _check_master_key(instance: Instance) -> Finding:
    name, settings = "master key", instance.settings
    path = settings.data_dir / master_key.FILE_NAME
    if settings.is_embedded and not settings.master_key and not path.exists():
        # Opening the keys would make another one here.
        return Finding(name, Verdict.PROBLEM, f"{path} is gone: restore it from a backup.")
    instance.open_keys()
    return Finding(name, Verdict.OK, "It opens the signing keys.")


def _check_connections(instance: Instance) -> Finding:
    name, settings = "connections", instance.settings
    needed = settings.workers * settings.pool_size + 1
    limit = server.find_connection_limit(instance.engine)
    if limit is None:
        return Finding(name, Verdict.OK, f"Up to {needed}; the database sets no limit.")
    if needed > limit:
        sentence = (
            f"Up to {needed} of the {limit} that the database takes from everyone: "
            "lower ISSUER_WORKERS or ISSUER_THREADS, or raise max_connections."
        )
        return Finding(name, Verdict.WARNING, sentence)
    return Finding(name, Verdict.OK, f"Up to {needed} of the {limit} that the database takes from everyone.")


def _refused_is_problem(name: str, run: Callable[[Instance], Finding], instance: Instance) -> Finding:
    try:
        return run(instance)
    except Refusal as refusal:
        return Finding(name, Verdict.PROBLEM, desk.reason_of(refusal, instance.settings))
