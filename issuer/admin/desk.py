"""The desk: what the console lends its views. A view asks for a registrar and calls a use-case."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from flask import request

from issuer import answers
from issuer.admin.session import Sessions
from issuer.clock import Clock
from issuer.config import Settings
from issuer.errors import Refusal
from issuer.issuing.mint import Unsigned
from issuer.issuing.trace import Trace
from issuer.issuing.verdict.survey import Reach, Survey
from issuer.logs import EventLog
from issuer.model.audience import Audience
from issuer.model.audit_event import Actor
from issuer.model.token_plan import TargetRequest
from issuer.model.verdict import Explanation
from issuer.password_hashing import Passwords
from issuer.policy.lifetimes import Lifetimes, RefreshLifetimes
from issuer.registry import powers, sign_in
from issuer.registry.key_acts import KeyActs
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar
from issuer.registry.sign_in import Browser, SignedIn


@dataclass(frozen=True, slots=True)
class Desk:
    """What views are handed.

    token_url: of the token endpoint. sessions: who is signed in, and the cookie that says so.
    open_registrar: in the name of an actor.
    preview: what a client_id would get for a request; raises what the token endpoint answers. trace: the
    same with who decided each part, or with what to change where it is refused. preview_draft: what a
    client would get for an audience that is not registered yet. explain: what a pasted text is and which
    services would accept it, all or the one that expects a spelling. survey: the same for those that it
    concerns and a part of the others, however many there are. keys: what may be done to signing keys.
    """

    settings: Settings
    token_url: str
    clock: Clock
    log: EventLog
    passwords: Passwords
    sessions: Sessions
    open_registrar: Callable[[Actor], Registrar]
    preview: Callable[[str, TargetRequest], Unsigned]
    trace: Callable[[str, TargetRequest], Trace]
    preview_draft: Callable[[Audience], Unsigned]
    explain: Callable[[str, str | None], Explanation]
    survey: Callable[[str, Reach], Survey]
    keys: KeyActs

    @property
    def lifetimes(self) -> Lifetimes:
        """The server's own bounds of access tokens."""
        return Lifetimes(self.settings.access_token_seconds, self.settings.access_token_max_seconds)

    @property
    def refresh_lifetimes(self) -> RefreshLifetimes:
        """The server's own lifetimes of refresh tokens."""
        return RefreshLifetimes(self.settings.refresh_idle_seconds, self.settings.refresh_absolute_seconds)

    @property
    def signed_in(self) -> SignedIn:
        """Who is signed in, on an address that only those may open."""
        return self.sessions.require_signed_in()

    def registrar(self) -> Registrar:
        """Return a registrar in the name of who is signed in; every change bears the id of this request."""
        return self.open_registrar(self.signed_in.actor(request_id()))

    def visitor(self) -> Registrar:
        """Return a registrar in the name of nobody yet, who may sign in and do nothing else."""
        return self.open_registrar(sign_in.make_visitor(request_id()))

    def require(self, power: Power) -> None:
        """Raise NotAllowed without a power; StepUpRequired if it takes the password once more.

        For a page with a long form, so that it is not typed in vain.
        """
        powers.check(self.signed_in.actor(request_id()), power, self.clock.now())

    def note_refusal(self, event: str, refusal: Refusal, name: str | None) -> None:
        """Log that somebody could not prove who they are.

        event: a fixed name. name: of a user there is, else None: what was typed may be a password.
        """
        # A sink that is gone must not keep the answer back, too.
        with suppress(OSError):
            self.log.write(
                event,
                request_id=request_id(),
                reason=refusal.code,
                detail=refusal.detail,
                user=name,
                address=find_browser().address,
            )

    def may(self, power: Power, service: str | None = None) -> bool:
        """Return whether who is signed in has a power, to show only what can be done."""
        return powers.may(self.signed_in.actor(request_id()), power, service)

    def is_limited(self, power: Power) -> bool:
        """Return whether who is signed in has a power over what is of named services only."""
        return powers.is_limited(self.signed_in.actor(request_id()), power)


def request_id() -> str:
    """Return the id of this request."""
    return str(request.environ.get(answers.REQUEST_ID, ""))


def find_browser() -> Browser:
    """Return from where this request comes, and what the browser says of itself."""
    return Browser(request.remote_addr or "", request.headers.get("User-Agent", ""))
