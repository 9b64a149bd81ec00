"""The settings: ISSUER_* variables, the files they name and the command line, as one typed value.

The only place that reads the environment. A setting is always taken as text and typed here:
nothing is guessed from its look, so a password of digits stays a password. Every refusal is one
sentence without the value, which may be a secret.
"""

import base64
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from issuer import addresses
from issuer.environment import COMMAND_LINE, DERIVED, FILE, HANDED_DOWN, Origin, Source, variable_of
from issuer.errors import InvalidSettings

_DERIVED_NAMES = frozenset({"url", "database_url"})

_DAY_SECONDS = 24 * 3600
_YEAR_SECONDS = 365 * _DAY_SECONDS
_MONTH_SECONDS = 30 * _DAY_SECONDS
_KEY = re.compile(r"[A-Za-z0-9_-]{43}=?")
# As an Authorization header may carry it (RFC 6750 §2.1), and long enough not to be guessed.
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]{16,255}=*")
# Below it a verifier could meet a key it does not know yet: the JWKS may be cached for 300 seconds by
# whoever passes it on and for 600 by the slowest verifier; a process looks at the keys once a second, and
# its clock may be a minute wrong.
SHORTEST_PUBLISH_AHEAD_SECONDS: Final = 300 + 600 + 1 + 60
# What has not been used for 30 and for 90 days is told of, so counts are not swept before.
_SHORTEST_USAGE_KEEP_DAYS = 92
_ON = frozenset({"true", "1", "yes", "on"})
_OFF = frozenset({"false", "0", "no", "off"})


def _whole_number(low: int, high: int) -> BeforeValidator:
    def parse(value: object) -> int:
        text = str(value)
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}.")
        return int(text)

    return BeforeValidator(parse)


def _one_of(*choices: str) -> BeforeValidator:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}.")
        return text

    return BeforeValidator(parse)


def _parse_switch(text: str) -> bool:
    if text.lower() not in _ON | _OFF:
        raise ValueError("must be true or false.")
    return text.lower() in _ON


def parse_master_key(text: str) -> tuple[bytes, ...]:
    """Return the keys of a comma-separated list, 32 bytes each; raises ValueError without the text.

    text: base64url, with or without padding; the first key seals, all of them open.
    """
    keys = text.split(",")
    if not all(_KEY.fullmatch(key) for key in keys):
        raise ValueError(
            "must be 32 random bytes as base64url (43 letters, digits, - and _), or several such "
            "keys with commas and no spaces between them."
        )
    return tuple(base64.urlsafe_b64decode(key.rstrip("=") + "=") for key in keys)


