"""The verdict: each check with what was expected and found, and what to change; and nothing that leaks."""

import base64
import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from issuer.errors import NotFound, TemporarilyUnavailable
from issuer.issuing import refresh_token
from issuer.issuing.keyring import Keyring, KeySet
from issuer.issuing.verdict import addressing, explain
from issuer.issuing.verdict.evidence import Grounds
from issuer.issuing.verdict.reading import LONGEST_TEXT
from issuer.issuing.verdict.shown import Shown
from issuer.jose import signing
from issuer.jose.keys import OctKey, SigningKey
from issuer.jose.signing import Signer
from issuer.model.audience import AliasMode, AudienceState, SigningAlg, TokenTyp
from issuer.model.client import ClientState
from issuer.model.family import EndReason
from issuer.model.service import ServiceState
from issuer.model.signing_key import KeyPurpose
from issuer.model.verdict import CheckName, Outcome, Standing, TokenKind
from issuer.policy import resemblance
from tests.conftest import START, FixedClock
from tests.oauth.world import load_key
from tests.unit.policy.builders import alias, audience, service, token_policy

ISSUER = "https://id.example"
ORDERS, BILLING = "https://orders.example", "https://billing.example"
NOW = START
CLAIMS = {
    "iss": ISSUER,
    "sub": "robot",
    "aud": ORDERS,
    "client_id": "robot",
    "iat": NOW - 60,
    "exp": NOW + 840,
    "jti": "jti-1",
    "scope": "read",
}
REFRESH_CLAIMS = {**CLAIMS, "aud": "refresh", "family": "f1", "generation": 3, "granted_aud": [ORDERS]}
LIVE = Standing(ClientState.ACTIVE)

SHOP, BANK = replace(service(1), name="Shop"), replace(service(2), name="Bank")
BUILT_IN = replace(service(9), name="This issuer", is_builtin=True)
ACCESS = audience("access", 1, reserved=True, of=BUILT_IN)
REFRESH = audience("refresh", 2, reserved=True, of=BUILT_IN)
ORDERS_AUDIENCE = audience(ORDERS, 3, of=SHOP, scopes="read")
BILLING_AUDIENCE = audience(BILLING, 4, of=BANK)
AUDIENCES = (ACCESS, REFRESH, ORDERS_AUDIENCE, BILLING_AUDIENCE)


@pytest.fixture(scope="module")
def keys():
    """Give one key of each kind, by algorithm."""
    made = (
        load_key(KeyPurpose.TOKEN, "RS256"),
        load_key(KeyPurpose.TOKEN, "ES256"),
        load_key(KeyPurpose.REFRESH, "HS256"),
    )
    return {key.stored.alg: key for key in made}


@pytest.fixture(scope="module")
def sign(keys):
    """Give the function that signs the usual claims; keywords replace claims, None takes one away."""

    def make(claims=CLAIMS, typ="at+jwt", alg="RS256", **changed):
        given = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        return signing.sign_claims(given, keys[alg].signer, typ)

    return make


@pytest.fixture(scope="module")
def grounds(keys):
    """Give what a verdict is found on: four audiences, three keys, and a database that knows no ill."""
    return _grounds(keys.values())


@pytest.fixture(scope="module")
def judge(grounds):
    """Give the function that explains a text for the service that expects a spelling."""

    def run(text, spelling=ORDERS, given=grounds):
        return explain.explain(text, given, (explain.find_expectation(given.audiences, spelling),))

    return run


def _grounds(loaded, *, standing=LIVE, audiences=AUDIENCES):
    def find_standing(*_asked):
        if standing is None:
            raise TemporarilyUnavailable("away")
        return standing

    keyring = Keyring(FixedClock())
    keyring._set = KeySet.of(loaded)
    return Grounds(ISSUER, keyring, tuple(key.stored for key in loaded), audiences, find_standing, NOW)


def outcomes(explanation):
    """Return the outcome of each check of the one verdict, by name."""
    (verdict,) = explanation.verdicts
    return {check.name.value: check.outcome.value for check in verdict.checks}


def failed(explanation):
    """Return the names of the checks that failed."""
    return [name for name, outcome in outcomes(explanation).items() if outcome == "failed"]


