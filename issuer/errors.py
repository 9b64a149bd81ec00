"""Every refusal this server gives, in one place.

A refusal has a fixed code, a status and one sentence for the asker: a constant, ASCII, without
quotes and without a word of the request (RFC 6749 §5.2 allows %x20-21 / %x23-5B / %x5D-7E).
What was wrong in particular stands in `detail`: it goes to the log and to admins, never to the asker.

    Refusal
    ├── TokenRefusal         RFC 6749 §5.2, RFC 8707 §2: what the OAuth endpoints answer
    ├── TokenRejected        RFC 6750 §3.1: why a token that is shown to us is not ours
    ├── Unreachable          what keeps us from another server
    ├── PageRefusal          what the web pages refuse before any use-case is asked
    ├── RegistryRefusal      what an admin is told, with the detail
    ├── SignInRefusal        what somebody is told who has not proved who they are
    └── StartRefusal         why the server does not start, one clear sentence
"""

from typing import ClassVar


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault of the program
    """A request that is answered with no. `detail` is for the log and for admins."""

    code: ClassVar[str] = "server_error"
    status: ClassVar[int] = 500
    sentence: ClassVar[str] = "The server could not complete the request."

    def __init__(self, detail: str = "") -> None:
        super().__init__(self.code)
        self.detail = detail


class TokenRefusal(Refusal):
    """A refusal at an OAuth endpoint."""


class InvalidRequest(TokenRefusal):
    """RFC 6749 §5.2: malformed, a parameter missing or repeated, two ways of authentication at once."""

    code = "invalid_request"
    status = 400
    sentence = "The request is malformed, lacks a parameter or repeats one."


class MethodNotAllowed(InvalidRequest):
    """RFC 9110 §15.5.6: the endpoint does not know the method."""

    status = 405
    sentence = "This endpoint does not take this method."


class RequestTooLarge(InvalidRequest):
    """RFC 9110 §15.5.14: body, parameter or number of parameters over the limit."""

    status = 413
    sentence = "The request is larger than this endpoint takes."


class UnsupportedMediaType(InvalidRequest):
    """RFC 9110 §15.5.16: the token endpoint takes forms only (RFC 6749 §4.4.2)."""

    status = 415
    sentence = "Send the parameters as application/x-www-form-urlencoded in the body."


class InvalidClient(TokenRefusal):
    """RFC 6749 §5.2: one answer for an unknown client, a wrong secret and a method not registered."""

    code = "invalid_client"
    status = 401
    sentence = "Client authentication failed."


class InvalidGrant(TokenRefusal):
    """RFC 6749 §5.2: the grant is spent, ended, or no longer covers what it once did."""

    code = "invalid_grant"
    status = 400
    sentence = "The grant is invalid, expired or withdrawn. Start again."


class TokenRejected(Refusal):
    """RFC 6750 §3.1: a token that is malformed, not of the kind asked for or not signed by us."""

    code = "invalid_token"
    status = 401
    sentence = "The token is malformed, of another kind or not signed by this issuer."


class UnauthorizedClient(TokenRefusal):
    """RFC 6749 §5.2: the client is not registered for this grant type."""

    code = "unauthorized_client"
    status = 400
    sentence = "This client is not registered for this grant type."


class ForeignToken(TokenRefusal):
    """RFC 7009 §2.1: the token that is presented was issued to another client."""

    code = "unauthorized_client"
    status = 400
    sentence = "This token was not issued to this client."


class UnsupportedGrantType(TokenRefusal):
    """RFC 6749 §5.2: the server does not know the grant type."""

    code = "unsupported_grant_type"
    status = 400
    sentence = "This server does not know this grant type."


class InvalidScope(TokenRefusal):
    """RFC 6749 §5.2: a scope is malformed, not defined by the audience or not permitted there."""

    code = "invalid_scope"
    status = 400
    sentence = "A scope is malformed, unknown to the audience or not permitted to this client."


class InvalidTarget(TokenRefusal):
    """RFC 8707 §2. One text for unknown and not permitted, so that audiences cannot be listed by trying."""

    code = "invalid_target"
    status = 400
    sentence = (
        "The audience is unknown, not permitted to this client or cannot stand with the others. "
        "Name one with the resource or audience parameter, in the spelling that its service registered."
    )


class TemporarilyUnavailable(TokenRefusal):
    """The database cannot be asked just now; the same request may succeed a moment later."""

    code = "temporarily_unavailable"
    status = 503
    sentence = "The server cannot answer just now. Try again in a moment."


class TooManyRequests(TokenRefusal):
    """RFC 6585 §4: somebody asks too often. retry_after_seconds: when to ask again."""

    code = "rate_limited"
    status = 429
    sentence = "Too many requests. Wait as long as the Retry-After header says."

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(TooManyRequests):
    """A client asks for more tokens than it is allowed in a second."""


class TooManyFailures(TooManyRequests):
    """Client authentication failed too often from this address; one answer whoever was named."""

    code = "too_many_failures"
    sentence = "Client authentication failed too often. Wait as long as the Retry-After header says."


