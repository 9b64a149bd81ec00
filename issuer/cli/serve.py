"""`issuer serve`: the work of a first start, then granian until it is told to stop."""

import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

import click

from issuer import config, logs
from issuer.cli import demo, demo_refresh
from issuer.cli import desk as desks
from issuer.cli.command import Command
from issuer.cli.desk import Application, Desk
from issuer.cli.output import Answer, Document
from issuer.config import Settings
from issuer.errors import AddressTaken, Refusal
from issuer.registry import demo as use_case
from issuer.registry.demo import Demo

_BACKLOG = 1024
_STOP_SECONDS = 30
_IDLE_CONNECTION_MILLISECONDS = 75_000
_MOST_CONNECTIONS = 4096
_OTHER_FILES = 256


@click.command("serve", cls=Command)
@click.option("--host", metavar="H", help="The IP address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="P", help="The port to listen on.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="The number of serving processes.")
@click.option("--demo", "is_demo", is_flag=True, help="Register services and clients to play with.")
@click.pass_obj
def serve(desk: Desk, host: str | None, port: int | None, workers: int | None, is_demo: bool) -> Answer:
    """Serve tokens until SIGTERM or Ctrl-C; requests under way are answered first.

    Log lines go to standard output, one JSON object each. With --json the first document there is: url,
    token_endpoint, jwks_uri, bind, workers, demo (clients with client_id, client_secret, audiences; or null).
    """
    overrides = _overrides(desk, host, port, workers)
    settings = desk.read_settings(overrides)
    _check_free(settings.bind_host, settings.bind_port, "--port")
    if settings.metrics_address is not None:
        _check_free(*settings.metrics_address, "ISSUER_METRICS_BIND")
    with desk.open(settings) as instance:
        desks.prepare(instance)
        registered = use_case.register(instance.registrar) if is_demo else None
    config.hand_to_children(overrides)
    return Answer(
        _document(desk, settings, registered),
        text="",
        notes=_notes(desk, settings, registered),
        afterwards=lambda: _run(settings, desk.serve_app),
    )


def _overrides(desk: Desk, host: str | None, port: int | None, workers: int | None) -> dict[str, str]:
    overrides = {} if workers is None else {"workers": str(workers)}
    if host is None and port is None:
        return overrides
    if host is None or port is None:
        # The half that is not given stays. The URL may be required for the old address only.
        given = desk.read_settings({"url": "https://any.invalid", **overrides})
        host, port = host or given.bind_host, port or given.bind_port
    return {"bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}", **overrides}


def _check_free(host: str, port: int, setting: str) -> None:
    """Raise AddressTaken if nobody may listen there: granian would share the port with another server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AddressTaken(
                f"{host} port {port} cannot be listened on: {error.strerror}. Choose another with {setting}."
            ) from error


def _document(desk: Desk, settings: Settings, registered: Demo | None) -> Document:
    return {
        "url": settings.url,
        "token_endpoint": settings.url + desk.token_path,
        "jwks_uri": settings.url + desk.jwks_path,
        "bind": settings.bind,
        "workers": settings.workers,
        "demo": None if registered is None else demo.as_document(registered),
    }


def _notes(desk: Desk, settings: Settings, registered: Demo | None) -> tuple[str, ...]:
    url = settings.url
    listening = f"Serving {url} on {settings.bind}; Ctrl-C stops.\nJWKS: {url}{desk.jwks_path}"
    if registered is None:
        return (listening,)
    addresses = demo.Addresses(url, url + desk.token_path, url + desk.jwks_path)
    place = demo_refresh.Place(url, desk.token_path, desk.introspection_path, desk.jwks_path, settings)
    return listening, demo.as_text(registered, addresses) + demo_refresh.as_text(registered, place)


@dataclass(frozen=True, slots=True)
class _Loader:
    """Loads the application in a worker. A class, so that it can be sent to a process started anew.

    Granian's own loader would put the working directory first on the path of imports.
    """

    serve_app: Callable[[], Application]

    def __call__(self) -> Application:
        # Until granian sets its own, a worker has the parent's handlers, which would do nothing here.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        try:
            return self.serve_app()
        except Refusal as refusal:
            click.echo(f"refused: {refusal.detail or refusal.sentence}", err=True)
            raise SystemExit(1) from refusal


def _run(settings: Settings, serve_app: Callable[[], Application]) -> None:
    # Imported here, so that all other commands start fast.
    from granian import Granian  # noqa: PLC0415
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415
    from granian.http import HTTP1Settings  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    server = Granian(
        target="issuer.app:serve_app",
        address=settings.bind_host,
        port=settings.bind_port,
        interface=Interfaces.WSGI,
        # Detecting HTTP/2 would let silent connections stay for ever; proxies speak HTTP/1.1 here.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_IDLE_CONNECTION_MILLISECONDS),
        workers=settings.workers,
        blocking_threads=settings.threads,
        backlog=_BACKLOG,
        backpressure=_most_connections(),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
        log_level=LogLevels(settings.log_level.lower()),
        log_dictconfig=dict(logs.logging_settings(settings.log_level)),
        log_access=False,
    )
    try:
        server.serve(target_loader=_Loader(serve_app), wrap_loader=False)
    except SystemExit:
        # On Ctrl-C workers may be gone before they are told to stop, which granian takes for a failure.
        if not server.interrupt_signal:
            raise


def _most_connections() -> int:
    """Return how many connections a worker may hold; idle ones count, so granian's default is too low."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(_OTHER_FILES, min(_MOST_CONNECTIONS, files - _OTHER_FILES))