def check_of(explanation, name):
    """Return one check of the one verdict."""
    return next(check for check in explanation.verdicts[0].checks if check.name is CheckName(name))


def everything(explanation):
    """Return all that a page or a terminal could print of an explanation."""
    told = [explanation.kind, explanation.sentence, explanation.header, explanation.claims]
    for verdict in explanation.verdicts:
        told += [verdict.reason, *((each.expected, each.actual, each.advice) for each in verdict.checks)]
    return json.dumps(told, ensure_ascii=False)


def test_a_good_token_passes_every_check_in_order(judge, sign):
    """RFC 9068 §4."""
    explanation = judge(sign())

    assert explanation.kind is TokenKind.ACCESS_TOKEN
    assert explanation.verdicts[0].is_accepted
    assert explanation.verdicts[0].reason == ""
    assert list(outcomes(explanation).items()) == [(name.value, "passed") for name in CheckName]


def test_header_and_claims_are_shown(judge, sign, keys):
    explanation = judge(sign())

    assert explanation.header == {"alg": "RS256", "typ": "at+jwt", "kid": keys["RS256"].stored.kid}
    assert explanation.claims == CLAIMS


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_one_of_several_audiences_is_enough(judge, sign, alg):
    assert judge(sign(alg=alg, aud=[BILLING, ORDERS])).verdicts[0].is_accepted


@pytest.mark.parametrize(
    ("changed", "check", "advice"),
    [
        ({"typ": "JWT"}, "typ", "may be an ID token"),
        ({"typ": "application/at+jwt"}, "typ", "this issuer never writes it"),
        ({"typ": "AT+JWT"}, "typ", "Only the case of letters differs from at+jwt"),
        ({"typ": "dpop+jwt"}, "typ", "this audience takes at+jwt only"),
        ({"iss": f"{ISSUER}/"}, "iss", "(only the trailing slash)"),
        ({"iss": "https://other.example"}, "iss", "comes from https://other.example, this issuer is"),
        ({"iss": None}, "iss", "does not say who issued it"),
        ({"iss": 7}, "iss", "comes from 7"),
        ({"exp": NOW}, "exp", "has expired (some verifiers still take it"),
        ({"exp": NOW - 30}, "exp", "has expired: ask for a new one"),
        ({"exp": None}, "exp", "never expires"),
        ({"exp": "soon"}, "exp", "not whole seconds"),
        ({"exp": True}, "exp", "not whole seconds"),
        ({"exp": 1e300}, "exp", "not whole seconds"),
        ({"exp": 10**30}, "exp", "not whole seconds"),
        ({"exp": -1}, "exp", "not whole seconds"),
        ({"iat": NOW + 31}, "iat", "iat lies in the future: the clocks"),
        ({"nbf": NOW + 31}, "iat", "nbf lies in the future: the clocks"),
        ({"iat": None}, "iat", "does not say when it was issued"),
        ({"iat": "then"}, "iat", "iat is not whole seconds"),
        ({"nbf": [1]}, "iat", "nbf is not whole seconds"),
        ({"sub": None}, "claims", "RFC 9068 section 2.2"),
        ({"sub": 1}, "claims", "RFC 9068 section 2.2"),
    ],
    ids=str,
)
def test_what_alone_is_wrong_alone_fails_and_says_what_to_change(judge, sign, changed, check, advice):
    explanation = judge(sign(**changed))

    assert failed(explanation) == [check]
    assert not explanation.verdicts[0].is_accepted
    assert advice in check_of(explanation, check).advice
    assert explanation.verdicts[0].reason == check_of(explanation, check).advice


@pytest.mark.parametrize("seconds", [0, 30])
def test_clocks_may_differ_a_little(judge, sign, seconds):
    assert judge(sign(iat=NOW + seconds, nbf=NOW + seconds)).verdicts[0].is_accepted


def test_an_audience_of_typ_jwt_takes_that_and_not_at_jwt(judge, sign, keys):
    legacy = replace(ORDERS_AUDIENCE, policy=token_policy(typ=TokenTyp.JWT))
    given = _grounds(keys.values(), audiences=(legacy,))

    assert judge(sign(typ="JWT"), given=given).verdicts[0].is_accepted
    assert "let its verifier take at+jwt" in check_of(judge(sign(), given=given), "typ").advice


