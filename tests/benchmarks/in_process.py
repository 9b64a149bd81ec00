"""Measures the issuer's token path in one process, in µs of CPU; run as a program by test_in_process.py.

Usage: in_process.py CLIENT_ID CLIENT_SECRET OUTPUT, with the ISSUER_* settings of a registry that
holds the client. Writes one JSON object to OUTPUT; standard output belongs to the issuer's log.
"""

import io
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask
from joserfc import jwt
from joserfc.jwk import ECKey

from issuer.app import serve_app
from tests.benchmarks import servers

ROUNDS = 15
_CALLS = 500
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def main() -> None:
    """Measure all steps round by round and write their medians."""
    client_id, client_secret, output = sys.argv[1:]
    application = serve_app()
    steps = {
        f"POST token {alg}": _token_step(application, client_id, client_secret, resource)
        for alg, resource in servers.RESOURCES.items()
    }
    steps["bare Flask answer"] = _flask_step(has_session=True)
    steps["the same without session"] = _flask_step(has_session=False)
    steps["one signed JWS, ES256"] = _signature_step()
    rounds = [{name: measure(step) for name, step in steps.items()} for _ in range(ROUNDS)]
    medians = {name: statistics.median(each[name] for each in rounds) for name in steps}
    Path(output).write_text(json.dumps(medians))


def measure(step: Callable[[], object]) -> float:
    """Return what one of many calls takes, in µs of CPU."""
    began = time.thread_time_ns()
    for _ in range(_CALLS):
        step()
    return (time.thread_time_ns() - began) / 1000 / _CALLS


def _token_step(
    application: Application, client_id: str, client_secret: str, resource: str
) -> Callable[[], object]:
    request = servers.token_request(client_id, client_secret, resource)
    body = request.body.encode()
    environ = _environ("POST", request.path) | {
        "CONTENT_TYPE": request.headers["Content-Type"],
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": request.headers["Authorization"],
    }
    return make_call(application, environ, body, b'"access_token"')


def _flask_step(*, has_session: bool) -> Callable[[], object]:
    app = Flask("bare")
    # Without a key Flask's session interface looks at no cookie and opens nothing.
    app.secret_key = "a key of as many bytes as ours has" if has_session else None
    app.add_url_rule("/", view_func=lambda: "static")
    return make_call(app, _environ("GET", "/"), b"", b"static")


def _signature_step() -> Callable[[], object]:
    key = ECKey.generate_key("P-256")
    claims = {
        "iss": "https://issuer.example",
        "sub": "benchmark",
        "aud": servers.RESOURCES["ES256"],
        "client_id": "benchmark",
        "exp": 1_800_000_900,
        "iat": 1_800_000_000,
        "jti": "a-jti-of-22-characters",
        "scope": servers.SCOPE,
    }
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "a-thumbprint-of-43-characters-like-any-other"}
    return lambda: jwt.encode(header, claims, key)


def make_call(
    application: Application, environ: dict[str, Any], body: bytes, expected: bytes
) -> Callable[[], object]:
    """Return the function that asks an application, once it has given an answer that holds what it must."""

    def ask() -> bytes:
        answer = application({**environ, "wsgi.input": io.BytesIO(body)}, _ignore)
        text = b"".join(answer)
        close = getattr(answer, "close", None)
        if close:
            close()
        return text

    first = ask()
    if expected not in first:
        raise SystemExit(f"{environ['PATH_INFO']} answered {first[:500]!r}")
    return ask


def _ignore(_status: str, _headers: list[tuple[str, str]], _exc_info: object = None) -> None:
    return None


def _environ(method: str, path: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": os.environ["ISSUER_BIND"].rpartition(":")[2],
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": os.environ["ISSUER_BIND"],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


if __name__ == "__main__":
    main()
