"""Revocation: a client gives up what is its own, and 200 means that it is done (RFC 7009)."""

import base64
import json

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from issuer.errors import ForeignToken, InvalidClient, InvalidGrant, InvalidRequest, TemporarilyUnavailable
from issuer.issuing.keyring import KeySet
from issuer.model.audience import SigningAlg
from issuer.model.client import GrantType
from issuer.model.signing_key import KeyPurpose
from issuer.registry import audiences, clients
from issuer.registry.audiences import AudienceChange
from issuer.registry.clients import ClientChange
from issuer.store import db as database
from tests.oauth.holders import (
    CHALLENGE,
    INACTIVE,
    INTROSPECT,
    ORDERS,
    RETRY,
    REVOKE,
    add_holder,
    begin,
    claims_of,
    dump,
    forge,
    present,
    refresh,
    refresh_token_of,
    twin_of,
    wait,
)
from tests.oauth.world import (
    ON_BOTH_DATABASES,
    Answer,
    Credentials,
    World,
    assert_headers,
    assert_refused,
    load_key,
)

NOW = 1_800_000_000
AT = "2027-01-15T08:00:00Z"
DAY = 86_400
HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}


@pytest.fixture
def api(world: World, holder) -> Credentials:
    """Give the client that speaks for the service of orders and billing."""
    return world.add_client("Shop API", service="Shop")


@pytest.fixture
def pair(world: World, holder: Credentials) -> Answer:
    """Give the first answer: an access token and its refresh token."""
    return begin(world, holder)


def revoke(world: World, client: Credentials | None, token: str | None, **more) -> Answer:
    """Revoke a token."""
    return present(world, REVOKE, client, token, **more)


def is_active(world: World, api: Credentials, token: str) -> bool:
    """Return what introspection says of an access token."""
    return present(world, INTROSPECT, api, token).json["active"]


def assert_done(answer: Answer) -> None:
    """Assert that an answer is the one of a revocation, every byte."""
    assert (answer.status, answer.body) == (200, b"{}")
    assert_headers(answer, HEADERS)


# Refresh tokens


@ON_BOTH_DATABASES
def test_a_refresh_token_ends_its_family_and_all_that_came_from_it(world: World, holder, api, pair):
    refreshed = refresh(world, holder, refresh_token_of(pair))

    assert_done(revoke(world, holder, refresh_token_of(refreshed)))

    for token in (refresh_token_of(pair), refresh_token_of(refreshed)):
        assert_refused(refresh(world, holder, token), InvalidGrant)
    assert not is_active(world, api, pair.token)
    assert not is_active(world, api, refreshed.token)
    stored = dump(world)
    assert (stored["family"][0]["ended_at"], stored["family"][0]["end_reason"]) == (NOW, "revoked")
    assert (stored["incident"], stored["revoked_token"]) == ([], [])


@ON_BOTH_DATABASES
def test_a_refresh_token_of_any_generation_ends_its_family(world: World, holder, pair):
    """An old one shows as well as a new one that the client wants no more; it is no reuse."""
    second = refresh_token_of(refresh(world, holder, refresh_token_of(pair)))
    third = refresh_token_of(refresh(world, holder, second))

    assert_done(revoke(world, holder, refresh_token_of(pair)))

    assert_refused(refresh(world, holder, third), InvalidGrant)
    assert dump(world)["incident"] == []


def test_an_expired_refresh_token_ends_its_family(world: World, holder, pair):
    wait(world, DAY)
    second = refresh_token_of(refresh(world, holder, refresh_token_of(pair)))
    wait(world, 14 * DAY - 1)

    assert_done(revoke(world, holder, refresh_token_of(pair)))

    assert_refused(refresh(world, holder, second), InvalidGrant)


def test_what_has_ended_stays_as_it_ended(world: World, holder, pair):
    first = refresh_token_of(pair)
    revoke(world, holder, first)
    before, lines = dump(world), len(world.lines())
    wait(world, 60)

    assert_done(revoke(world, holder, first))

    assert dump(world) == before
    assert len(world.lines()) == lines


def test_a_family_that_ended_by_reuse_is_not_revoked_after(world: World, holder, pair):
    first = refresh_token_of(pair)
    refresh(world, holder, first)
    wait(world, 60)
    refresh(world, holder, first)

    assert_done(revoke(world, holder, first))

    assert dump(world)["family"][0]["end_reason"] == "reused"


def test_revoking_one_family_leaves_the_others(world: World, holder, pair):
    other = refresh_token_of(begin(world, holder))

    revoke(world, holder, refresh_token_of(pair))

    assert refresh(world, holder, other).status == 200


def test_a_client_that_may_no_longer_refresh_may_still_revoke(world: World, holder, pair):
    wanted = ClientChange(may_use_offline_access=False, grant_types=frozenset({GrantType.CLIENT_CREDENTIALS}))
    clients.change_client(world.registrar, holder.client_id, wanted)
    world.look()

    assert_done(revoke(world, holder, refresh_token_of(pair)))

    assert dump(world)["family"][0]["ended_at"] == NOW