def test_a_token_signed_before_the_audience_changed_its_algorithm_passes_and_is_told(judge, sign, keys):
    small = replace(ORDERS_AUDIENCE, policy=token_policy(alg=SigningAlg.ES256))

    explanation = judge(sign(), given=_grounds(keys.values(), audiences=(small,)))

    assert explanation.verdicts[0].is_accepted
    assert "signed with ES256: a verifier pinned to it refuses" in check_of(explanation, "alg").advice


@pytest.mark.parametrize(
    ("aud", "advice"),
    [
        (None, f"names no audience, so it is for nobody: ask for the token with resource={ORDERS}"),
        ([], "names no audience"),
        ("", "is for somebody else"),
        (7, "neither a text nor a list of texts"),
        ([ORDERS, 7], "neither a text nor a list of texts"),
        ({"a": ORDERS}, "neither a text nor a list of texts"),
        (f"{ORDERS}/", "only the trailing slash differs; register an alias or change the client"),
        ("https://Orders.example", "only the case of letters differs"),
        ("http://orders.example", "only the scheme differs"),
        (f"{ORDERS}:8443", "only the port differs"),
        (f"{ORDERS}:443", "only a port that is the default anyway differs"),
        (f"{ORDERS}/v2", f"only the path differs; ask for the token with resource={ORDERS}"),
        ("https://odrers.example", "only a character or two differs"),
        ("http://orders.example/", "only the scheme and the trailing slash differ;"),
        ("orders.example", "only the scheme differs"),
        (BILLING, f"{BILLING} is the audience of another service, Bank"),
        (["x", BILLING], f"{BILLING} is the audience of another service, Bank"),
        ("access", "named no audience and got the default, access"),
        ("refresh", "addressed to the token endpoint alone"),
        ("robot", "aud is the client_id robot"),
        (ISSUER, "aud is the issuer itself"),
        (f"{ISSUER}/oauth/userinfo", "aud is the issuer itself"),
        ("https://other.example/tenants/acme", "looks like a tenant, tenants/acme"),
        ("https://stranger.example", "is for somebody else: ask for the token with resource="),
    ],
    ids=str,
)
def test_why_aud_is_another_is_told(judge, sign, aud, advice):
    explanation = judge(sign(aud=aud))

    assert "aud" in failed(explanation)
    assert advice in check_of(explanation, "aud").advice


def test_the_nearly_same_audience_of_somebody_else_is_named_with_its_service(judge, sign, keys):
    twin = audience(f"{ORDERS}/mcp/", 5, of=BANK)
    mine = audience(f"{ORDERS}/mcp", 6, of=SHOP)
    given = _grounds(keys.values(), audiences=(twin, mine))

    advice = check_of(judge(sign(aud=twin.identifier), mine.identifier, given), "aud").advice

    assert advice == (
        f"aud is {twin.identifier}, which is another audience, of Bank, this service is {mine.identifier}: "
        f"only the trailing slash differs; ask for the token with resource={mine.identifier}."
    )


def test_a_service_that_expects_another_spelling_is_told_the_registered_one(judge, sign):
    explanation = judge(sign(), "https://ORDERS.example/")

    assert failed(explanation) == ["aud"]
    assert (
        "let the service expect it instead of https://ORDERS.example/" in check_of(explanation, "aud").advice
    )


@pytest.mark.parametrize(("aud", "is_accepted"), [([ORDERS, "old"], True), ("old", False)])
def test_during_a_rename_tokens_with_both_are_taken_and_older_ones_explained(
    judge, sign, keys, aud, is_accepted
):
    renamed = replace(ORDERS_AUDIENCE, aliases=(alias("old", AliasMode.DUAL, NOW + 60),))

    explanation = judge(sign(aud=aud), given=_grounds(keys.values(), audiences=(renamed,)))

    assert explanation.verdicts[0].is_accepted is is_accepted
    assert is_accepted or "old, an alias of this audience" in check_of(explanation, "aud").advice


