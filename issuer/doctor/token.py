"""A token as a client gets it: asked for through the public URL and compared with what is to be issued."""

import base64
from collections.abc import Callable
from urllib.parse import quote, urlencode

from issuer.doctor import answers, documents
from issuer.doctor.fetch import Fetched
from issuer.errors import TokenRejected
from issuer.issuing.mint import Unsigned
from issuer.jose import signing
from issuer.jose.keys import VerifyingKey
from issuer.model.checkup import Applicant, Checkup, Health
from issuer.model.client import AuthMethod
from issuer.model.signing_key import TOKEN_ALGS

NAME = "token"
_COMPARED = ("iss", "aud", "sub", "client_id", "scope")


def make_request(applicant: Applicant, method: AuthMethod) -> tuple[bytes, dict[str, str]]:
    """Return form and headers of the token request of a client (RFC 6749 §4.4.2, §2.3.1)."""
    asked = applicant.request
    pairs = [("grant_type", "client_credentials")]
    pairs += [("resource", each) for each in asked.resources]
    pairs += [("audience", each) for each in asked.audiences]
    pairs += [("scope", asked.scope)] if asked.scope else []
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if method is AuthMethod.CLIENT_SECRET_POST:
        pairs += [("client_id", applicant.client_id), ("client_secret", applicant.secret)]
    else:
        halves = f"{quote(applicant.client_id, safe='')}:{quote(applicant.secret, safe='')}"
        headers["Authorization"] = "Basic " + base64.b64encode(halves.encode()).decode("ascii")
    return urlencode(pairs).encode("ascii"), headers


def check_answer(
    url: str,
    base: str,
    answer: Fetched,
    expected: Unsigned,
    find_key: Callable[[str], VerifyingKey | None],
) -> list[Checkup]:
    """Return what is right or wrong with the answer to a token request, and with its token.

    expected: what this installation would sign. find_key: gives the keys of the JWKS as it is served.
    """
    if answer.status != 200:
        return [_tell_refusal(answer) or _status(url, base, answer)]
    body = documents.read_object(answer)
    token = body.get("access_token") if body is not None else None
    if not isinstance(token, str):
        mend = "Let the proxy route this path to the server, and leave what passes alone."
        return [_fail("The answer holds no access token.", mend)]
    return [*_check_no_store(answer), *_check_token(token, answer, expected, find_key)]


def _check_no_store(answer: Fetched) -> list[Checkup]:
    if "no-store" in answer.headers.get("cache-control", "").lower():
        return []
    return [
        Checkup(
            "token answer",
            Health.ERROR,
            "Its Cache-Control no longer says no-store: a cache may hand one client's token to another.",
            "Let the proxy leave Cache-Control alone, and cache nothing that is posted.",
        )
    ]


def _check_token(
    token: str, answer: Fetched, expected: Unsigned, find_key: Callable[[str], VerifyingKey | None]
) -> list[Checkup]:
    typ = expected.header["typ"]
    try:
        verified = signing.verify_compact(token, find_key=find_key, algs=frozenset(TOKEN_ALGS), typ=typ)
    except TokenRejected as rejection:
        mend = "Another server issues there: compare ISSUER_DATABASE_URL, and what the proxy passes on to."
        return [_fail(f"A service would refuse it, with the JWKS as served: {rejection.detail}.", mend)]
    claims = verified.claims
    different = [name for name in _COMPARED if claims.get(name) != expected.claims.get(name)]
    if _lifetime(claims) != _lifetime(expected.claims):
        different.append("exp")
    if different:
        mend = "The server knows another registry or has other settings than this terminal: compare both."
        return [_fail(f"It differs from what this installation would issue in {', '.join(different)}.", mend)]
    iat = claims["iat"]
    seconds = max(iat - answer.ended_at, answer.began_at - iat, 0)
    return [
        Checkup(NAME, Health.OK, "A service that expects it would accept it, with the JWKS as served."),
        answers.judge_clock(
            "token clock", seconds, "The issuing server's clock", is_ahead=iat > answer.ended_at
        ),
    ]


def _tell_refusal(answer: Fetched) -> Checkup | None:
    """Return what an OAuth error means, None where the answer is none."""
    body = documents.read_object(answer)
    code = body.get("error") if body is not None else None
    if not answer.is_ours or not isinstance(code, str):
        if answer.status == 401:
            mend = "Let the proxy pass Authorization on, and not ask for credentials of its own here."
            return _fail("Something in front of this server asks for credentials (401).", mend)
        return None
    mends = {
        "invalid_client": "Look at issuer client secret list; if the secret is right, the proxy drops or "
        "changes the Authorization header.",
        "too_many_failures": "Wait as long as Retry-After says, then try again with the right secret.",
        "invalid_request": "Let the proxy pass method, Content-Type and body on as they are.",
    }
    mend = mends.get(code, "The server's log has the reason, under token.refused.")
    return _fail(f"The server refuses: {''.join(filter(str.isprintable, code))[:64]}.", mend)


def _status(url: str, base: str, answer: Fetched) -> Checkup:
    found = answers.check_status(NAME, url, base, answer)
    return found or _fail(f"It answers with status {answer.status}.", "Look at the proxy.")


def _lifetime(claims: documents.Members) -> object:
    exp, iat = claims.get("exp"), claims.get("iat")
    return exp - iat if isinstance(exp, int) and isinstance(iat, int) else None


def _fail(sentence: str, mend: str) -> Checkup:
    return Checkup(NAME, Health.ERROR, sentence, mend)
