"""All lines that `issuer serve --demo` prints, pasted one after the other: those of refresh tokens."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.flows import servers
from tests.flows.servers import Server

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on the path")

_PYTHON = re.escape(sys.executable)
_LINE = re.compile(rf"^(?:curl |{_PYTHON} -c |echo |[A-Z]+=).*$", re.MULTILINE)
_BETWEEN = "\n--- next line ---"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server of the demo, on the embedded database of somebody who prepared nothing."""
    folder = tmp_path_factory.mktemp("demo")
    kept = servers.make_environment(folder)
    environment = {name: text for name, text in kept.items() if name not in {"ISSUER_URL", "ISSUER_DATA_DIR"}}
    with servers.running(folder, environment, "--demo") as server:
        yield server


@pytest.fixture(scope="module")
def said(demo: Server, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Give what each line printed on a terminal that stands elsewhere, from the one with PAIR on."""
    assert demo.messages is not None
    lines = _LINE.findall(demo.messages.read_text())
    shell = subprocess.run(
        ["sh"],
        input="".join(f"{line}\necho '{_BETWEEN}'\n" for line in lines),
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env={"PATH": os.environ["PATH"], "no_proxy": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    begun = next(number for number, line in enumerate(lines) if line.startswith("PAIR="))
    return shell.stdout.split(f"{_BETWEEN}\n")[begun:]


def test_the_pair_has_audiences_of_its_own(said: list[str]) -> None:
    assert said[:4] == ["", "", "", "access refresh\n"]


def test_the_refresh_token_gets_the_next(said: list[str]) -> None:
    """RFC 6749 §6."""
    assert said[4] == ""


def test_an_access_token_is_no_refresh_token(said: list[str]) -> None:
    assert json.loads(said[5])["error"] == "invalid_grant"


def test_orders_knows_no_key_of_a_refresh_token(said: list[str]) -> None:
    assert said[6].splitlines()[-1].startswith("jwt.exceptions.PyJWKClientError")


def test_orders_learns_of_its_own_tokens_alone(said: list[str]) -> None:
    """RFC 7662 §2.2."""
    own = json.loads(said[7])

    assert (own["active"], own["aud"]) == (True, "https://orders.example.com")
    assert json.loads(said[8]) == {"active": False}


def test_the_last_line_explains_a_refresh_token(said: list[str]) -> None:
    assert said[9].startswith("A refresh token of this issuer")
    assert "https://orders.example.com (Orders): REJECT" in said[9]
    assert "Traceback" not in said[9]