def test_a_plain_name_is_asked_for_with_the_parameter_audience(judge, sign, keys):
    given = _grounds(keys.values(), audiences=(audience("stock", 5),))

    assert "ask for the token with audience=stock" in check_of(judge(sign(), "stock", given), "aud").advice


def test_an_audience_that_is_removed_is_told_as_past(judge, sign, keys):
    gone = replace(BILLING_AUDIENCE, state=AudienceState.REMOVED)
    given = _grounds(keys.values(), audiences=(ORDERS_AUDIENCE, gone))

    assert f"{BILLING} was the audience" in check_of(judge(sign(aud=BILLING), given=given), "aud").advice


def _rewritten(token, header=None, claims=None, signature=None):
    """Return a token with another part put in as it is: a dict is encoded."""
    parts = token.split(".")
    for place, part in enumerate((header, claims, signature)):
        if part is not None:
            parts[place] = _encode(part) if isinstance(part, dict) else part
    return ".".join(parts)


def _encode(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_an_unsigned_token_is_called_so(judge, sign):
    token = _rewritten(sign(), header={"alg": "none", "typ": "at+jwt"}, signature="")

    explanation = judge(token)

    assert "not signed at all" in check_of(explanation, "alg").advice
    assert explanation.kind is TokenKind.UNKNOWN
    assert outcomes(explanation)["signature"] == "skipped"


def test_an_unsigned_token_that_names_a_key_of_ours_is_called_so(judge, sign, keys):
    header = {"alg": "none", "typ": "at+jwt", "kid": keys["RS256"].stored.kid}

    explanation = judge(_rewritten(sign(), header=header, signature=""))

    assert failed(explanation) == ["alg", "signature"]
    assert explanation.kind is TokenKind.UNKNOWN
    assert "There is no signature" in check_of(explanation, "signature").advice


def test_the_public_key_as_an_hmac_secret_is_not_taken(judge, sign, keys):
    kid = keys["RS256"].stored.kid
    forged = Signer(SigningKey(kid, "HS256", OctKey.import_key(b"k" * 32))).sign(
        json.dumps(CLAIMS).encode(), "at+jwt"
    )

    explanation = judge(forged.decode())

    assert failed(explanation) == ["alg", "signature"]


def test_another_algorithm_than_the_keys_own_is_not_trusted(judge, sign, keys):
    header = {"alg": "RS256", "typ": "at+jwt", "kid": keys["ES256"].stored.kid}

    explanation = judge(_rewritten(sign(alg="ES256"), header=header))

    assert failed(explanation) == ["alg", "signature"]
    assert "another algorithm than its key's" in check_of(explanation, "alg").advice


@pytest.mark.parametrize("kid", [None, "stranger", 7, ["a"], {"a": 1}], ids=str)
def test_a_kid_that_is_not_ours_is_found_and_the_rest_still_read(judge, sign, kid):
    header = {name: value for name, value in {"alg": "RS256", "typ": "at+jwt", "kid": kid}.items() if value}

    explanation = judge(_rewritten(sign(), header=header))

    assert failed(explanation) == ["kid"]
    assert outcomes(explanation)["signature"] == outcomes(explanation)["revoked"] == "skipped"
    assert outcomes(explanation)["aud"] == "passed"
    assert not explanation.verdicts[0].is_accepted


def test_a_key_of_another_audience_vouches_for_this_one_in_nothing(judge, keys):
    own = load_key(KeyPurpose.TOKEN, "ES256", audience_id=BILLING_AUDIENCE.id)
    token = signing.sign_claims(CLAIMS, own.signer, "at+jwt")

    explanation = judge(token, given=_grounds([*keys.values(), own]))

    assert failed(explanation) == ["kid"]
    assert "another audience's own" in check_of(explanation, "kid").advice


@pytest.mark.parametrize(
    ("times", "actual", "advice"),
    [
        ({"compromised_at": NOW - 5}, "compromised", "declared compromised"),
        ({"signs_until": NOW - 9, "verify_until": NOW - 5}, "removed", "retired for longer than any token"),
    ],
)
def test_a_key_that_vouches_no_more_is_named_with_its_state(judge, keys, times, actual, advice):
    old = load_key(KeyPurpose.TOKEN, "ES256", **times)
    token = signing.sign_claims(CLAIMS, old.signer, "at+jwt")

    explanation = judge(token, given=_grounds([*keys.values(), old]))

    assert failed(explanation) == ["kid"]
    assert check_of(explanation, "kid").actual == f"{old.stored.kid}, {actual}"
    assert advice in check_of(explanation, "kid").advice


def test_a_key_that_is_retired_still_vouches_and_its_state_is_shown(judge, keys):
    old = load_key(KeyPurpose.TOKEN, "ES256", signs_until=NOW - 9, verify_until=NOW + 5)
    token = signing.sign_claims(CLAIMS, old.signer, "at+jwt")

    explanation = judge(token, given=_grounds([*keys.values(), old]))

    assert explanation.verdicts[0].is_accepted
    assert check_of(explanation, "kid").actual == f"{old.stored.kid}, retired"


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_a_cut_signature_is_told_by_its_length(judge, sign, alg):
    token = sign(alg=alg)

    explanation = judge(token[:-2])

    assert explanation.kind is TokenKind.TRUNCATED
    assert failed(explanation) == ["signature"]
    assert "the token was cut off" in check_of(explanation, "signature").advice


def test_a_lengthened_signature_is_told(judge, sign):
    assert "something was added" in check_of(judge(sign() + "AAAA"), "signature").advice


def test_a_signature_in_the_form_of_x509_is_told(judge, sign):
    """RFC 7518 §3.4."""
    der = base64.urlsafe_b64encode(b"\x30" + b"\x01" * 69).rstrip(b"=").decode()

    assert (
        "r and s side by side"
        in check_of(judge(_rewritten(sign(alg="ES256"), signature=der)), "signature").advice
    )


def test_altered_claims_are_told(judge, sign):
    explanation = judge(_rewritten(sign(), claims={**CLAIMS, "scope": "write"}))

    assert failed(explanation) == ["signature"]
    assert "altered after signing" in check_of(explanation, "signature").advice
    assert outcomes(explanation)["revoked"] == "skipped"


@pytest.mark.parametrize(
    ("claims", "typ", "kind", "sentence"),
    [
        (CLAIMS, "at+jwt", TokenKind.ACCESS_TOKEN, "An access token of this issuer."),
        (
            {**CLAIMS, "iss": "https://other.example"},
            "at+jwt",
            TokenKind.OTHER_ISSUER,
            "https://other.example",
        ),
        ({**CLAIMS, "nonce": "n"}, "JWT", TokenKind.ID_TOKEN, "opens no service"),
        ({**CLAIMS, "aud": "robot", "client_id": None}, "JWT", TokenKind.ID_TOKEN, "opens no service"),
        ({**CLAIMS, "iss": None}, "at+jwt", TokenKind.UNKNOWN, "does not say who issued it"),
    ],
    ids=str,
)
def test_kinds_of_tokens_are_named(judge, sign, claims, typ, kind, sentence):
    explanation = judge(sign(claims, typ))

    assert explanation.kind is kind
    assert sentence in explanation.sentence


def test_another_issuers_token_with_a_kid_of_ours_is_noticed(judge, sign):
    explanation = judge(sign(iss="https://other.example"))

    assert "though its kid is that of a key of this issuer" in explanation.sentence


def test_a_refresh_token_opens_no_service_and_is_told_where_it_belongs(judge, sign):
    explanation = judge(sign(REFRESH_CLAIMS, refresh_token.TYP, "HS256"))

    assert explanation.kind is TokenKind.REFRESH_TOKEN
    assert "belongs at the token endpoint" in explanation.sentence
    assert failed(explanation) == ["typ", "alg", "kid", "aud"]
    assert "never published" in check_of(explanation, "kid").advice


def test_a_refresh_token_is_taken_by_the_token_endpoint_and_an_access_token_is_not(judge, sign, keys):
    given = _grounds(keys.values(), standing=replace(LIVE, has_family=True, generation=3))

    refresh = judge(sign(REFRESH_CLAIMS, refresh_token.TYP, "HS256"), "refresh", given)
    access = judge(sign(), "refresh", given)

    assert refresh.verdicts[0].is_accepted
    assert failed(access) == ["typ", "alg", "kid", "aud", "revoked"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", TokenKind.EMPTY),
        (" \n", TokenKind.EMPTY),
        ("isr_4uDk2bW-hYzgY2Vd8hVqpxzzyDqPaqHn7", TokenKind.CLIENT_SECRET),
        ('{"client_id": "a", "client_secret": "isr_4uDk2bW-hYzgY2Vd8hVqp"}', TokenKind.CLIENT_SECRET),
        ("Authorization: Basic cm9ib3Q6aXNyXzR1RGsyYlc", TokenKind.CLIENT_SECRET),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----", TokenKind.PRIVATE_KEY),
        ('{"kty": "RSA", "d": "abc"}', TokenKind.PRIVATE_KEY),
        ("eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn", TokenKind.ENCRYPTED),
        ("2YotnFZFEjr1zCsicMWpAA", TokenKind.OPAQUE),
        ("orders.example.com", TokenKind.OPAQUE),
        ("eyJhbGciOiJSUzI1NiJ9", TokenKind.TRUNCATED),
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIi", TokenKind.TRUNCATED),
        ("eyJh!bGci.eyJz.AAAA", TokenKind.UNREADABLE),
        ("a" * (LONGEST_TEXT + 1), TokenKind.TOO_LONG),
        ("e30." + "A" * signing.MAX_TOKEN_CHARACTERS + ".AA", TokenKind.TOO_LONG),
    ],
    ids=range(15),
)
def test_what_is_no_token_is_named_and_never_echoed(judge, text, kind):
    explanation = judge(text)

    assert explanation.kind is kind
    assert failed(explanation) == ["parse"]
    assert set(outcomes(explanation).values()) == {"failed", "skipped"}
    assert explanation.sentence == check_of(explanation, "parse").advice
    assert not text.strip() or text.strip()[:40] not in everything(explanation)


