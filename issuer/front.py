"""In front of Flask: an exact path goes to its small WSGI application, everything else to Flask.

Flask's own work on a request costs several signatures, so what machines ask for all day is
answered before its router sees it. The same applications are routes of Flask as well (issuer.app);
`ISSUER_SHORT_CUT=false` sends everything there.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from issuer import answers, logs
from issuer.answers import Application, Environ, StartResponse
from issuer.entropy import Entropy
from issuer.errors import ServerError
from issuer.logs import EventLog

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Route:
    """One address of the server.

    path: below the issuer's path. inserted: its name under `/.well-known/` at the root as well, for
    an issuer with a path (RFC 8414 §3.1), "" for none. is_pattern: `path` is a rule with variables,
    which only Flask's router finds.
    """

    path: str
    application: Application
    inserted: str = ""
    is_pattern: bool = False


class Front:
    """The outermost WSGI application: request id, catch-all, the short cut, the issuer's path."""

    def __init__(
        self,
        routes: Iterable[Route],
        pages: Application,
        issuer_url: str,
        log: EventLog,
        entropy: Entropy,
        *,
        short_cut: bool,
    ) -> None:
        self._base = urlsplit(issuer_url).path
        self._pages = pages
        self._log = log
        self._entropy = entropy
        self._exact = _exact_paths(routes, self._base, short_cut=short_cut)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; whatever goes wrong inside is a `server_error` and one log line."""
        environ[answers.REQUEST_ID] = self._request_id(environ)
        application = self._exact.get(environ["PATH_INFO"], self._enter_pages)
        try:
            return application(environ, start_response)
        except Exception as error:  # noqa: BLE001 - the last place where a fault can still be answered
            tell_fault(self._log, environ, error)
            body = {"error": ServerError.code, "error_description": ServerError.sentence}
            return answers.answer_json(environ, start_response, ServerError.status, body)

    def _request_id(self, environ: Environ) -> str:
        given = environ.get("HTTP_X_REQUEST_ID")
        if given and _REQUEST_ID.fullmatch(given):
            return str(given)
        return self._entropy.identifier()

    def _enter_pages(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if self._base:
            if path != self._base and not path.startswith(f"{self._base}/"):
                return answers.answer_json(environ, start_response, 404, {"error": "not_found"})
            environ["SCRIPT_NAME"] = self._base
        # For an empty path Flask would redirect, to the host that the request names.
        environ["PATH_INFO"] = path[len(self._base) :] or "/"
        if environ["PATH_INFO"].startswith("//"):
            # Flask's router drops all slashes in front but one: what a proxy lets through as another address
            # must not be one of ours.
            return answers.answer_json(environ, start_response, 404, {"error": "not_found"})
        return self._pages(environ, start_response)


class TrustedProxies:
    """Lets the proxies in front say whom a request comes from, and nothing else (RFC 9700 §4.13).

    count: how many there are; each adds the address that asked it at the end of `X-Forwarded-For`. Scheme,
    host and prefix are never believed: every URL of ours is derived from ISSUER_URL.
    """

    def __init__(self, application: Application, count: int) -> None:
        self._application = application
        self._count = count

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the application does to the address that is told, if that many proxies tell one."""
        # Werkzeug's ProxyFix reads quoted strings, which this header has none of: a quote that a client
        # sends and never closes would hide what its proxy adds.
        told = [each.strip() for each in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        addresses = [each for each in told if each]
        if len(addresses) >= self._count:
            environ["REMOTE_ADDR"] = addresses[-self._count]
        return self._application(environ, start_response)


def tell_fault(log: EventLog, environ: Environ, error: Exception) -> None:
    """Write one line about a fault: its class and place under the request's id, not its text."""
    # A sink that is gone must not keep the answer back, too.
    with suppress(OSError):
        log.write(
            "request.failed",
            request_id=environ[answers.REQUEST_ID],
            method=environ["REQUEST_METHOD"][:16],
            fault=logs.describe_fault(error),
        )


def _exact_paths(routes: Iterable[Route], base: str, *, short_cut: bool) -> Mapping[str, Application]:
    exact: dict[str, Application] = {}
    for route in routes:
        if short_cut and not route.is_pattern:
            exact[base + route.path] = route.application
        if base and route.inserted:
            # These lie outside the issuer's path, so Flask, which is mounted there, never sees them.
            exact[f"/.well-known/{route.inserted}{base}"] = route.application
    return exact
