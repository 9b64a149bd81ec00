"""Log lines: one JSON object each, short enough never to mix, and without the texts of exceptions."""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from issuer import logs
from issuer.logs import EventLog, JsonFormatter

NOW = 1_800_000_000
WIDEST = "\N{GRINNING FACE}"  # twelve bytes as JSON in ASCII


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[tuple[EventLog, Path]]:
    """Give a log and the file behind it."""
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield EventLog(descriptor, lambda: NOW), path
    os.close(descriptor)


def test_event_is_one_line_with_time_and_name(sink: tuple[EventLog, Path]) -> None:
    log, path = sink

    log.write("token.issued", client_id="robot", aud=["a", "b"], exp=5, cached=True, sub=None)

    assert path.read_bytes() == (
        b'{"ts":"2027-01-15T08:00:00Z","event":"token.issued","client_id":"robot","aud":["a","b"],"exp":5,'
        b'"cached":true,"sub":null}\n'
    )


@pytest.mark.parametrize(
    "value",
    ['a "b" \\', "\N{SNOWMAN}\udcff", "", 0, -5, True, False, None, 1.5, [], ["a"], ['"', "\n", WIDEST]],
)
def test_values_of_every_kind_are_written_as_json(sink: tuple[EventLog, Path], value: logs.LogValue) -> None:
    log, path = sink

    log.write("event", before="x", value=value)

    expected = json.dumps(
        {"ts": "2027-01-15T08:00:00Z", "event": "event", "before": "x", "value": value}, separators=(",", ":")
    )
    assert path.read_text() == f"{expected}\n"


@pytest.mark.parametrize("text", ["two\nlines", 'a "quoted" one', "\x00", "\u2028", "\N{SNOWMAN}", "\udcff"])
def test_text_cannot_break_out_of_its_line(sink: tuple[EventLog, Path], text: str) -> None:
    log, path = sink

    log.write("token.refused", asked=[text])

    [line] = path.read_bytes().splitlines()
    assert json.loads(line)["asked"] == [text]


@pytest.mark.parametrize("character", ["x", '"', "\x01", "\N{SNOWMAN}", WIDEST])
def test_line_that_is_too_long_is_cut_says_so_and_stays_json(
    sink: tuple[EventLog, Path], character: str
) -> None:
    log, path = sink
    long = character * 16_000

    log.write(
        "token.refused",
        request_id="r" * 64,
        client_id="c" * 255,
        grant_type=long,
        asked=[long] * 99,
        error="invalid_target",
        reason=long[:500],
        ip="ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    )

    content = path.read_bytes()
    [line] = content.splitlines()
    told = json.loads(line)
    assert len(content) <= logs.LONGEST_LINE
    assert told["cut"] is True
    assert (told["event"], told["request_id"], told["error"]) == ("token.refused", "r" * 64, "invalid_target")
    assert long.startswith(told["grant_type"])
    assert told["grant_type"]


def test_line_that_just_fits_is_left_alone(sink: tuple[EventLog, Path]) -> None:
    log, path = sink
    log.write("event", text="")
    bare = path.stat().st_size
    log.write("event", text="x" * (logs.LONGEST_LINE - bare))

    [_, line] = path.read_bytes().splitlines(keepends=True)
    assert len(line) == logs.LONGEST_LINE
    assert "cut" not in json.loads(line)


def test_lines_of_many_threads_never_mix(sink: tuple[EventLog, Path]) -> None:
    log, path = sink

    def write(name: str) -> None:
        for number in range(200):
            log.write(name, number=number, text="x" * 3000)

    threads = [threading.Thread(target=write, args=(f"thread-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    events = [json.loads(line)["event"] for line in path.read_bytes().splitlines()]
    assert {name: events.count(name) for name in set(events)} == {f"thread-{n}": 200 for n in range(8)}


def test_blocked_sink_slows_down_and_loses_nothing() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    log = EventLog(writing, lambda: NOW)

    def write() -> None:
        for number in range(200):
            log.write("event", number=number, text="x" * 3000)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    # The pipe is full long before the last line: 64 KiB against 600 KB.
    writer.join(0.05)
    was_blocked = writer.is_alive()
    with os.fdopen(reading, "rb") as read:
        lines = [json.loads(line) for line in read]
    writer.join()

    assert was_blocked
    assert [line["number"] for line in lines] == list(range(200))


def test_sink_that_is_gone_raises() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    log = EventLog(writing, lambda: NOW)

    with pytest.raises(BrokenPipeError):
        log.write("event")

    os.close(writing)


def test_time_of_a_line_is_that_of_its_second(sink: tuple[EventLog, Path]) -> None:
    _, path = sink
    seconds = iter([NOW, NOW, NOW + 1, NOW])
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    log = EventLog(descriptor, lambda: next(seconds))

    for _ in range(4):
        log.write("event")

    times = [json.loads(line)["ts"][-3:-1] for line in path.read_bytes().splitlines()]
    assert times == ["00", "00", "01", "00"]
    os.close(descriptor)


class TestAnException:
    """What is told of a fault: its class and its places, never its text."""

    @pytest.fixture
    def record(self) -> logging.LogRecord:
        """Give the record of an exception whose text quotes what was sent."""
        try:
            int("a-secret")
        except ValueError:
            return logging.LogRecord("x", logging.ERROR, "f", 1, "it %s", ("failed",), sys.exc_info())
        raise AssertionError

    def test_is_told_by_class_and_place(self, record: logging.LogRecord) -> None:
        line = json.loads(JsonFormatter().format(record))

        assert line["message"] == "it failed"
        assert line["level"] == "error"
        assert line["error"].startswith("ValueError at test_logs.py:")

    def test_never_tells_its_text(self, record: logging.LogRecord) -> None:
        assert "a-secret" not in JsonFormatter().format(record)


def test_authlib_logs_nothing_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    logs.silence_libraries()

    with caplog.at_level(logging.DEBUG):
        logging.getLogger("authlib").critical("access_token=…")
        logging.getLogger("authlib.oauth2.rfc6749.authorization_server").error("access_token=…")

    assert caplog.text == ""