def test_a_token_whose_claims_are_damaged_still_shows_its_header(judge):
    explanation = judge("eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.AAAA")

    assert explanation.kind is TokenKind.UNREADABLE
    assert (explanation.header, explanation.claims) == ({"alg": "RS256"}, None)
    assert failed(explanation) == ["parse", "typ", "kid"]


@pytest.mark.parametrize("cut", [slice(None, -345), slice(40, None)], ids=["end", "beginning"])
def test_a_token_that_is_cut_off_is_called_so(judge, sign, cut):
    assert judge(sign()[cut]).kind is TokenKind.TRUNCATED


def test_a_token_without_its_signature_is_called_cut_off(judge, sign):
    explanation = judge(sign().rpartition(".")[0] + ".")

    assert explanation.kind is TokenKind.TRUNCATED
    assert check_of(explanation, "parse").actual == "the signature is missing"


@pytest.mark.parametrize(
    ("wrap", "named"),
    [
        (lambda token: f" {token}\n\n", "white space around it"),
        (lambda token: f"\ufeff{token}", "white space around it"),
        (lambda token: f'"{token}"', "quotes around it"),
        (lambda token: f"Bearer {token}", "the word Bearer"),
        (lambda token: f"Authorization: bearer {token}", "the word Bearer"),
        (lambda token: quote(token, safe="").replace(".", "%2E"), "percent-encoding"),
        (lambda token: base64.b64encode(token.encode()).decode(), "a second encoding in base64"),
        (lambda token: base64.urlsafe_b64encode(token.encode()).decode().rstrip("="), "a second encoding"),
        (lambda token: f"{token[:70]}\n{token[70:140]}\r\n{token[140:]}", "line breaks or spaces inside it"),
        (lambda token: f"{token}==", "padding"),
        (lambda token: json.dumps({"access_token": token, "expires_in": 9}), "the whole answer"),
        (lambda token: f"access_token={token}&token_type=Bearer", "the name of a form parameter"),
        (lambda token: base64.b64encode(f'"Bearer {token}"'.encode()).decode(), "quotes around it"),
    ],
    ids=range(13),
)
def test_what_is_wrapped_around_a_token_is_named_and_the_token_read(judge, sign, wrap, named):
    explanation = judge(wrap(sign()))

    assert explanation.kind is TokenKind.ACCESS_TOKEN
    assert failed(explanation) == ["parse"]
    assert named in check_of(explanation, "parse").actual
    assert "Send the token alone" in check_of(explanation, "parse").advice
    assert outcomes(explanation)["signature"] == "passed"


