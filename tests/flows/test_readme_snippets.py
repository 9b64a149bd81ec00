"""The README's programs for services take the right token and refuse the others, word for word."""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import flask
import joserfc.jwt
import jwt
import pytest

from tests.flows import servers
from tests.flows.installed import Installed, installed
from tests.peers.node import NodePeers, node_peers

__all__ = ["installed", "node_peers"]

README = (Path(__file__).parents[2] / "README.md").read_text()
ORDERS = "https://orders.example.com"
BILLING = "https://billing.example.com"
STOCK = "https://stock.example.com"
RENAMED = "https://stock.example.net"
KINDS = pytest.mark.parametrize(
    ("kind", "is_taken"),
    [("right", True), ("wrong_audience", False), ("wrong_typ", False), ("forged", False)],
)
_IN_THE_README = "http://127.0.0.1:8000"
_RUN_NODE = """
import { verify } from "./README.mjs";
for (const [kind, token] of Object.entries(JSON.parse(process.argv[2])))
  console.log(kind, await verify(token).then((claims) => claims.aud, () => "refused"));
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A running server with one token of each kind. url: the issuer's. tokens: by kind."""

    url: str
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def shop(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Serve tokens that a service at ORDERS must take or refuse."""
    folder = tmp_path_factory.mktemp("shop")
    with installed.serving_demo(cwd=folder, log=folder / "log") as demo:
        tokens = {"right": demo.ask_token(ORDERS), "wrong_audience": demo.ask_token(BILLING, which=1)}
        run = installed.run("audience", "change", ORDERS, "--typ", "JWT", cwd=folder)
        assert run.returncode == 0, run.stderr
        servers.wait_until(lambda: jwt.get_unverified_header(demo.ask_token(ORDERS))["typ"] == "JWT")
        tokens["wrong_typ"] = demo.ask_token(ORDERS)
        header, _, signature = tokens["right"].split(".")
        tokens["forged"] = ".".join((header, tokens["wrong_audience"].split(".")[1], signature))
        yield Shop(demo.server.url, tokens)


@KINDS
def test_pyjwt(shop: Shop, kind: str, *, is_taken: bool) -> None:
    verify = _run(shop, "import jwt\n")["verify"]

    assert _is_taken(verify, shop.tokens[kind], jwt.InvalidTokenError) is is_taken


@KINDS
def test_flask_with_authlib(shop: Shop, kind: str, *, is_taken: bool) -> None:
    app: flask.Flask = _run(shop, "import functools")["app"]

    answer = app.test_client().get("/orders", headers={"Authorization": f"Bearer {shop.tokens[kind]}"})

    assert answer.status_code == (200 if is_taken else 401)


@KINDS
def test_joserfc(shop: Shop, kind: str, *, is_taken: bool) -> None:
    names = _run(shop, "import functools") | {"jwt": joserfc.jwt, "time": time}
    verify = _run(shop, "def verify", names)["verify"]

    assert _is_taken(verify, shop.tokens[kind], (joserfc.errors.JoseError, ValueError)) is is_taken


def test_node_with_jose(shop: Shop, node_peers: NodePeers, tmp_path: Path) -> None:
    (tmp_path / "README.mjs").write_text(_block(shop, "js", "import * as jose"))
    (tmp_path / "readme_run.mjs").write_text(_RUN_NODE)
    node_peers.place(tmp_path / "README.mjs")
    script = node_peers.place(tmp_path / "readme_run.mjs")

    run = subprocess.run(
        [node_peers.node, script, json.dumps(shop.tokens)], capture_output=True, text=True, check=True
    )

    assert run.stdout.splitlines() == [
        f"right {ORDERS}",
        "wrong_audience refused",
        "wrong_typ refused",
        "forged refused",
    ]


def test_the_tour(installed: Installed, tmp_path: Path) -> None:
    """Every command of the tour and of the renaming does what it says, in their order."""
    lines = [line for block in _shell_blocks() for line in block.splitlines() if line.startswith("issuer ")]
    said = {}

    with installed.serving_demo(cwd=tmp_path, log=tmp_path / "log") as demo:
        for line in lines:
            words = [said.get(word, word) for word in shlex.split(line, comments=True)[1:]]
            run = installed.run(*words, "--json", cwd=tmp_path)
            assert run.returncode == 0, f"{line}: {run.stdout}{run.stderr}"
            document = json.loads(run.stdout)
            said |= {
                name.upper(): document[name] for name in ("client_id", "client_secret") if name in document
            }
            if words[0] == "token":
                preview = document["claims"]
        answer = demo.server.ask_token(said["CLIENT_ID"], said["CLIENT_SECRET"], audience=STOCK)

    assert (preview["aud"], preview["scope"]) == (STOCK, "stock:read")
    assert answer.status == 200, answer.body
    assert jwt.decode(answer.json["access_token"], options={"verify_signature": False})["aud"] == [
        RENAMED,
        STOCK,
    ]


def _shell_blocks() -> list[str]:
    headings = ("## The tour", "## Identifiers")
    return [re.search(rf"{heading}.*?```sh\n(.*?)```", README, re.DOTALL)[1] for heading in headings]


def _block(shop: Shop, language: str, beginning: str) -> str:
    """Return the README's code block that begins so, asking the running server."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    block = next(block for block in blocks if block.startswith(beginning))
    return block.replace(_IN_THE_README, shop.url)


def _run(shop: Shop, beginning: str, names: dict[str, object] | None = None) -> dict:
    names = {"__name__": "readme", **(names or {})}
    exec(_block(shop, "python", beginning), names)  # noqa: S102 - our own README
    return names


def _is_taken(
    verify: Callable[[str], dict], token: str, refusal: type[Exception] | tuple[type[Exception], ...]
) -> bool:
    try:
        return verify(token)["aud"] == ORDERS
    except refusal:
        return False
