"""The desk: what the terminal lends its commands. Nothing is read or opened before a command asks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from issuer import addresses, config, master_key
from issuer.cli import output
from issuer.clock import Clock
from issuer.config import Settings
from issuer.entropy import Entropy
from issuer.errors import Refusal, SchemaNotAtHead, TemporarilyUnavailable
from issuer.issuing.mint import Unsigned
from issuer.model.checkup import Applicant, Checkup
from issuer.model.token_plan import TargetRequest
from issuer.model.verdict import Explanation
from issuer.password_hashing import Passwords
from issuer.registry import first_start
from issuer.registry.registrar import Registrar
from issuer.registry.tick import Ticker
from issuer.store import schema
from issuer.store.db import Engine

# Any: a WSGI application, whose environment holds values of any kind (PEP 3333).
Application = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Instance:
    """One installation, opened: its settings, its database and what works on it.

    open_keys: opens the signing keys; raises SchemaNotAtHead, WrongMasterKey or InvalidSettings.
    preview: what a client_id would get for a request; raises what the token endpoint answers.
    explain: what a pasted text is and whether services would accept it, all or the one that expects a
    spelling; raises as `open_keys`, and NotFound.
    examine: what is wrong with the server at ISSUER_URL, asked for a token as well where somebody is
    given; raises as `open_keys`.
    """

    settings: Settings
    engine: Engine
    clock: Clock
    entropy: Entropy
    registrar: Registrar
    passwords: Passwords
    ticker: Ticker
    open_keys: Callable[[], object]
    preview: Callable[[str, TargetRequest], Unsigned]
    explain: Callable[[str, str | None], Explanation]
    examine: Callable[[Applicant | None], tuple[Checkup, ...]]


@dataclass(frozen=True, slots=True)
class Desk:
    """What commands are handed.

    read_settings: given the values of the command line, by attribute name; raises InvalidSettings.
    connect: opens the installation of some settings, connecting to nothing yet.
    serve_app: makes the application in a worker. token_path, introspection_path, jwks_path: below
    ISSUER_URL.
    """

    read_settings: Callable[[Mapping[str, str]], Settings]
    connect: Callable[[Settings], AbstractContextManager[Instance]]
    serve_app: Callable[[], Application]
    token_path: str
    introspection_path: str
    jwks_path: str

    @contextmanager
    def installation(self) -> Iterator[Instance]:
        """Open the installation as the environment has it, whatever state its database is in."""
        with self.open(self.read_settings({})) as instance:
            yield instance

    @contextmanager
    def open(self, settings: Settings) -> Iterator[Instance]:
        """Open the installation of some settings; a database that is away is told by its address."""
        try:
            with self.connect(settings) as instance:
                yield instance
        except TemporarilyUnavailable as refusal:
            refusal.detail = reason_of(refusal, settings)
            raise

    @contextmanager
    def registry(self) -> Iterator[Instance]:
        """Open the installation with its registry ready.

        The embedded database is made where there is none yet, and its place told; raises
        SchemaNotAtHead where another schema than this program's is found.
        """
        with self.installation() as instance:
            if is_new(instance):
                prepare(instance)
                # In another folder than the server's this is not what was meant.
                output.tell(f"There was no registry yet. A new one is in {instance.settings.data_dir}")
            check_schema(instance)
            yield instance


def reason_of(refusal: Refusal, settings: Settings) -> str:
    """Return why something was refused, as the operator of this installation may know it.

    A database that is away is told by its address, without the password, and by what its driver says.
    """
    if not isinstance(refusal, TemporarilyUnavailable) or refusal.__cause__ is None:
        return refusal.detail or refusal.sentence
    url = addresses.mask_database_url(settings.database_url)
    said = str(refusal.__cause__.__cause__ or refusal.detail).strip().splitlines()
    return f"The database {url} does not answer: {said[0] if said else refusal.detail}"


def is_new(instance: Instance) -> bool:
    """Return whether the database is the embedded one and nothing was made in it yet."""
    return instance.settings.is_embedded and find_revision(instance) is None


def find_revision(instance: Instance) -> str | None:
    """Return the revision that the schema is at, None for an empty database or none at all."""
    # Connecting would make the file of an SQLite database.
    if instance.settings.is_sqlite and not Path(instance.engine.url.database or "").exists():
        return None
    return schema.current(instance.engine)


def check_schema(instance: Instance) -> None:
    """Raise SchemaNotAtHead unless the schema is what this program needs."""
    if find_revision(instance) is None:
        raise SchemaNotAtHead("The database is empty or not there: run `issuer db upgrade` first.")
    first_start.check_schema(instance.engine)


def prepare(instance: Instance) -> None:
    """Do the work of a first start; raises StartRefusal."""
    settings = instance.settings
    config.ensure_data_dir(settings)
    master_keys = master_key.find_or_make_master_key(settings, instance.entropy)
    first_start.prepare(settings, instance.engine, master_keys, instance.clock, instance.entropy)