@pytest.mark.parametrize(
    ("standing", "actual"),
    [
        (Standing(None), "the client is not registered"),
        (Standing(ClientState.DISABLED), "the client is disabled"),
        (Standing(ClientState.REMOVED), "the client is removed"),
        (replace(LIVE, is_revoked=True), "the token is revoked"),
        (replace(LIVE, has_family=True, end_reason=EndReason.REUSED), "its family has ended: reused"),
        (replace(LIVE, has_family=True, end_reason=EndReason.REVOKED), "its family has ended: revoked"),
    ],
    ids=str,
)
def test_what_was_taken_back_is_told(judge, sign, keys, standing, actual):
    explanation = judge(sign(), given=_grounds(keys.values(), standing=standing))

    assert failed(explanation) == ["revoked"]
    assert check_of(explanation, "revoked").actual == actual


@pytest.mark.parametrize(
    ("standing", "actual"),
    [
        (replace(LIVE, has_family=True, generation=4), "generation 3, current is 4"),
        (LIVE, "its family is not known"),
    ],
)
def test_a_refresh_token_that_is_spent_or_lost_is_told(judge, sign, keys, standing, actual):
    given = _grounds(keys.values(), standing=standing)

    explanation = judge(sign(REFRESH_CLAIMS, refresh_token.TYP, "HS256"), "refresh", given)

    assert failed(explanation) == ["revoked"]
    assert check_of(explanation, "revoked").actual == actual