def test_a_refresh_token_of_a_family_that_is_not_here_is_answered_alike(
    world: World, holder, pair, loaded_keys
):
    """A restored backup does not know every family."""
    unknown = {**claims_of(refresh_token_of(pair)), "family": "A" * 22}

    assert_done(revoke(world, holder, forge(loaded_keys, KeyPurpose.REFRESH, "refresh+jwt", unknown)))

    assert dump(world)["family"][0]["ended_at"] is None


# Access tokens


@ON_BOTH_DATABASES
def test_an_access_token_is_listed_by_its_jti_until_it_expires(world: World, holder, api, pair):
    assert_done(revoke(world, holder, pair.token))

    assert not is_active(world, api, pair.token)
    (row,) = dump(world)["revoked_token"]
    (family,) = dump(world)["family"]
    assert row == {
        "jti": pair.claims["jti"],
        "client_key": family["client_key"],
        "revoked_at": NOW,
        "expires_at": NOW + 900,
    }


def test_an_access_token_does_not_end_its_family(world: World, holder, api, pair):
    """RFC 7009 §2.1 leaves it to the server: who gives up one token keeps the others."""
    revoke(world, holder, pair.token)

    answer = refresh(world, holder, refresh_token_of(pair))

    assert is_active(world, api, answer.token)


@ON_BOTH_DATABASES
def test_twice_is_once(world: World, holder, pair):
    revoke(world, holder, pair.token)
    before, lines = dump(world), len(world.lines())
    wait(world, 1)

    assert_done(revoke(world, holder, pair.token))

    assert dump(world) == before
    assert len(world.lines()) == lines


def test_an_expired_access_token_is_not_listed(world: World, holder, pair):
    wait(world, 900)

    assert_done(revoke(world, holder, pair.token))

    assert dump(world)["revoked_token"] == []


def test_either_spelling_of_a_token_revokes_it(world: World, holder, api):
    audiences.change_audience(world.registrar, ORDERS, AudienceChange(signing_alg=SigningAlg.ES256))
    world.look()
    token = world.ask(holder, resource=ORDERS).token

    assert_done(revoke(world, holder, twin_of(token)))
    assert_done(revoke(world, holder, token))

    assert not is_active(world, api, token)
    assert len(dump(world)["revoked_token"]) == 1


def test_a_revocation_outlives_a_restart(world: World, holder, api, pair, open_world, short_cut):
    second = begin(world, holder)
    revoke(world, holder, pair.token)
    revoke(world, holder, refresh_token_of(second))

    again = open_world(short_cut=short_cut)

    assert not is_active(again, api, pair.token)
    assert not is_active(again, api, second.token)
    assert_refused(refresh(again, holder, refresh_token_of(second)), InvalidGrant)


def test_a_token_of_a_disabled_audience_may_be_revoked(world: World, holder, pair):
    audiences.disable_audience(world.registrar, ORDERS)
    world.look()

    assert_done(revoke(world, holder, pair.token))

    assert len(dump(world)["revoked_token"]) == 1


# What is not the client's, or not ours


@ON_BOTH_DATABASES
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_another_clients_token_is_refused_and_stays_good(world: World, holder, api, pair, kind: str):
    """RFC 7009 §2.1: the client is told."""
    other = add_holder(world, "Other")

    assert_refused(revoke(world, other, pair.json[kind]), ForeignToken)

    assert is_active(world, api, pair.token)
    assert refresh(world, holder, refresh_token_of(pair)).status == 200


def test_a_service_does_not_revoke_what_it_was_shown(world: World, api, pair):
    assert_refused(revoke(world, api, pair.token), ForeignToken)

    assert is_active(world, api, pair.token)


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "{}", "é", "x" * 16_384, "isr_secret"])
def test_what_is_no_token_of_ours_is_answered_alike(world: World, holder, pair, token: str):
    """RFC 7009 §2.2: there is nothing left to do."""
    before = dump(world)

    assert_done(revoke(world, holder, token))

    assert dump(world) == before


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_token_that_was_cut_or_lengthened_revokes_nothing(world: World, holder, api, pair, kind: str):
    token = pair.json[kind]
    variants = [token[:-1], token[1:], f"{token}=", f"{token}A", f"{token}.", f"{token} ", token.upper()]

    answers = {revoke(world, holder, variant).body for variant in variants}

    assert answers == {b"{}"}
    assert is_active(world, api, pair.token)
    assert refresh(world, holder, refresh_token_of(pair)).status == 200


def test_tokens_of_a_stranger_revoke_nothing(world: World, holder, pair):
    strangers = (load_key(KeyPurpose.TOKEN, "ES256"), load_key(KeyPurpose.REFRESH, "HS256"))
    tokens = [
        forge(strangers, KeyPurpose.TOKEN, "at+jwt", pair.claims),
        forge(strangers, KeyPurpose.REFRESH, "refresh+jwt", claims_of(refresh_token_of(pair))),
    ]
    before = dump(world)

    answers = {revoke(world, holder, token).body for token in tokens}

    assert answers == {b"{}"}
    assert dump(world) == before


