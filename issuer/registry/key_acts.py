"""What may be done to keys by somebody who is handed neither master keys nor settings."""

from collections.abc import Callable
from dataclasses import dataclass, field

from issuer.jose.sealing import MasterKeys
from issuer.model.audience import Audience
from issuer.model.signing_key import KeyLine, StoredKey
from issuer.registry import key_rotation, key_withdrawal, own_keys
from issuer.registry.key_rotation import Rotated
from issuer.registry.key_steps import Waits
from issuer.registry.registrar import Registrar


@dataclass(frozen=True, slots=True)
class KeyActs:
    """Acts on the keys of this installation. find_master_keys: asked for each act; never shown."""

    waits: Waits
    find_master_keys: Callable[[], MasterKeys] = field(repr=False)

    def rotate(self, registrar: Registrar, line: KeyLine) -> Rotated:
        """Make the next key of a line; raises as `key_rotation.rotate`."""
        return key_rotation.rotate(registrar, self.find_master_keys(), [line], self.waits)[0]

    def rotate_now(self, registrar: Registrar, line: KeyLine) -> Rotated:
        """Let the next key of a line sign at once; raises as `key_rotation.rotate_now`."""
        return key_rotation.rotate_now(registrar, self.find_master_keys(), [line], self.waits)[0]

    def retire(self, registrar: Registrar, kid: str) -> tuple[StoredKey, ...]:
        """Let a key sign no more; raises as `key_withdrawal.retire`."""
        return key_withdrawal.retire(registrar, self.find_master_keys(), kid, self.waits)

    def compromise(self, registrar: Registrar, kid: str) -> tuple[StoredKey, ...]:
        """Withdraw a key for good; raises as `key_withdrawal.compromise`."""
        return key_withdrawal.compromise(registrar, self.find_master_keys(), kid, self.waits)

    def give_own(self, registrar: Registrar, identifier: str) -> Audience:
        """Give an audience a key of its own; raises as `own_keys.give`."""
        return own_keys.give(registrar, self.find_master_keys(), identifier, self.waits)

    def give_up_own(self, registrar: Registrar, identifier: str) -> Audience:
        """Let an audience use the shared keys again; raises as `own_keys.give_up`."""
        return own_keys.give_up(registrar, identifier, self.waits)