@pytest.mark.parametrize(
    ("changed", "actual"),
    [
        ({"state": AudienceState.DISABLED}, "the audience is disabled"),
        ({"state": AudienceState.REMOVED}, "the audience is removed"),
        ({"service": replace(SHOP, state=ServiceState.DISABLED)}, "the service is disabled"),
    ],
)
def test_a_closed_audience_takes_nothing(judge, sign, keys, changed, actual):
    given = _grounds(keys.values(), audiences=(replace(ORDERS_AUDIENCE, **changed),))

    explanation = judge(sign(), given=given)

    assert failed(explanation) == ["revoked"]
    assert check_of(explanation, "revoked").actual == actual


def test_a_deprecated_audience_still_takes_its_tokens(judge, sign, keys):
    leaving = replace(ORDERS_AUDIENCE, state=AudienceState.DEPRECATED)

    assert judge(sign(), given=_grounds(keys.values(), audiences=(leaving,))).verdicts[0].is_accepted


def test_while_the_database_is_away_revocation_is_unknown_and_nothing_is_accepted(judge, sign, keys):
    explanation = judge(sign(), given=_grounds(keys.values(), standing=None))

    assert outcomes(explanation)["revoked"] == "unknown"
    assert not explanation.verdicts[0].is_accepted
    assert "the database does not answer" in explanation.verdicts[0].reason


def test_the_database_is_asked_about_nothing_that_was_not_signed_here(judge, sign, keys):
    asked = []
    given = replace(_grounds(keys.values()), find_standing=lambda *names: asked.append(names) or LIVE)

    judge(_rewritten(sign(), claims={**CLAIMS, "jti": "made-up"}), given=given)
    judge(sign(family="f1"), given=given)

    assert asked == [("robot", "jti-1", "f1")]


def test_every_audience_of_active_services_is_asked_but_refresh():
    closed = audience("https://closed.example", 5, of=replace(BANK, state=ServiceState.DISABLED))
    gone = audience("https://gone.example", 6, state=AudienceState.REMOVED)

    expectations = explain.list_expectations((*AUDIENCES, closed, gone))

    assert [each.spelling for each in expectations] == ["access", ORDERS, BILLING]


@pytest.mark.parametrize("spelling", [ORDERS, "https://ORDERS.example:443/", "old"])
def test_an_audience_is_found_by_any_spelling(spelling):
    known = replace(ORDERS_AUDIENCE, aliases=(alias("old"),))

    assert explain.find_expectation((BILLING_AUDIENCE, known), spelling).audience == known
    assert explain.find_expectation((BILLING_AUDIENCE, known), spelling).spelling == spelling


