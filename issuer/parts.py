"""The parts of one process: each is made here, once, and handed what it needs."""

import sys
from dataclasses import dataclass
from importlib.metadata import version

from issuer import master_key
from issuer.clock import Clock
from issuer.config import Settings
from issuer.entropy import Entropy
from issuer.issuing import preview, trace
from issuer.issuing.families import Families
from issuer.issuing.jwks_fetches import FetchNotes
from issuer.issuing.keyring import Keyring
from issuer.issuing.lockout import Lockout
from issuer.issuing.mint import Mint, Unsigned
from issuer.issuing.record import Recorder
from issuer.issuing.refusals import RefusalNotes
from issuer.issuing.rotation import Rotation
from issuer.issuing.terms import Terms
from issuer.issuing.trace import Trace
from issuer.issuing.usage import UsageCounter
from issuer.issuing.verdict.explainer import Explainer
from issuer.issuing.verdict.survey import Reach, Survey
from issuer.logs import EventLog
from issuer.metrics.endpoint import Metrics
from issuer.model.audience import Audience
from issuer.model.audit_event import Actor
from issuer.model.token_plan import TargetRequest
from issuer.model.verdict import Explanation
from issuer.pages.form_keys import FormKeys
from issuer.password_hashing import Passwords
from issuer.policy.lifetimes import Lifetimes, RefreshLifetimes
from issuer.registry import key_steps, statistics
from issuer.registry.cache import RegistryCache
from issuer.registry.key_acts import KeyActs
from issuer.registry.registrar import Registrar
from issuer.registry.tick import Keeping, Ticker
from issuer.store.db import Engine, Session
from issuer.store.db import db as database


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one process, for those who start it and for tests."""

    settings: Settings
    engine: Engine
    clock: Clock
    entropy: Entropy
    passwords: Passwords
    keyring: Keyring
    cache: RegistryCache
    usage: UsageCounter
    refusals: RefusalNotes
    fetches: FetchNotes
    recorder: Recorder
    mint: Mint
    explainer: Explainer
    rotation: Rotation
    log: EventLog
    ticker: Ticker
    lockout: Lockout
    metrics: Metrics
    form_keys: FormKeys


def open_registrar(parts: Parts, actor: Actor) -> Registrar:
    """Return a registrar in the name of an actor, on the session of the application context."""
    return make_registrar(parts, database.session(), actor)


def make_registrar(parts: Parts, session: Session, actor: Actor) -> Registrar:
    """Return a registrar in the name of an actor, on a session of the caller's."""
    return Registrar(
        session=session,
        actor=actor,
        clock=parts.clock,
        entropy=parts.entropy,
        issuer_url=parts.settings.url,
        access_token_max_seconds=parts.settings.access_token_max_seconds,
    )


def show_preview(parts: Parts, client_id: str, request: TargetRequest) -> Unsigned:
    """Return what a client would get for a request; raises what the token endpoint answers."""
    cache = parts.cache
    return preview.preview(client_id, request, parts.mint, cache.find_record, cache.describe_targets)


def trace_preview(parts: Parts, client_id: str, request: TargetRequest) -> Trace:
    """Return what a client would get for a request and by whose word, or the refusal and its mends."""
    settings = parts.settings
    bounds = Lifetimes(settings.access_token_seconds, settings.access_token_max_seconds)

    def show() -> Unsigned:
        return show_preview(parts, client_id, request)

    return trace.trace(show, client_id, request, parts.cache.find_record, bounds)


def show_draft(parts: Parts, audience: Audience) -> Unsigned:
    """Return what some client would get for an audience that need not be registered."""
    return preview.preview_draft(audience, parts.mint)


def explain(parts: Parts, text: str, spelling: str | None) -> Explanation:
    """Return what a pasted text is and which services would accept it, all or the one of a spelling."""
    return parts.explainer.explain(text, spelling)


def survey(parts: Parts, text: str, reach: Reach) -> Survey:
    """Return what a pasted text is, and what the services that it concerns would say to it."""
    return parts.explainer.survey(text, reach)


def make_key_acts(parts: Parts) -> KeyActs:
    """Return what may be done to signing keys; the master keys are asked for at each act."""
    settings, entropy = parts.settings, parts.entropy
    return KeyActs(
        key_steps.make_waits(settings), lambda: master_key.find_or_make_master_key(settings, entropy)
    )


def make_parts(
    settings: Settings,
    engine: Engine,
    clock: Clock,
    entropy: Entropy,
    form_keys: FormKeys,
    log_descriptor: int | None,
) -> Parts:
    """Return the parts; nothing touches the database. log_descriptor: as `app.create_app` says."""
    log = EventLog(sys.stdout.fileno() if log_descriptor is None else log_descriptor, clock.now)
    keyring = Keyring(clock)
    usage = UsageCounter(engine)
    refusals = RefusalNotes(engine)
    rows = engine if settings.audit_issuance == "database" else None
    recorder = Recorder(log, usage, rows, refusals)
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
        passwords=Passwords(entropy),
        keyring=keyring,
        cache=cache,
        usage=usage,
        refusals=refusals,
        fetches=FetchNotes(engine, clock),
        recorder=recorder,
        mint=mint,
        explainer=Explainer(settings.url, engine, keyring, clock),
        rotation=Rotation(terms, families, mint, recorder, clock),
        log=log,
        lockout=Lockout(engine, clock),
        form_keys=form_keys,
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
