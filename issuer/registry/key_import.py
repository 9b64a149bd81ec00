"""Import: a key that was made elsewhere becomes the next one of its line, and waits as one made here does."""

from dataclasses import replace

from issuer.errors import Conflict
from issuer.jose import import_key
from issuer.jose.sealing import MasterKeys
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState
from issuer.registry import audiences, key_rotation, key_steps, signing_keys
from issuer.registry.key_rotation import Rotated
from issuer.registry.key_steps import Waits
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar


def add_key(
    registrar: Registrar,
    master_keys: MasterKeys,
    text: bytes,
    waits: Waits,
    *,
    audience: str | None = None,
    is_to_wait: bool = True,
) -> Rotated:
    """Let the private key that a text holds (`jose.import_key`) follow the key that signs now.

    audience: the identifier of an audience with keys of its own, None for the keys of all others.
    is_to_wait: False lets it sign at once, and services that cached the keys refuse its tokens until they
    look again. Raises InvalidValue where the text is no fit key; NotFound; Conflict where the key is here
    already, another next key is waiting, there is none to follow, or somebody else rotates at the same
    moment; WrongMasterKey or UnusableKey where the keys that are there do not open.
    """
    stored = key_steps.list_keys(registrar, master_keys)
    key = import_key.import_key(text)
    audience_id = None if audience is None else audiences.find_audience(registrar, audience).id
    line = KeyLine(KeyPurpose.TOKEN, key.alg, audience_id)
    if any(one.kid == key.kid for one in stored):
        raise Conflict(f"The key {key.kid} is here already; a key never comes back.")
    previous, now = key_steps.find_open(stored, line), registrar.clock.now()
    if previous is None:
        raise Conflict(f"There is no {key.alg} key to follow: see `issuer key list`.")
    if previous.state(now) is KeyState.PENDING:
        signs_from = key_steps.utc(previous.signs_from)
        raise Conflict(f"A next {key.alg} key is already waiting, it signs at {signs_from}.")
    longest = previous.longest_lifetime_seconds
    sealed = signing_keys.seal_key(line, key, master_keys, registrar.entropy, now, longest)
    with registrar.change(Power.KEYS) as change:
        ahead_seconds = waits.ahead_seconds(line.purpose) if is_to_wait else 0
        made = replace(sealed, shared_until=previous.shared_until)
        kids = key_steps.follow(change, previous, made, change.now + ahead_seconds, waits)
        change.record("key.imported", "key", key.kid, None, {"alg": key.alg})
    return key_rotation.list_rotated(registrar, [kids])[0]
