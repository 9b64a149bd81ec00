"""The signing keys, for people: never their private parts."""

from dataclasses import dataclass

from issuer.errors import NotFound
from issuer.model.audience import AudienceId
from issuer.model.signing_key import SHARED_LINES, KeyLine, KeyPurpose, KeyState, StoredKey
from issuer.registry.registrar import Registrar
from issuer.store import signing_keys as store


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key and the state that it is in now."""

    key: StoredKey
    state: KeyState


@dataclass(frozen=True, slots=True)
class ListedLine:
    """All keys of one line, each of which follows the one before; the newest first.

    audience_id, audience: of the one that they alone sign for, and its identifier; None for the shared.
    signer: the one that signs now, None if none does. waiting: the one that signs next, None for none.
    """

    purpose: KeyPurpose
    alg: str
    rows: tuple[KeyRow, ...]
    signer: StoredKey | None
    waiting: StoredKey | None
    audience_id: AudienceId | None = None
    audience: str | None = None

    @property
    def is_published(self) -> bool:
        """Whether these keys stand in the JWKS while anything that they signed is verified."""
        return self.purpose is KeyPurpose.TOKEN


def list_lines(registrar: Registrar) -> tuple[ListedLine, ...]:
    """Return the lines of all keys: those that everybody shares, then those of single audiences.

    One statement, however many they are.
    """
    with registrar.reading() as connection:
        named = store.list_named_keys(connection)
    now = registrar.clock.now()
    rows: dict[KeyLine, list[KeyRow]] = {line: [] for line in SHARED_LINES}
    names: dict[KeyLine, str | None] = {}
    for key, audience in named:
        rows.setdefault(key.line, []).append(KeyRow(key, key.state(now)))
        names[key.line] = audience
    return tuple(_make_line(line, tuple(of_line), names.get(line)) for line, of_line in rows.items())


def find_line(registrar: Registrar, kid: str) -> ListedLine:
    """Return the line of the key of that kid, whatever its state; raises NotFound."""
    for line in list_lines(registrar):
        if kid in {row.key.kid for row in line.rows}:
            return line
    raise NotFound("there is no key of that kid")


def _make_line(line: KeyLine, rows: tuple[KeyRow, ...], audience: str | None) -> ListedLine:
    return ListedLine(
        purpose=line.purpose,
        alg=line.alg,
        rows=rows,
        signer=_find(rows, KeyState.ACTIVE),
        waiting=_find(rows, KeyState.PENDING),
        audience_id=line.audience_id,
        audience=audience,
    )


def _find(rows: tuple[KeyRow, ...], state: KeyState) -> StoredKey | None:
    return next((row.key for row in rows if row.state is state), None)
