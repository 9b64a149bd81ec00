"""The application: every part is made here, once, and handed what it needs."""

import atexit
import gc
import logging.config
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

from flask import Flask, Response, request
from werkzeug.wrappers import Response as BaseResponse

from issuer import config, endpoints, logs, master_key
from issuer import parts as made
from issuer.admin import routes as console
from issuer.admin import sign_in, stale_form, step_up
from issuer.admin.desk import Desk
from issuer.admin.session import Sessions
from issuer.answers import Application
from issuer.bundle import find_folder
from issuer.clock import Clock
from issuer.config import Settings
from issuer.entropy import Entropy
from issuer.errors import InvalidSettings, Refusal
from issuer.front import Front, Route, TrustedProxies, tell_fault
from issuer.jose.sealing import MasterKeys
from issuer.metrics import endpoint as metrics
from issuer.metrics.listener import Listener
from issuer.model.audit_event import Actor, ActorKind
from issuer.oauth import metadata
from issuer.pages import assets, gate, landing
from issuer.pages.form_keys import FormKeys
from issuer.pages.gate import Policy
from issuer.pages.house import House
from issuer.pages.page_user import CurrentUser
from issuer.parts import Parts, make_parts
from issuer.registry import first_start, issuer_url, key_steps, key_upkeep, tick
from issuer.registry.registrar import Registrar
from issuer.store import db as database
from issuer.store.db import Engine, Session
from issuer.worker import Upkeep, Worker

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_EXTENSION = "issuer"


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    log_descriptor: int | None = None,
    current_user: CurrentUser | None = None,
) -> Flask:
    """Return the application, not yet started: nothing has touched the database.

    log_descriptor: where events of tokens go, standard output by default. current_user: tells who asks for
    a page, by default by the session. Raises InvalidSettings if the driver of the database is not installed.
    """
    logs.silence_libraries()
    app = Flask("issuer", template_folder=str(find_folder("templates")), static_folder=None)
    # A fault in a view reaches the front, which tells its class alone; Flask would print its text.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    # A doubled slash is another address. Flask would redirect, with the credentials and to the host that
    # the request names.
    app.url_map.merge_slashes = False
    engine = _connect(app, settings)
    parts = make_parts(
        settings, engine, clock or Clock(), entropy or Entropy(), FormKeys(app.config), log_descriptor
    )
    app.extensions[_EXTENSION] = parts
    routes = endpoints.list_routes(parts)
    for route in routes:
        _add_rule(app, route)
    _furnish(app, parts, routes, current_user)
    # Flask's own entry stays what handles pages; everything enters through the front.
    app.wsgi_app = _front(app.wsgi_app, routes, parts)  # type: ignore[assignment,method-assign] # as Flask documents it
    return app


def parts_of(app: Flask) -> Parts:
    """Return the parts that `create_app` made."""
    parts: Parts = app.extensions[_EXTENSION]
    return parts


def load_keys(parts: Parts) -> MasterKeys:
    """Check the schema, open the signing keys and return what opens them.

    Raises SchemaNotAtHead or WrongMasterKey.
    """
    first_start.check_schema(parts.engine)
    master_keys = master_key.find_or_make_master_key(parts.settings, parts.entropy)
    parts.keyring.load(parts.engine, master_keys)
    parts.form_keys.load(master_keys)
    return master_keys


def start(parts: Parts) -> Worker:
    """Make a process ready to serve and start its thread; raises StartRefusal if it cannot be."""
    master_keys = load_keys(parts)
    issuer_url.check(parts.engine, parts.settings.url)
    parts.cache.check_once()
    upkeep = _upkeep(parts, master_keys) if parts.settings.is_ticking else None
    worker = Worker(_look(parts), partial(write_once, parts), upkeep)
    worker.start()
    atexit.register(worker.stop)
    return worker


def look_once(parts: Parts) -> None:
    """Learn what others changed: the registry, who is locked out; raises TemporarilyUnavailable."""
    parts.cache.check_once()
    parts.lockout.share_once()


def write_once(parts: Parts) -> None:
    """Write what came together in memory, one kind after the other; raises TemporarilyUnavailable."""
    parts.usage.write_once()
    parts.refusals.write_once()
    parts.fetches.write_once()


def _look(parts: Parts) -> Callable[[], None]:
    address = parts.settings.metrics_address
    if address is None:
        return lambda: look_once(parts)
    route = Route(metrics.PATH, parts.metrics)
    front = Front([route], metrics.answer_not_found, "", parts.log, parts.entropy, short_cut=True)
    listener = Listener(*address, front)
    atexit.register(listener.stop)

    def look() -> None:
        # One process listens; when it is gone, the next to look does.
        listener.try_to_listen()
        look_once(parts)

    return look


