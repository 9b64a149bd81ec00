"""What `issuer serve --demo` prints can be pasted, and does what it says."""

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


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server of the demo, on the embedded database of somebody who prepared nothing."""
    folder = tmp_path_factory.mktemp("demo")
    with servers.running(folder, servers.make_environment(folder), "--demo") as server:
        yield server


@pytest.fixture(scope="module")
def curl_lines(demo: Server) -> list[str]:
    """Give the three lines that begin with curl."""
    lines = demo.messages.read_text().splitlines()
    return [line for line in lines if line.startswith("curl ")]


def _paste(lines: str) -> subprocess.CompletedProcess[str]:
    """Run lines in a shell; the python that they name is this one, which has PyJWT."""
    environment = {**os.environ, "no_proxy": "127.0.0.1"}
    return subprocess.run(
        ["sh", "-c", lines], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_first_line_gets_a_token_for_orders(curl_lines: list[str]) -> None:
    """RFC 6749 §4.4.3, §5.1."""
    answer = json.loads(_paste(curl_lines[0]).stdout)

    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 900
    assert answer["access_token"].count(".") == 2


def test_second_line_is_refused_billing(curl_lines: list[str]) -> None:
    """RFC 8707 §2."""
    assert json.loads(_paste(curl_lines[1]).stdout)["error"] == "invalid_target"


def test_third_line_gets_one_token_for_both(curl_lines: list[str]) -> None:
    assert curl_lines[2].count("resource=") == 2
    assert "access_token" in json.loads(_paste(curl_lines[2]).stdout)


class TestTheLastLines:
    """A token, then the same verification as Orders does and as Billing does."""

    @pytest.fixture
    def lines(self, demo: Server) -> list[str]:
        """Give the line that keeps a token and the two that verify it, not the one that installs PyJWT."""
        python = re.escape(sys.executable)
        lines = re.findall(rf"^(?:TOKEN=|{python} -c ).*$", demo.messages.read_text(), re.MULTILINE)
        assert [line.startswith("TOKEN=") for line in lines] == [True, False, False]
        return lines

    def test_orders_takes_the_token(self, lines: list[str], demo: Server) -> None:
        pasted = _paste("\n".join(lines[:2]))

        assert pasted.returncode == 0, pasted.stderr
        assert f"'iss': '{demo.url}'" in pasted.stdout

    def test_billing_refuses_it(self, lines: list[str]) -> None:
        pasted = _paste("\n".join((lines[0], lines[2])))

        assert pasted.stdout == ""
        assert pasted.stderr.splitlines()[-1].startswith("jwt.exceptions.InvalidAudienceError")


def test_demo_works_again_at_the_next_start(demo: Server) -> None:
    """Its secrets are new at every start; what was registered stays."""
    folder = demo.log.parent
    again = demo.environment | {"ISSUER_BIND": f"127.0.0.1:{servers.free_port()}"}

    with servers.running(folder, again, "--demo") as second:
        line = next(
            line for line in second.messages.read_text().splitlines() if line.startswith("curl ")
        ).replace(demo.url, f"http://127.0.0.1:{second.port}")
        answer = json.loads(_paste(line).stdout)

    assert "access_token" in answer
