"""What the token endpoint answers (RFC 6749 §5.1, §5.2)."""

from issuer.answers import NO_STORE
from issuer.errors import InvalidClient, MethodNotAllowed, Refusal, TemporarilyUnavailable, TooManyRequests
from issuer.issuing.mint import Tokens

_RETRY_AFTER_SECONDS = "1"


def success(tokens: Tokens) -> dict[str, object]:
    """Return the body of an answer with tokens; `scope` is there unless it is empty."""
    token = tokens.access
    body: dict[str, object] = {
        "access_token": token.token,
        "token_type": "Bearer",
        "expires_in": token.plan.lifetime_seconds,
    }
    if tokens.refresh is not None:
        body["refresh_token"] = tokens.refresh
    if token.plan.scopes:
        body["scope"] = " ".join(token.plan.scopes)
    return body


def refusal_body(refusal: Refusal) -> dict[str, object]:
    """Return the body of a refusal: its fixed code and sentence, never its detail."""
    return {"error": refusal.code, "error_description": refusal.sentence}


def refusal_headers(refusal: Refusal) -> list[tuple[str, str]]:
    """Return the headers that go with a refusal (RFC 6749 §5.2, RFC 9110 §10.2.3, §15.5.6)."""
    headers = list(NO_STORE)
    if isinstance(refusal, InvalidClient):
        headers.append(("WWW-Authenticate", 'Basic realm="issuer", charset="UTF-8"'))
    if isinstance(refusal, MethodNotAllowed):
        headers.append(("Allow", "POST"))
    if isinstance(refusal, TemporarilyUnavailable):
        headers.append(("Retry-After", _RETRY_AFTER_SECONDS))
    if isinstance(refusal, TooManyRequests):
        headers.append(("Retry-After", str(refusal.retry_after_seconds)))
    return headers
