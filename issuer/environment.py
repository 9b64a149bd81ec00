"""The text of every setting and where it comes from: the command line, ISSUER_* variables, files.

A variable may be given as ISSUER_X or as ISSUER_X_FILE, the path of a file that holds it. Nothing is
typed here, and no value of a variable is ever repeated in a sentence about it.
"""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NewType

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

Origin = NewType("Origin", str)

DEFAULT = Origin("default")
DERIVED = Origin("derived")
COMMAND_LINE = Origin("command line")

PREFIX = "ISSUER_"
FILE = "_FILE"
# Tells workers which variables the parent wrote for them; outside the prefix, for it is no setting.
HANDED_DOWN = "_ISSUER_COMMAND_LINE"

_KUBERNETES = re.compile(r"(?P<service>ISSUER(?:_\w+?)??)_(?:SERVICE_\w+|PORT(?:_\w+)?)", re.ASCII)
_FINAL_NEWLINE = re.compile(r"\r?\n\Z")


def variable_of(name: str) -> str:
    """Return the environment variable of a setting; name: the attribute."""
    return PREFIX + name.upper()


class Source(PydanticBaseSettingsSource):
    """The settings as text, by attribute name; not given is absent.

    Filled by being called: `origins` has the origin of every setting, `problems` a sentence for
    each that cannot be read, which continues the name of the variable.
    """

    def __init__(
        self,
        settings_class: type[BaseSettings],
        names: tuple[str, ...],
        overrides: Mapping[str, str],
        environ: Mapping[str, str],
    ) -> None:
        super().__init__(settings_class)
        self._names = names
        self._overrides = overrides
        self._environ = environ
        self._handed_down = environ.get(HANDED_DOWN, "").split(",")
        self.origins = dict.fromkeys(names, DEFAULT)
        self.problems: dict[str, str] = {}

    def __call__(self) -> dict[str, Any]:  # Any: the library's own signature
        """Return the text of every setting that is given and can be read."""
        fields = self.settings_cls.model_fields
        found = {name: self.get_field_value(fields[name], name)[0] for name in self._names}
        return {name: text for name, text in found.items() if text is not None}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:  # noqa: ARG002
        """Return the text of one setting, None if it is not given or cannot be read."""
        variable = variable_of(field_name)
        if variable in self._environ and variable + FILE in self._environ:
            self.problems[field_name] = f"and {variable}{FILE} are both set: unset one of them."
            return None, field_name, False
        text = self._find_text(field_name, variable)
        if text == "":
            self.problems[field_name] = "is set but empty: give it a value or unset it."
            text = None
        elif text is not None and not text.isprintable():
            self.problems[field_name] = "holds a line break or another character that cannot be printed."
            text = None
        return text, field_name, False

    def list_unknown(self) -> list[str]:
        """Return a sentence for each name that is no setting, with the setting that was probably meant."""
        variables = [variable_of(name) for name in self._names]
        known = {*variables, *(variable + FILE for variable in variables)}
        given = {name for name in self._environ if name.startswith(PREFIX)}
        given |= {variable_of(name) for name in self._overrides}
        unknown = sorted(name for name in given - known if not self._is_from_kubernetes(name))
        return [f"{name} is not a setting{_suggest(name, known)}" for name in unknown]

    def _find_text(self, name: str, variable: str) -> str | None:
        if name in self._overrides:
            self.origins[name] = COMMAND_LINE
            return self._overrides[name]
        if variable in self._environ:
            is_handed_down = name in self._handed_down
            self.origins[name] = COMMAND_LINE if is_handed_down else Origin(f"environment {variable}")
            return self._environ[variable]
        if variable + FILE in self._environ:
            return self._read_file(name, variable + FILE)
        return None

    def _read_file(self, name: str, variable: str) -> str | None:
        path = self._environ[variable]
        if not path:
            return path
        # Somebody may have put the secret itself where the path belongs: then it is not repeated.
        is_shown = path.startswith(("/", "./", "../")) and path.isprintable()
        self.origins[name] = Origin(f"file {variable}={path}" if is_shown else f"file {variable}")
        try:
            text = Path(path).read_bytes().decode("utf-8")
        except OSError as error:
            self.problems[name] = f"cannot be read: {error.strerror}."
        except ValueError:  # the bytes are not UTF-8, or the path holds a NUL
            self.problems[name] = "cannot be read: it is not a file of text in UTF-8."
        else:
            return _FINAL_NEWLINE.sub("", text)
        return None

    def _is_from_kubernetes(self, name: str) -> bool:
        """Return whether Kubernetes wrote this variable for a service called `issuer` or `issuer-…`."""
        match = _KUBERNETES.fullmatch(name)
        if match is None:
            return False
        return match["service"] == "ISSUER" or f"{match['service']}_SERVICE_HOST" in self._environ


def _suggest(name: str, known: set[str]) -> str:
    # Without the prefix, which all share: it would make everything look alike.
    endings = sorted(variable.removeprefix(PREFIX) for variable in known)
    near = difflib.get_close_matches(name.removeprefix(PREFIX).upper(), endings, n=1)
    return f": did you mean {PREFIX}{near[0]}?" if near else "; issuer config show lists them all."
