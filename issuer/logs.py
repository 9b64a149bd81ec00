"""Logs: one JSON object a line, and never a token, secret, assertion, cookie or key.

Events of tokens are written with one `os.write` of at most 4,000 bytes: lines of several processes
never mix on a pipe (PIPE_BUF is 4,096), and a blocked sink slows issuing down instead of losing a line.
"""

import json
import logging
import os
import select
import time
import traceback
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring_ascii
from typing import Final

LONGEST_LINE: Final = 4000

LogValue = str | int | float | bool | None | list[str]

_LONGEST_TEXT = 400
_LONGEST_ITEM = 100
_MOST_ITEMS = 16
_encode_json = json.JSONEncoder(separators=(",", ":")).encode
# One text as JSON, in quotes and ASCII.
encode_text = encode_basestring_ascii
# Authlib prints whole token responses at DEBUG.
_SILENCED = ("authlib",)


class EventLog:
    """Writes events of this server to a file descriptor, each as one whole line."""

    def __init__(self, descriptor: int, now: Callable[[], int]) -> None:
        self._descriptor = descriptor
        self._now = now
        self._second = (0, _utc(0))

    def write(self, event: str, **fields: "LogValue") -> None:
        """Write one line; returns when the sink has taken it. Raises OSError if it cannot take any.

        event: a fixed name. fields: never a secret; texts and lists that are too long are cut, and
        `cut` says so.
        """
        self.write_members(event, encode_members(fields))

    def write_members(self, event: str, members: str) -> None:
        """Write one line as `write` does, of fields that are JSON already.

        members: as `encode_members` gives them.
        """
        more = f",{members}" if members else ""
        line = f'{{"ts":"{self._time()}","event":"{event}"{more}}}'
        if len(line) >= LONGEST_LINE:
            line = _encode_json(_cut(json.loads(line)))[: LONGEST_LINE - 1]
        self._write_whole(line.encode("ascii") + b"\n")

    def _time(self) -> str:
        # One text a second serves all its lines. Whole pairs are swapped, so threads need no lock.
        now = self._now()
        second, text = self._second
        if second != now:
            text = _utc(now)
            self._second = (now, text)
        return text

    def _write_whole(self, line: bytes) -> None:
        while line:
            try:
                written = os.write(self._descriptor, line)
            except BlockingIOError:
                select.select([], [self._descriptor], [])
                continue
            line = line[written:]


def encode_members(fields: Mapping[str, "LogValue"]) -> str:
    """Return fields as the members of a JSON object: ASCII, without its braces."""
    return _encode_json(fields)[1:-1]


class JsonFormatter(logging.Formatter):
    """Formats records of Python's logging, ours and the libraries', as one JSON line each.

    An exception is told by its class and the places it passed, never by its text: texts of
    exceptions quote what was sent.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record."""
        line: dict[str, object] = {
            "ts": _utc(int(record.created)),
            "event": "log",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:_LONGEST_TEXT],
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe_fault(record.exc_info[1])
        return _encode_json(line)


def describe_fault(error: BaseException) -> str:
    """Return the class of an exception and where it arose, without its text."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in reversed(frames))  # noqa: PTH119
    return f"{type(error).__name__} at {places}"


def logging_settings(level: str) -> Mapping[str, object]:
    """Return the `logging.config.dictConfig` settings under which everything is a JSON line on stdout."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "issuer.logs.JsonFormatter"}},
        "handlers": {
            "line": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}
        },
        "root": {"level": level, "handlers": ["line"]},
        "loggers": {
            "_granian": {"level": level, "handlers": ["line"], "propagate": False},
            "granian.access": {"level": "CRITICAL", "propagate": False},
            # At every start it tells which database there is.
            "alembic": {"level": "WARNING"},
        },
    }


def silence_libraries() -> None:
    """Switch off the loggers that would print tokens, at every level and for good."""
    for name in _SILENCED:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
        logger.handlers = [logging.NullHandler()]


def _utc(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _cut(line: Mapping[str, "LogValue"]) -> dict[str, "LogValue"]:
    short: dict[str, LogValue] = {}
    for name, value in line.items():
        if isinstance(value, str):
            short[name] = _cut_text(value, _LONGEST_TEXT)
        elif isinstance(value, list):
            short[name] = [_cut_text(item, _LONGEST_ITEM) for item in value[:_MOST_ITEMS]]
        else:
            short[name] = value
    return {**short, "cut": True}


def _cut_text(text: str, longest: int) -> str:
    # Measured as it is written: one character may take twelve bytes, and half of one is no JSON.
    text = text[:longest]
    while (size := len(_encode_json(text))) > longest:
        text = text[: len(text) * longest // size]
    return text
