"""The application: every part is made here, once, and handed what it needs."""

import atexit
import logging.config
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as BaseResponse

from issuer import answers, config, health, logs, master_key
from issuer.answers import Application
from issuer.bundle import find_folder
from issuer.clock import Clock
from issuer.config import Settings
from issuer.entropy import Entropy
from issuer.errors import InvalidSettings, Refusal, TemporarilyUnavailable
from issuer.front import Front, Route
from issuer.issuing.families import Families
from issuer.issuing.introspection import Introspector
from issuer.issuing.keyring import Keyring
from issuer.issuing.lockout import Lockout
from issuer.issuing.mint import Mint
from issuer.issuing.rates import Rates
from issuer.issuing.record import Recorder
from issuer.issuing.revocation import Revoker
from issuer.issuing.rotation import Rotation
from issuer.issuing.terms import Terms
from issuer.issuing.usage import UsageCounter
from issuer.logs import EventLog
from issuer.metrics import endpoint as metrics
from issuer.metrics.endpoint import Metrics
from issuer.metrics.listener import Listener
from issuer.metrics.timed import Timed
from issuer.model.signing_key import TOKEN_ALGS, KeyPurpose
from issuer.oauth import jwks, metadata, presented_token, token
from issuer.oauth.client_auth import ClientAuthenticator
from issuer.oauth.documents import DocumentEndpoint
from issuer.oauth.endpoint import FormEndpoint
from issuer.oauth.grants import client_credentials, refresh_token
from issuer.oauth.server import TokenServer
from issuer.policy.lifetimes import Lifetimes, RefreshLifetimes
from issuer.registry import first_start, statistics, tick
from issuer.registry.cache import RegistryCache
from issuer.registry.tick import Keeping, Ticker
from issuer.store import db as database
from issuer.store.db import Engine
from issuer.worker import Upkeep, Worker

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_EXTENSION = "issuer"
_PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one process, for those who start it and for tests."""

    settings: Settings
    engine: Engine
    clock: Clock
    entropy: Entropy
    keyring: Keyring
    cache: RegistryCache
    usage: UsageCounter
    recorder: Recorder
    mint: Mint
    rotation: Rotation
    log: EventLog
    ticker: Ticker
    lockout: Lockout
    metrics: Metrics


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    log_descriptor: int | None = None,
) -> Flask:
    """Return the application, not yet started: nothing has touched the database.

    log_descriptor: where events of tokens go, standard output by default. Raises InvalidSettings if
    the driver of the database is not installed.
    """
    logs.silence_libraries()
    app = Flask("issuer", template_folder=str(find_folder("templates")), static_folder=None)
    # A fault in a view reaches the front, which tells its class alone; Flask would print its text.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    # A doubled slash is another address. Flask would redirect, with the credentials and to the host that
    # the request names.
    app.url_map.merge_slashes = False
    engine = _connect(app, settings)
    parts = _make_parts(settings, engine, clock or Clock(), entropy or Entropy(), log_descriptor)
    app.extensions[_EXTENSION] = parts
    routes = _list_routes(parts)
    for route in routes:
        _add_rule(app, route)
    _answer_errors(app)
    # Flask's own entry stays what handles pages; everything enters through the front.
    app.wsgi_app = _front(app.wsgi_app, routes, parts)  # type: ignore[assignment,method-assign] # as Flask documents it
    return app


def parts_of(app: Flask) -> Parts:
    """Return the parts that `create_app` made."""
    parts: Parts = app.extensions[_EXTENSION]
    return parts


def load_keys(parts: Parts) -> None:
    """Check the schema and open the signing keys; raises SchemaNotAtHead or WrongMasterKey."""
    first_start.check_schema(parts.engine)
    parts.keyring.load(parts.engine, master_key.find_or_make_master_key(parts.settings, parts.entropy))


def start(parts: Parts) -> Worker:
    """Make a process ready to serve and start its thread; raises StartRefusal if it cannot be."""
    load_keys(parts)
    parts.cache.check_once()
    upkeep = _upkeep(parts.ticker) if parts.settings.is_ticking else None
    worker = Worker(_look(parts), parts.usage.write_once, upkeep)
    worker.start()
    atexit.register(worker.stop)
    return worker


def look_once(parts: Parts) -> None:
    """Learn what others changed: the registry, who is locked out; raises TemporarilyUnavailable."""
    parts.cache.check_once()
    parts.lockout.share_once()


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
    """Return the application of one serving process, started: what a WSGI server calls in each worker."""
    settings = config.load_settings()
    logging.config.dictConfig(dict(logs.logging_settings(settings.log_level)))
    app = create_app(settings)
    start(parts_of(app))
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


def _make_parts(
    settings: Settings, engine: Engine, clock: Clock, entropy: Entropy, log_descriptor: int | None
) -> Parts:
    log = EventLog(sys.stdout.fileno() if log_descriptor is None else log_descriptor, clock.now)
    keyring = Keyring(clock)
    usage = UsageCounter(engine)
    recorder = Recorder(log, usage, engine if settings.audit_issuance == "database" else None)
    terms = Terms(
        settings.url,
        Lifetimes(settings.access_token_seconds, settings.access_token_max_seconds),
        RefreshLifetimes(settings.refresh_idle_seconds, settings.refresh_absolute_seconds),
    )
    families = Families(engine, keyring, recorder, entropy, terms)
    mint = Mint(terms, keyring, families, recorder, clock, entropy)
    cache = RegistryCache(engine, clock, settings.registry_stale_seconds, lambda: keyring.reload(engine))
    return Parts(
        settings=settings,
        engine=engine,
        clock=clock,
        entropy=entropy,
        keyring=keyring,
        cache=cache,
        usage=usage,
        recorder=recorder,
        mint=mint,
        rotation=Rotation(terms, keyring, families, mint, recorder, clock),
        log=log,
        lockout=Lockout(engine, clock),
        metrics=Metrics(
            lambda: statistics.read(engine),
            lambda: cache.age_seconds,
            clock,
            version("issuer"),
            settings.metrics_token,
        ),
        ticker=Ticker(
            engine,
            clock,
            entropy,
            Keeping.of_days(
                settings.access_token_max_seconds, settings.issuance_keep_days, settings.usage_keep_days
            ),
        ),
    )


def _upkeep(ticker: Ticker) -> Upkeep:
    def run(is_to_go_on: Callable[[], bool]) -> None:
        ticker.tick(is_to_go_on, every_seconds=tick.EVERY_SECONDS)

    return run


def _list_routes(parts: Parts) -> list[Route]:
    key_set = DocumentEndpoint(jwks.Jwks(parts.keyring, parts.clock).find_document, jwks.MEDIA_TYPE)
    described = metadata.Metadata(parts.settings.url, parts.keyring, parts.clock)
    document = DocumentEndpoint(described.find_document, "application/json")
    ready = health.Readiness(
        {"registry": lambda: not parts.cache.is_stale, "signing keys": lambda: _has_signers(parts)}
    )
    return [
        *_list_form_routes(parts),
        Route(metadata.JWKS_PATH, key_set),
        *(
            Route(f"/.well-known/{name}", document, inserted=name)
            for name in (metadata.AUTHORIZATION_SERVER, metadata.OPENID_CONFIGURATION)
        ),
        Route("/healthz", health.answer_alive),
        Route("/readyz", ready),
        *([Route(metrics.PATH, parts.metrics)] if parts.settings.metrics_token else []),
    ]


def _list_form_routes(parts: Parts) -> list[Route]:
    url, find_record = parts.settings.url, parts.cache.find_record
    authenticator = ClientAuthenticator(find_record, parts.usage.note_secret, parts.lockout, parts.clock)
    rates = Rates(parts.settings.client_requests_per_second, parts.settings.client_burst, parts.clock)
    server = TokenServer(authenticator, rates)
    server.register_grant(client_credentials.make_grant(parts.mint))
    server.register_grant(refresh_token.make_grant(parts.rotation))
    introspector = Introspector(url, parts.engine, parts.keyring, parts.clock, find_record)
    revoker = Revoker(url, parts.engine, parts.keyring, parts.recorder, parts.clock)
    acts = {
        metadata.TOKEN_PATH: token.answer_with(server),
        metadata.INTROSPECTION_PATH: presented_token.introspect_with(introspector, authenticator),
        metadata.REVOCATION_PATH: presented_token.revoke_with(revoker, authenticator),
    }
    endpoints: dict[str, Application] = {
        path: FormEndpoint(act, parts.recorder, parts.clock, parts.cache.describe_targets)
        for path, act in acts.items()
    }
    endpoints[metadata.TOKEN_PATH] = Timed(
        endpoints[metadata.TOKEN_PATH], parts.clock, parts.usage.note_duration
    )
    return [Route(path, endpoint) for path, endpoint in endpoints.items()]


def _has_signers(parts: Parts) -> bool:
    now = parts.clock.now()
    try:
        for alg in TOKEN_ALGS:
            parts.keyring.signer(KeyPurpose.TOKEN, alg, now)
    except Refusal:
        return False
    return True


def _add_rule(app: Flask, route: Route) -> None:
    def view() -> BaseResponse:
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
        # Host and prefix are never believed: every URL of ours is derived from ISSUER_URL.
        count = settings.trusted_proxies
        front = ProxyFix(front, x_for=count, x_proto=count, x_host=0, x_port=0, x_prefix=0)
    return front


def _answer_errors(app: Flask) -> None:
    def show(status: int, title: str, sentence: str) -> Response:
        request_id = request.environ.get(answers.REQUEST_ID, "")
        page = render_template("error.html", title=title, sentence=sentence, request_id=request_id)
        return Response(page, status, _PAGE_HEADERS | {"X-Request-ID": request_id})

    @app.errorhandler(HTTPException)
    def answer_http_error(error: HTTPException) -> Response:
        response = show(error.code or 500, error.name, error.description or "")
        if error.code == 405:
            response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return response

    @app.errorhandler(Refusal)
    def answer_refusal(refusal: Refusal) -> Response:
        response = show(refusal.status, refusal.code, refusal.sentence)
        if isinstance(refusal, TemporarilyUnavailable):
            response.headers["Retry-After"] = "1"
        return response
