"""The secrets that sign what a browser brings back: form tokens, notices, cursors of long lists.

Derived from the master keys, so every process has the same ones and nothing is stored. As with sealing,
the first master key signs and all of them are believed. Who is signed in does not hang on them: that is
a row in the database.
"""

from typing import Final

from flask import Config

from issuer.jose import derivation
from issuer.jose.sealing import MasterKeys

_PURPOSE: Final = "forms"


class FormKeys:
    """Puts the secrets where Flask and Flask-WTF look for them; until loaded, no form can be shown."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def load(self, master_keys: MasterKeys) -> None:
        """Derive the secrets. master_keys: at least one."""
        first, *others = (derivation.derive(master_key, _PURPOSE) for master_key in master_keys)
        self._config["SECRET_KEY"] = first
        self._config["SECRET_KEY_FALLBACKS"] = others
        # Flask-WTF knows no fallbacks; of a list itsdangerous signs with the last and believes all.
        self._config["WTF_CSRF_SECRET_KEY"] = [*others, first]