def test_tokens_of_a_key_that_is_gone_are_answered_alike(world: World, holder, pair, loaded_keys):
    with database.writing(world.parts.engine) as connection:
        connection.execute(text("UPDATE signing_key SET signs_until = 1, verify_until = 2"))
    world.parts.keyring._set = KeySet.of(())

    assert_done(revoke(world, holder, pair.token))
    assert_done(revoke(world, holder, refresh_token_of(pair)))


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_token_of_a_key_that_is_not_here_yet_is_never_200(world: World, holder, pair, loaded_keys, kind):
    """RFC 7009 §2.2.1: just after `issuer key rotate --now` another process may know more keys."""
    before = dump(world)
    world.parts.keyring._set = KeySet.of(())

    assert_refused(revoke(world, holder, pair.json[kind]), TemporarilyUnavailable, **RETRY)
    assert dump(world) == before

    world.parts.keyring._set = KeySet.of(loaded_keys)
    assert_done(revoke(world, holder, pair.json[kind]))


@pytest.mark.parametrize("kid", ["unknown", "a\x00b", "\ud800", ""], ids=ascii)
def test_a_token_of_a_key_that_never_was_is_answered_alike(world: World, holder, pair, kid: str):
    head = json.dumps({"alg": "HS256", "typ": "refresh+jwt", "kid": kid}).encode("ascii")
    header = base64.urlsafe_b64encode(head).decode("ascii").rstrip("=")

    assert_done(revoke(world, holder, f"{header}.{refresh_token_of(pair).split('.', 1)[1]}"))


# Who asks, and how


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "id_token", "x" * 1000, "\U0001f600"])
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_hint_is_never_believed(world: World, holder, api, pair, kind: str, hint: str):
    """RFC 7009 §2.1: neither an unknown hint nor a wrong one ends the search."""
    assert_done(revoke(world, holder, pair.json[kind], token_type_hint=hint))

    assert not is_active(world, api, pair.token)


def test_the_client_authenticates(world: World, holder, pair):
    first = refresh_token_of(pair)
    impostor = Credentials(holder.client_id, "wrong")

    assert_refused(revoke(world, None, first), InvalidClient, **CHALLENGE)
    assert_refused(revoke(world, impostor, first), InvalidClient, **CHALLENGE)

    assert dump(world)["family"][0]["ended_at"] is None


@pytest.mark.parametrize("token", [None, "", ["a", "b"]])
def test_a_malformed_request_is_refused(world: World, holder, token):
    assert_refused(revoke(world, holder, token), InvalidRequest)


@ON_BOTH_DATABASES
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_while_the_database_is_away_it_is_never_200(
    world: World, holder, pair, kind: str, cut_off, monkeypatch
):
    """CVE-2020-15223: a storage error was reported as success."""
    cut_off()

    assert_refused(revoke(world, holder, pair.json[kind]), TemporarilyUnavailable, **RETRY)

    monkeypatch.undo()
    assert dump(world)["family"][0]["ended_at"] is None
    assert dump(world)["revoked_token"] == []


@ON_BOTH_DATABASES
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_commit_that_fails_is_never_200(world: World, holder, api, pair, kind: str):
    def fail(_connection: object) -> None:
        raise OperationalError("COMMIT", {}, Exception("disk full"))

    event.listen(world.parts.engine, "commit", fail)
    assert_refused(revoke(world, holder, pair.json[kind]), TemporarilyUnavailable, **RETRY)
    event.remove(world.parts.engine, "commit", fail)

    assert is_active(world, api, pair.token)
    assert_done(revoke(world, holder, pair.json[kind]))
    assert not is_active(world, api, pair.token)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_revocation_leaves_one_line(world: World, holder, pair, kind: str):
    answer = revoke(world, holder, pair.json[kind])

    is_family = kind == "refresh_token"
    assert world.lines()[1:] == [
        {
            "ts": AT,
            "event": "token.revoked",
            "request_id": answer.headers["X-Request-ID"],
            "client_id": holder.client_id,
            "kind": "family" if is_family else "access_token",
            "identifier": pair.claims["family" if is_family else "jti"],
            "ip": "127.0.0.1",
        }
    ]


def test_a_refused_revocation_leaves_one_line(world: World, holder, pair):
    other = add_holder(world, "Other")

    revoke(world, other, pair.token)

    line = world.lines()[-1]
    assert (line["event"], line["grant_type"], line["error"]) == (
        "token.refused",
        "revoke",
        "unauthorized_client",
    )
    assert line["reason"] == f"the token was issued to {holder.client_id}, {other.client_id} presents it"


def test_inactive_tokens_look_alike_whatever_ended_them(world: World, holder, api, pair):
    second = begin(world, holder)
    revoke(world, holder, pair.token)
    revoke(world, holder, refresh_token_of(second))

    answers = {
        present(world, INTROSPECT, api, token).body
        for token in (pair.token, second.token, refresh_token_of(second), "garbage")
    }

    assert answers == {INACTIVE}
