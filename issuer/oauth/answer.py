"""What the token endpoint answers (RFC 6749 §5.1, §5.2)."""

from issuer import answers
from issuer.answers import NO_STORE
from issuer.errors import InvalidClient, MethodNotAllowed, Refusal, TemporarilyUnavailable, TooManyRequests
from issuer.issuing.mint import Tokens

_RETRY_AFTER_SECONDS = "1"


def success(tokens: Tokens) -> bytes:
    """Return the body of an answer with tokens, as JSON; `scope` is there unless it is empty.

    Put together by hand: to make an encoder for so little costs more than all of it. A token of ours is
    base64url and dots, and stands in JSON as it is.
    """
    plan = tokens.access.plan
    members = [
        f'"access_token":"{tokens.access.token}"',
        f'"token_type":"Bearer","expires_in":{plan.lifetime_seconds}',
    ]
    if tokens.refresh is not None:
        members.append(f'"refresh_token":"{tokens.refresh}"')
    if plan.scopes:
        members.append(f'"scope":{answers.encode_json(" ".join(plan.scopes))}')
    return f"{{{','.join(members)}}}".encode("ascii")


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
