"""Minting: planned, signed, recorded, in that order, and nothing of it in a repr."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from sqlalchemy import Engine

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.errors import InvalidTarget, TemporarilyUnavailable, UnauthorizedClient
from issuer.issuing.families import Families
from issuer.issuing.keyring import Keyring
from issuer.issuing.mint import Mint
from issuer.issuing.record import Context, Recorder
from issuer.issuing.refusals import RefusalNotes
from issuer.issuing.terms import Terms
from issuer.issuing.usage import UsageCounter
from issuer.logs import EventLog
from issuer.model.audience import SigningAlg, TokenTyp
from issuer.model.permission import ClientRecord
from issuer.model.signing_key import KeyPurpose
from issuer.policy.lifetimes import RefreshLifetimes
from issuer.registry import signing_keys
from tests.conftest import START
from tests.unit.policy import builders

URL = "https://id.example"
ORDERS = "https://orders.example"
MASTER_KEYS = (bytes(range(32)),)


@pytest.fixture
def keyring(engine: Engine, clock: Clock, entropy: Entropy) -> Keyring:
    """Give a keyring with one key of each kind."""
    signing_keys.make_first_keys(engine, MASTER_KEYS, clock, entropy, dict.fromkeys(KeyPurpose, 24 * 3600))
    keyring = Keyring(clock)
    keyring.load(engine, MASTER_KEYS)
    return keyring


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    """Give a log to the file `log`."""
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield EventLog(descriptor, lambda: START)
    os.close(descriptor)


@pytest.fixture
def lines(log: EventLog, tmp_path: Path) -> Callable[[], list[dict]]:
    """Give a function that returns the lines of the log."""
    return lambda: [json.loads(line) for line in (tmp_path / "log").read_bytes().splitlines()]


@pytest.fixture
def mint(engine: Engine, keyring: Keyring, log: EventLog, clock: Clock, entropy: Entropy) -> Mint:
    """Give a mint that records in log lines."""
    return _mint(engine, keyring, log, clock, entropy)


@pytest.fixture
def context() -> Context:
    """Give what is known of an authenticated request."""
    return Context("request-1", "192.0.2.1", "client_credentials", builders.client())


def _mint(engine: Engine, keyring: Keyring, log: EventLog, clock: Clock, entropy: Entropy) -> Mint:
    terms = Terms(URL, builders.BOUNDS, RefreshLifetimes(14 * 24 * 3600, 90 * 24 * 3600))
    recorder = Recorder(log, UsageCounter(engine), None, RefusalNotes(engine))
    families = Families(engine, keyring, recorder, entropy, terms)
    return Mint(terms, keyring, families, recorder, clock, entropy)


def _record(alg: SigningAlg = SigningAlg.RS256, typ: TokenTyp = TokenTyp.AT_JWT) -> ClientRecord:
    policy = builders.token_policy(alg=alg, typ=typ)
    return builders.record(builders.audience(ORDERS, scopes="read", policy=policy))


@pytest.mark.parametrize("alg", list(SigningAlg))
@pytest.mark.parametrize("typ", list(TokenTyp))
def test_token_is_signed_as_its_audience_says(
    mint: Mint, keyring: Keyring, context: Context, alg: SigningAlg, typ: TokenTyp
) -> None:
    """RFC 9068 §2.1."""
    minted = mint.mint_for_client(builders.asking(ORDERS), _record(alg, typ), context).access

    [published] = [key for key in keyring.list_published(START) if key["alg"] == alg]
    header = jwt.get_unverified_header(minted.token)
    claims = jwt.decode(
        minted.token,
        jwt.PyJWK(published),
        audience=ORDERS,
        options={"verify_iat": False, "verify_exp": False},
    )
    assert header == {"alg": alg, "typ": typ, "kid": published["kid"]}
    assert claims["exp"] - claims["iat"] == minted.plan.lifetime_seconds == 900
    assert minted.plan.scopes == ("read",)


def test_line_and_token_agree(mint: Mint, context: Context, lines: Callable) -> None:
    minted = mint.mint_for_client(builders.asking(ORDERS), _record(), context).access

    claims = jwt.decode(minted.token, options={"verify_signature": False})
    [line] = lines()
    assert {name: line[name] for name in ("jti", "sub", "client_id", "exp", "scope")} == {
        name: claims[name] for name in ("jti", "sub", "client_id", "exp", "scope")
    }
    assert line["aud"] == [claims["aud"]]
    assert line["kid"] == jwt.get_unverified_header(minted.token)["kid"]


def test_client_is_its_own_subject(mint: Mint, context: Context) -> None:
    """RFC 9068 §2.2: the client stands for the resource owner where there is none."""
    minted = mint.mint_for_client(builders.asking(ORDERS), _record(), context).access

    claims = jwt.decode(minted.token, options={"verify_signature": False})
    assert claims["sub"] == claims["client_id"] == "shop"


def test_no_two_tokens_have_one_jti(mint: Mint, context: Context) -> None:
    record = _record()
    minted = [mint.mint_for_client(builders.asking(ORDERS), record, context) for _ in range(50)]
    tokens = [tokens.access.token for tokens in minted]

    assert len({jwt.decode(token, options={"verify_signature": False})["jti"] for token in tokens}) == 50


def test_refused_request_signs_and_records_nothing(mint: Mint, context: Context, lines: Callable) -> None:
    with pytest.raises(InvalidTarget):
        mint.mint_for_client(builders.asking("https://billing.example"), _record(), context)

    assert lines() == []


def test_client_of_other_grant_types_is_refused(mint: Mint, context: Context) -> None:
    """RFC 6749 §5.2: unauthorized_client."""
    record = _record()
    other = replace(record, client=replace(record.client, grant_types=frozenset()))

    with pytest.raises(UnauthorizedClient):
        mint.mint_for_client(builders.asking(ORDERS), other, context)


def test_without_a_key_that_signs_there_is_no_token(
    engine: Engine, log: EventLog, clock: Clock, entropy: Entropy, context: Context, lines: Callable
) -> None:
    empty = Keyring(clock)
    mint = _mint(engine, empty, log, clock, entropy)

    with pytest.raises(TemporarilyUnavailable):
        mint.mint_for_client(builders.asking(ORDERS), _record(), context)

    assert lines() == []


def test_preview_says_what_would_be_signed_and_records_nothing(
    mint: Mint, context: Context, lines: Callable
) -> None:
    preview = mint.preview_for_client(builders.asking(ORDERS), _record())

    minted = mint.mint_for_client(builders.asking(ORDERS), _record(), context).access
    claims = jwt.decode(minted.token, options={"verify_signature": False})
    assert {**preview.claims, "jti": ""} == {**claims, "jti": ""}
    assert preview.header == jwt.get_unverified_header(minted.token)
    assert len(lines()) == 1


def test_token_is_not_in_its_repr(mint: Mint, context: Context) -> None:
    minted = mint.mint_for_client(builders.asking(ORDERS), _record(), context)

    shown = f"AccessToken(jti={minted.access.jti!r}, kid={minted.access.kid!r})"
    assert repr(minted.access) == shown
    assert repr(minted) == f"Tokens({shown}, refresh=no)"