def serve_app() -> Flask:
    """Return the application of one serving process, started: what a WSGI server calls in each worker.

    Raises SystemExit with the sentence that says why it does not start: a refusal's own text is its code.
    """
    try:
        settings = config.load_settings()
        logging.config.dictConfig(dict(logs.logging_settings(settings.log_level)))
        app = create_app(settings)
        start(parts_of(app))
        # All that is here by now stays: the collector need not walk through it again and again.
        gc.collect()
        gc.freeze()
    except Refusal as refusal:
        raise SystemExit(f"issuer cannot start: {refusal.sentence} {refusal.detail}") from refusal
    return app


def _connect(app: Flask, settings: Settings) -> Engine:
    url = database.make_url_of(settings.database_url)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = database.engine_options(url, settings.pool_size)
    try:
        database.db.init_app(app)
    except ImportError as error:
        raise InvalidSettings(
            f"The driver of {url.drivername} cannot be loaded ({error}): pip install 'issuer[postgres]', "
            "or from a clone pip install '.[postgres]'."
        ) from error
    with app.app_context():
        engine = database.db.engine
    database.prepare_engine(engine)
    return engine


def _upkeep(parts: Parts, master_keys: MasterKeys) -> Upkeep:
    settings, actor = parts.settings, Actor(ActorKind.SYSTEM, tick.LEASE)
    waits = key_steps.make_waits(settings)

    def run(is_to_go_on: Callable[[], bool]) -> None:
        parts.ticker.tick(is_to_go_on, every_seconds=tick.EVERY_SECONDS)
        with Session(parts.engine) as session:
            registrar = made.make_registrar(parts, session, actor)
            rotation_seconds = settings.key_rotation_seconds
            key_upkeep.keep(registrar, master_keys, waits, rotation_seconds, tick.EVERY_SECONDS)

    return run


def _add_rule(app: Flask, route: Route) -> None:
    def view(**_variables: int) -> BaseResponse:
        return Response.from_app(route.application, request.environ)

    app.add_url_rule(
        route.path, endpoint=route.path, view_func=view, methods=_METHODS, provide_automatic_options=False
    )


def _front(pages: Application, routes: list[Route], parts: Parts) -> Application:
    settings = parts.settings
    front: Application = Front(
        routes, pages, settings.url, parts.log, parts.entropy, short_cut=settings.short_cut
    )
    if settings.trusted_proxies:
        front = TrustedProxies(front, settings.trusted_proxies)
    return front


def _furnish(app: Flask, parts: Parts, routes: list[Route], current_user: CurrentUser | None) -> None:
    """Give the application its pages: what stands round them, the one at `/`, the console."""
    desk = _make_desk(parts)
    views = tuple(console.list_views(desk))
    find_user = current_user or desk.sessions.find_user
    policies: dict[str, Policy] = {
        **{route.path: gate.MACHINES for route in routes},
        assets.ENDPOINT: gate.PUBLIC,
        landing.ENDPOINT: gate.PUBLIC,
        **console.list_policies(views),
    }

    def tell(error: Exception) -> None:
        tell_fault(parts.log, request.environ, error)

    House(parts.settings.url, parts.clock, policies, find_user, tell).build(app)
    shown = landing.Landing(
        parts.settings.url,
        tuple(endpoints.list_addresses(parts.settings.url)),
        lambda: parts.keyring.list_published(parts.clock.now()),
        version("issuer"),
    )
    app.add_url_rule("/", landing.ENDPOINT, shown.show, methods=["GET"], provide_automatic_options=False)
    blueprint = console.make_blueprint(views, policies, console.RAIL, find_user)
    sign_in.register(blueprint, desk)
    stale_form.register(blueprint, desk)
    step_up.register(blueprint, desk)
    app.register_blueprint(blueprint)


def _make_desk(parts: Parts) -> Desk:
    def open_registrar(actor: Actor) -> Registrar:
        return made.open_registrar(parts, actor)

    return Desk(
        settings=parts.settings,
        token_url=parts.settings.url + metadata.TOKEN_PATH,
        clock=parts.clock,
        log=parts.log,
        passwords=parts.passwords,
        sessions=Sessions(open_registrar, is_https=parts.settings.url.startswith("https:")),
        open_registrar=open_registrar,
        preview=lambda client_id, asked: made.show_preview(parts, client_id, asked),
        trace=lambda client_id, asked: made.trace_preview(parts, client_id, asked),
        preview_draft=lambda audience: made.show_draft(parts, audience),
        explain=lambda text, spelling: made.explain(parts, text, spelling),
        survey=lambda text, reach: made.survey(parts, text, reach),
        keys=made.make_key_acts(parts),
    )