class Settings(BaseSettings):
    """Every setting with its type; made by `load_settings`, never changed, shown without secrets.

    A field is checked with those above it, so the order matters where one depends on another.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )

    bind: str = "127.0.0.1:8000"
    url: str = Field(default="", validate_default=True)
    workers: Annotated[int, _whole_number(1, 128)] = 1
    threads: Annotated[int, _whole_number(1, 256)] = 8
    data_dir: Path = Field(default=Path("instance"), validate_default=True)
    database_url: str = Field(default="", validate_default=True, repr=False, exclude=True)
    master_key: tuple[bytes, ...] = Field(default=(), repr=False, exclude=True)
    access_token_max_seconds: Annotated[int, _whole_number(1, _MONTH_SECONDS)] = 24 * 3600
    access_token_seconds: Annotated[int, _whole_number(1, _MONTH_SECONDS)] = Field(
        default=900, validate_default=True
    )
    refresh_absolute_seconds: Annotated[int, _whole_number(1, _YEAR_SECONDS)] = 90 * 24 * 3600
    refresh_idle_seconds: Annotated[int, _whole_number(1, _YEAR_SECONDS)] = 14 * 24 * 3600
    registry_stale_seconds: Annotated[int, _whole_number(1, 3600)] = 30
    trusted_proxies: Annotated[int, _whole_number(0, 10)] = 0
    client_requests_per_second: Annotated[int, _whole_number(0, 100_000)] = 0
    client_burst: Annotated[int, _whole_number(1, 100_000)] = 50
    key_publish_ahead_seconds: Annotated[
        int, _whole_number(SHORTEST_PUBLISH_AHEAD_SECONDS, _YEAR_SECONDS)
    ] = 24 * 3600
    key_rotation_days: Annotated[int, _whole_number(0, 3650)] = 90
    tick: Annotated[Literal["auto", "on", "off"], _one_of("auto", "on", "off")] = "auto"
    issuance_keep_days: Annotated[int, _whole_number(1, 3650)] = 90
    usage_keep_days: Annotated[int, _whole_number(_SHORTEST_USAGE_KEEP_DAYS, 3650)] = 400
    metrics_bind: str = ""
    metrics_token: str = Field(default="", repr=False, exclude=True)
    audit_issuance: Annotated[Literal["log", "database"], _one_of("log", "database")] = "log"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], _one_of("DEBUG", "INFO", "WARNING", "ERROR")
    ] = "INFO"
    short_cut: Annotated[bool, BeforeValidator(_parse_switch)] = True
    origins: Mapping[str, Origin] = Field(repr=False, exclude=True)

    @property
    def bind_host(self) -> str:
        """The address to listen on, without brackets."""
        return addresses.split_bind(self.bind)[0]

    @property
    def bind_port(self) -> int:
        """The port to listen on."""
        return addresses.split_bind(self.bind)[1]

    @property
    def key_rotation_seconds(self) -> int:
        """How long a key signs before its successor does, 0 for until somebody rotates it."""
        return self.key_rotation_days * _DAY_SECONDS

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self.database_url.startswith("sqlite")

    @property
    def is_embedded(self) -> bool:
        """Whether the database is the SQLite file in the data directory that is used when none is named."""
        return self.origins["database_url"] == DERIVED

    @property
    def is_url_set(self) -> bool:
        """Whether ISSUER_URL is set; else it is derived from where the server listens."""
        return self.origins["url"] != DERIVED

    @property
    def is_ticking(self) -> bool:
        """Whether the serving processes themselves remove what has expired."""
        return self.tick == "on" or (self.tick == "auto" and self.is_embedded)

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """The address and port where only metrics are served, None for no such place."""
        return addresses.split_bind(self.metrics_bind) if self.metrics_bind else None

    @property
    def pool_size(self) -> int:
        """The number of database connections a worker may hold: one for each thread, one to look with."""
        return self.threads + 1

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return only what is handed in: the library's own sources would read the environment as well."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("bind", mode="after")
    @classmethod
    def _check_bind(cls, text: str) -> str:
        addresses.split_bind(text)
        return text

    @field_validator("url", mode="after")
    @classmethod
    def _check_or_derive_url(cls, text: str, info: ValidationInfo) -> str:
        if text:
            return addresses.parse_url(text)
        if "bind" not in info.data:  # refused already
            return text
        host, port = addresses.split_bind(info.data["bind"])
        if not addresses.is_loopback(host):
            raise ValueError(
                "is required where ISSUER_BIND is not a loopback address: it is the URL by which "
                "clients reach this server, such as https://id.example.com."
            )
        return addresses.derive_url(host, port)

    @field_validator("data_dir", mode="after")
    @classmethod
    def _make_absolute(cls, path: Path) -> Path:
        if path.parts[:1] and path.parts[0].startswith("~"):
            raise ValueError("must be spelled out: nobody replaces ~ here.")
        absolute = path.absolute()
        if not str(absolute).isprintable():
            raise ValueError("lies in a directory whose name cannot be printed.")
        return absolute

    @field_validator("database_url", mode="after")
    @classmethod
    def _check_or_derive_database_url(cls, text: str, info: ValidationInfo) -> str:
        if text:
            return addresses.parse_database_url(text)
        return f"sqlite:///{quote(str(info.data.get('data_dir', '')))}/issuer.db"

    @field_validator("metrics_bind", mode="after")
    @classmethod
    def _check_metrics_bind(cls, text: str, info: ValidationInfo) -> str:
        address = addresses.split_bind(text)
        if "bind" in info.data and address == addresses.split_bind(info.data["bind"]):
            raise ValueError("must be another address than ISSUER_BIND.")
        return text

    @field_validator("metrics_token", mode="after")
    @classmethod
    def _check_metrics_token(cls, text: str) -> str:
        if not _BEARER.fullmatch(text):
            raise ValueError("must be 16 to 255 letters, digits and - . _ ~ + /, with = at the end only.")
        return text

    @field_validator("master_key", mode="before")
    @classmethod
    def _parse_master_key(cls, text: str) -> tuple[bytes, ...]:
        return parse_master_key(text)

    @field_validator("access_token_seconds", mode="after")
    @classmethod
    def _check_maximum(cls, seconds: int, info: ValidationInfo) -> int:
        maximum = info.data.get("access_token_max_seconds", seconds)
        if seconds > maximum:
            raise ValueError(f"must not exceed ISSUER_ACCESS_TOKEN_MAX_SECONDS, which is {maximum}.")
        return seconds


_NAMES = tuple(name for name in Settings.model_fields if name != "origins")


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One line of `issuer config show`: a setting or what follows from several; never a secret."""

    name: str
    value: str
    origin: Origin


