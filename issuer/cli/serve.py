"""`issuer serve`: the work of a first start, then granian until it is told to stop."""

import socket
import sys

import click

from issuer import config, setup_link_file
from issuer.cli import demo, demo_refresh, processes
from issuer.cli import desk as desks
from issuer.cli.command import Command
from issuer.cli.desk import Desk, Instance
from issuer.cli.output import Answer, Document
from issuer.config import Settings
from issuer.errors import AddressTaken
from issuer.registry import demo as use_case
from issuer.registry import setup
from issuer.registry.demo import Demo


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
        offer = _offer_setup(instance)
    config.hand_to_children(overrides)
    return Answer(
        _document(desk, settings, registered),
        text="",
        notes=(*_notes(desk, settings, registered), *offer),
        go_on=lambda say: processes.run(settings, desk.serve_app, say),
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


def _offer_setup(instance: Instance) -> tuple[str, ...]:
    """Return what is said of the link that makes the first owner; nothing where there is one.

    On a terminal somebody reads it. Elsewhere standard error is kept in a log, so it lies in a file.
    """
    folder = instance.settings.data_dir
    if not setup.is_needed(instance.registrar):
        setup_link_file.remove(folder)
        return ()
    link = setup.make_link(instance.registrar)
    if sys.stderr.isatty():
        return (f"Nobody owns the console yet. Within the hour, once: {link.url}",)
    try:
        path = setup_link_file.write(folder, link.url, instance.entropy)
    except OSError:
        return ("Nobody owns the console yet. Make the first owner: issuer user setup-link",)
    return (f"Nobody owns the console yet. For an hour, the link that makes the first owner is in {path}",)


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