@pytest.mark.parametrize("spelling", ["https://orders.example/x", "OLD", ""])
def test_an_audience_that_is_not_registered_is_not_found(spelling):
    known = replace(ORDERS_AUDIENCE, aliases=(alias("old"),))

    with pytest.raises(NotFound):
        explain.find_expectation((known,), spelling)


def test_no_signature_and_no_token_stands_in_what_is_told(judge, sign):
    token = sign()
    signature = token.rpartition(".")[2]
    other = sign(alg="ES256")

    explanation = judge(sign(note=f"see {other}", secret="isr_4uDk2bW-hYzgY2Vd8hVqpx"))

    assert explanation.claims["note"] == "see (not shown)"
    assert explanation.claims["secret"] == "(not shown)"
    for told in (everything(judge(token)), repr(judge(token)), everything(judge(f'"{token}"'))):
        assert signature not in told
        assert token not in told


def test_what_a_terminal_would_obey_is_written_out(judge, sign):
    explanation = judge(sign(aud="\x1b[2Jx\u202e\ud800", name="\u009b"))

    assert everything(explanation).isprintable()
    assert explanation.claims["name"] == "\\u009b"
    assert check_of(explanation, "aud").actual.isprintable()


def test_long_values_are_cut_where_they_are_told(judge, sign):
    explanation = judge(sign(aud="x" * 5000))

    assert len(check_of(explanation, "aud").actual) < 300


def test_what_is_infinite_is_shown_as_json_can(judge, sign):
    token = sign()
    payload = base64.urlsafe_b64encode(b'{"exp": 1e999}').rstrip(b"=").decode()

    explanation = judge(_rewritten(token, claims=payload))

    assert json.loads(json.dumps(explanation.claims, allow_nan=False)) == {"exp": "inf"}


@given(st.text(max_size=200))
@example("." * 4000)
@example("\ud800.\ud800.\ud800")
@example("%" * 500)
@example("{" * 60_000)
@example('{"access_token": 1}')
@example("Bearer " * 200)
@example("eyJ9.\x00.\x00")
def test_no_text_raises(judge, text):
    explanation = judge(text)

    assert not explanation.verdicts[0].is_accepted
    assert all(check.outcome is not Outcome.UNKNOWN for check in explanation.verdicts[0].checks)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("alg", "typ", "kid", "iss", "aud", "exp", "iat", "nbf", "jti", "client_id", "family", "azp"),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats(allow_nan=False, allow_infinity=False)
                | st.text(max_size=20),
                lambda inner: (
                    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
                ),
                max_leaves=6,
            ),
        ),
    )
)
def test_no_header_and_no_claims_raise(judge, sign, members):
    token = _rewritten(sign(), header=members, claims=members)
    signed = sign({name: value for name, value in members.items() if value is not None})

    assert not judge(token).verdicts[0].is_accepted
    json.dumps(judge(signed).claims, allow_nan=False)
    assert not judge(signed).verdicts[0].is_accepted


@given(st.integers(0, 900), st.sampled_from(["", ".", "=", "A", "%2E", "\n", "é"]), st.integers(0, 3))
def test_no_damage_to_a_token_is_accepted(judge, sign, place, inserted, dropped):
    token = sign()
    place = min(place, len(token))
    damaged = token[:place] + inserted + token[place + dropped :]

    explanation = judge(damaged)

    assert explanation.verdicts[0].is_accepted is (damaged == token)
    assert token.rpartition(".")[2] not in everything(explanation)


def test_of_very_many_names_only_some_are_compared(monkeypatch: pytest.MonkeyPatch):
    """A stranger writes `aud`: 16 KB of names against every audience took minutes of CPU."""
    compared: list[str] = []
    monkeypatch.setattr(resemblance, "find_differences", lambda one, _: compared.append(one) or ())
    names = [f"https://o{number}" for number in range(800)]
    (expectation,) = explain.list_expectations([ORDERS_AUDIENCE])

    advice = addressing.advise(
        addressing.Addressed(names, "robot", ISSUER), expectation, AUDIENCES, Shown("")
    )

    assert advice.startswith("The token is for somebody else: ")
    assert compared == names[:20]