def load_settings(
    overrides: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings; the command line goes before the environment and the files it names.

    overrides: values of the command line by attribute name. environ: the process's own by default.
    Raises InvalidSettings with every problem in its detail, one a line, and no value of any setting.
    """
    source = Source(Settings, _NAMES, overrides or {}, os.environ if environ is None else environ)
    given = source()
    settings, refusals = _check(given, source.origins)
    problems = {**refusals, **source.problems}
    lines = [_tell(name, source.origins[name], problems[name]) for name in _NAMES if name in problems]
    lines += source.list_unknown()
    if settings is None or lines:
        raise InvalidSettings("\n".join(lines))
    return settings


def hand_to_children(overrides: Mapping[str, str], environ: MutableMapping[str, str] | None = None) -> None:
    """Write values of the command line where workers look for them, with a note of their origin.

    Workers are started anew and load the settings themselves, from the environment alone.
    """
    target = os.environ if environ is None else environ
    for name, text in overrides.items():
        target[variable_of(name)] = text
        target.pop(variable_of(name) + FILE, None)
    target[HANDED_DOWN] = ",".join(overrides)


def describe(settings: Settings) -> list[SettingLine]:
    """Return every setting with its value and origin, then what follows from them; no secrets."""
    lines = [
        SettingLine(variable_of(name), _show(name, getattr(settings, name)), settings.origins[name])
        for name in _NAMES
    ]
    computed = {
        "processes": f"{settings.workers + 1} (1 parent, {settings.workers} serving)",
        "database connections per worker": str(settings.pool_size),
        "database connections in total": str(settings.workers * settings.pool_size + 1),
        "embedded database": _show("is_embedded", settings.is_embedded),
    }
    return lines + [SettingLine(name, value, DERIVED) for name, value in computed.items()]


def ensure_data_dir(settings: Settings) -> None:
    """Make the data directory if it is missing, for its owner only; raises InvalidSettings."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidSettings(
            f"The data directory {settings.data_dir} cannot be made: {error.strerror}. "
            "Make it or set ISSUER_DATA_DIR."
        ) from error


def _check(
    given: dict[str, Any],  # Any: text, typed here
    origins: Mapping[str, Origin],
) -> tuple[Settings | None, dict[str, str]]:
    """Return the settings, or a sentence for each that is refused.

    The library's error ends here: it holds the values.
    """
    derived = {name: DERIVED for name in _DERIVED_NAMES if name not in given}
    try:
        return Settings(**given, origins={**origins, **derived}), {}
    except ValidationError as error:
        return None, {
            str(each["loc"][0]): each["msg"].removeprefix("Value error, ") for each in error.errors()
        }


def _tell(name: str, origin: Origin, sentence: str) -> str:
    is_told = origin == COMMAND_LINE or origin.startswith("file ")
    return f"{variable_of(name)} ({origin}) {sentence}" if is_told else f"{variable_of(name)} {sentence}"


def _show(name: str, value: object) -> str:
    if name == "master_key" and isinstance(value, tuple):
        return f"{len(value)} {'key' if len(value) == 1 else 'keys'}, not shown" if value else "not set"
    if name == "metrics_token":
        return "set, not shown" if value else "not set"
    if name == "database_url":
        return addresses.mask_database_url(str(value))
    return str(value).lower() if isinstance(value, bool) else str(value)
