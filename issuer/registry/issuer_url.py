"""ISSUER_URL in the registry: the admin API's audience follows it, and nobody else's lies under it."""

from issuer.clock import Clock
from issuer.errors import InvalidSettings
from issuer.model.audience import ADMIN_API_PATH
from issuer.model.audit_event import Actor, ActorKind
from issuer.policy import identifiers
from issuer.store import audit, issuer_url, registry_version
from issuer.store.db import Connection, Engine, reading, writing
from issuer.store.registry_version import Concern, ConcernKind

_ACTOR = Actor(ActorKind.SYSTEM, "first start")


def align(engine: Engine, url: str, clock: Clock) -> None:
    """Register the admin API's audience under `url`, unless it is already.

    Raises InvalidSettings, having changed nothing, if an audience of a service lies under `url`.
    """
    wanted = url + ADMIN_API_PATH
    with reading(engine) as connection:
        _check_free(connection, url)
        if issuer_url.find_api_identifier(connection) == wanted:
            return
    with writing(engine) as connection:
        version, now = registry_version.raise_version(connection), clock.now()
        _check_free(connection, url)
        old = issuer_url.find_api_identifier(connection)
        if old == wanted:
            return
        issuer_url.change_api_identifier(connection, old, wanted, identifiers.canonical_form(wanted))
        registry_version.add_change(connection, Concern(version, ConcernKind.EVERYONE), at=now)
        audit.add_event(
            connection,
            _ACTOR,
            "audience.renamed",
            "audience",
            wanted,
            at=now,
            before={"identifier": old},
            after={"identifier": wanted},
        )


def check(engine: Engine, url: str) -> None:
    """Raise InvalidSettings if the server is known under another URL: its tokens would have another `iss`."""
    with reading(engine) as connection:
        served = find_served(connection)
    if served is not None and served != url:
        raise InvalidSettings(
            f"ISSUER_URL is {url}, but this database is served as {served}. To move it, run "
            "`issuer db upgrade` or `issuer serve` once with the new ISSUER_URL."
        )


def is_served(engine: Engine) -> bool:
    """Return whether the server was ever started, or its schema upgraded, with a URL."""
    with reading(engine) as connection:
        return find_served(connection) is not None


def find_served(connection: Connection) -> str | None:
    """Return the URL that the server was last started with, None if it never was."""
    identifier = issuer_url.find_api_identifier(connection)
    return identifier.removesuffix(ADMIN_API_PATH) if identifier.endswith(ADMIN_API_PATH) else None


def _check_free(connection: Connection, url: str) -> None:
    for identifier in issuer_url.list_service_identifiers(connection):
        if identifiers.is_under_issuer(identifier, url):
            raise InvalidSettings(
                f"ISSUER_URL is {url}, but {identifier} is registered as an audience of a service: "
                "no audience may lie under the issuer's own address. Use another URL."
            )