class ServerError(TokenRefusal):
    """A fault of ours; the log has the class of the fault under the request id."""

    code = "server_error"
    status = 500


class Unreachable(Refusal):
    """A server that was asked does not answer; `detail` says how it fails. mend: what to do about it."""

    code = "unreachable"
    status = 502
    sentence = "A server cannot be reached."

    def __init__(self, detail: str, mend: str) -> None:
        super().__init__(detail)
        self.mend = mend


class PageRefusal(Refusal):
    """A refusal of the web pages themselves."""


class BadLink(PageRefusal):
    """An address or a form holds what no page of ours puts there: a forged cursor, an unknown column."""

    code = "bad_link"
    status = 400
    sentence = "This link is damaged or out of date. Go back to where it came from and start again there."


class Forbidden(PageRefusal):
    """The page has no policy, or the role of who is signed in does not reach so far."""

    code = "forbidden"
    status = 403
    sentence = "Your role does not allow this. An owner of this issuer can give you one that does."


class SignInRequired(PageRefusal):
    """Nobody is signed in, or the session has ended."""

    code = "sign_in_required"
    status = 403
    sentence = "Sign in first."


class RegistryRefusal(Refusal):
    """A refusal to an admin, who is told the detail."""

    code = "refused"
    status = 422
    sentence = "The change was refused."


class NotFound(RegistryRefusal):
    """What was named is not registered."""

    code = "not_found"
    status = 404
    sentence = "This is not registered."


class Conflict(RegistryRefusal):
    """The name is taken, the state does not allow it, or somebody else changed it meanwhile."""

    code = "conflict"
    status = 409
    sentence = "This contradicts what is registered."


class Stale(Conflict):
    """Somebody else changed it after it was read: it is not at the version that a change was made for."""


class InvalidValue(RegistryRefusal):
    """A field holds what it may not hold."""

    code = "invalid_value"
    status = 422
    sentence = "A value is not allowed."


class Locked(RegistryRefusal):
    """The built-in service and the reserved audiences are not changed by anyone."""

    code = "locked"
    status = 403
    sentence = "This belongs to the issuer itself and cannot be changed."


class Closed(Locked):
    """What a page was to change is changed by nobody, as it is the issuer's own or removed for good.

    thing: its name. url: of the page where it stands.
    """

    sentence = "This cannot be changed."

    def __init__(self, detail: str, thing: str, url: str) -> None:
        super().__init__(detail)
        self.thing = thing
        self.url = url


class NotAllowed(RegistryRefusal):
    """Whoever asks has not the role for this, or it is somebody else's."""

    code = "not_allowed"
    status = 403
    sentence = "Your role does not allow this."


class StepUpRequired(NotAllowed):
    """The role allows it, but the password was not given within the last minutes."""

    code = "step_up_required"
    sentence = "Give your password again first."


class SignInRefusal(Refusal):
    """A refusal to somebody who wants to sign in."""


class SignInFailed(SignInRefusal):
    """One answer for an unknown name, a wrong password and a user who may not sign in."""

    code = "sign_in_failed"
    status = 401
    sentence = "The name or the password is wrong."


class SignInLocked(SignInRefusal):
    """Too many wrong passwords for this name, whether there is such a user or not; nothing was checked.

    retry_after_seconds: when to try again.
    """

    code = "sign_in_locked"
    status = 429
    sentence = "Too many wrong passwords for this name. Wait a while."

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class PasswordsBusy(SignInRefusal):
    """As many passwords as can be are being checked or hashed; the database is not to blame."""

    code = "temporarily_unavailable"
    status = 503
    retry_after_seconds: ClassVar[int] = 1
    sentence = "The server cannot check passwords just now. Try again in a moment."


class SetupLinkRefused(SignInRefusal):
    """The link is unknown, used, too old or replaced by a newer one, or there is an owner."""

    code = "setup_link_refused"
    status = 404
    sentence = "This set-up link is not or no longer valid. Make a new one: issuer user setup-link."


class StartRefusal(Refusal):
    """The server does not start, or a command cannot work; `detail` is the sentence that says why."""

    code = "cannot_start"
    status = 500
    sentence = "The server cannot start."


class InvalidSettings(StartRefusal):
    """A setting is missing, unknown or not allowed."""

    code = "invalid_settings"


class WrongMasterKey(StartRefusal):
    """The master key does not open the signing keys in the database."""

    code = "wrong_master_key"


class UnusableKey(StartRefusal):
    """A signing key is damaged or not what its row says."""

    code = "unusable_key"


class SchemaNotAtHead(StartRefusal):
    """The database's schema is older or newer than this program."""

    code = "schema_not_at_head"


class SchemaDiffers(StartRefusal):
    """The database is at the right revision, but its tables are not what that revision makes."""

    code = "schema_differs"


class AddressTaken(StartRefusal):
    """The address to listen on cannot be had."""

    code = "address_taken"
