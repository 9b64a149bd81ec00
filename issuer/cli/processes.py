"""The processes of a server: granian in this one, and the workers it starts, replaces and stops."""

import atexit
import logging
import os
import resource
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import util
from typing import TYPE_CHECKING, Any

import click

from issuer import logs
from issuer.cli.desk import Application
from issuer.config import Settings
from issuer.errors import Refusal

if TYPE_CHECKING:
    from granian.server.common import AbstractServer

    Server = AbstractServer[Any]  # Any: whatever it takes for a worker

_BACKLOG = 1024
_STOP_SECONDS = 30
_IDLE_CONNECTION_MILLISECONDS = 75_000
_MOST_CONNECTIONS = 4096
_OTHER_FILES = 256
_LOOK_SECONDS = 1


def run(settings: Settings, serve_app: Callable[[], Application], say: Callable[[], None]) -> None:
    """Serve until told to stop. say: called first, once a signal to stop is no accident."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)  # until granian has its own
    say()
    logging.getLogger("_granian").addFilter(_is_about_us)
    server = _make_server(settings)
    _let_workers_stop(server)
    try:
        server.serve(target_loader=_Loader(serve_app), wrap_loader=False)
    except SystemExit:
        # On Ctrl-C workers may be gone before they are told to stop, which granian takes for a failure.
        if not server.interrupt_signal:
            raise


def _is_about_us(record: logging.LogRecord) -> bool:
    # On a machine of few cores granian would warn of our default; threads that wait are cheap.
    return "Python threads, which seems quite high" not in record.getMessage()


def _leave(*_received: object) -> None:
    raise SystemExit(0)


def _make_server(settings: Settings) -> "Server":
    # Imported here, so that all other commands start fast.
    from granian import Granian  # noqa: PLC0415
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415
    from granian.http import HTTP1Settings  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    return Granian(
        target="issuer.app:serve_app",
        factory=True,
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


def _most_connections() -> int:
    """Return how many connections a worker may hold; idle ones count, so granian's default is too low."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(_OTHER_FILES, min(_MOST_CONNECTIONS, files - _OTHER_FILES))


def _let_workers_stop(server: "Server") -> None:
    """Let a worker that is told to stop before it serves do so.

    Until it has handlers of its own it has a copy of the parent's, which would do nothing there: the
    parent would wait for it until it kills it.
    """
    parent = os.getpid()
    interrupt: Callable[..., None] = server.signal_handler_interrupt

    def stop(*received: object) -> None:
        if os.getpid() != parent:
            os._exit(0)
        interrupt(*received)

    server.signal_handler_interrupt = stop  # type: ignore[method-assign] # there is no other way


@dataclass(frozen=True, slots=True)
class _Loader:
    """Loads the application in a worker. A class, so that it can be sent to a process started anew.

    Granian's own loader would put the working directory first on the path of imports.
    """

    serve_app: Callable[[], Application]

    def __call__(self) -> Application:
        # Ctrl-C reaches every process of the terminal, then the parent stops its workers. Of two signals
        # at once another thread may take both, and the main thread would never wake to see them.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        # Before Python 3.13 a forked process ends without what is registered for its end: the usage
        # of the last second would be lost.
        util.Finalize(None, atexit._run_exitfuncs, exitpriority=0)  # noqa: SLF001
        threading.Thread(target=_follow_parent, args=(os.getppid(),), daemon=True).start()
        try:
            return self.serve_app()
        except Refusal as refusal:
            click.echo(f"refused: {refusal.detail or refusal.sentence}", err=True)
            raise SystemExit(1) from refusal


def _follow_parent(parent: int) -> None:
    """Stop this worker once its parent was killed: it would keep the port from the next server."""
    never = threading.Event()
    while os.getppid() == parent:
        never.wait(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
