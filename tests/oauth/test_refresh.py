"""Refresh tokens at the token endpoint: what they say, and how one becomes the next (RFC 6749 §6)."""

from dataclasses import replace

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import OperationalError

from issuer.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    RequestTooLarge,
    TemporarilyUnavailable,
    UnauthorizedClient,
)
from issuer.issuing.keyring import KeySet
from issuer.model.audience import AliasMode, SigningAlg, TokenTyp
from issuer.model.client import GrantType
from issuer.model.signing_key import KeyPurpose
from issuer.registry import aliases, audiences, clients, permissions, services
from issuer.registry.audiences import AudienceChange
from issuer.registry.clients import ClientChange
from issuer.registry.services import ServiceChange
from issuer.store import db as database
from issuer.store import signing_keys
from issuer.store.tables import FamilyRow, IssuanceRow
from tests.oauth.holders import (
    BILLING,
    CHALLENGE,
    INTROSPECT,
    OFFLINE_GRANTS,
    ORDERS,
    RETRY,
    add_holder,
    begin,
    claims_of,
    dump,
    forge,
    header_of,
    present,
    refresh,
    refresh_token_of,
    wait,
)
from tests.oauth.world import (
    ISSUER,
    ON_BOTH_DATABASES,
    Credentials,
    World,
    assert_headers,
    assert_refused,
    load_key,
)

NOW = 1_800_000_000
AT = "2027-01-15T08:00:00Z"
DAY = 86_400
IDLE, ABSOLUTE = 14 * DAY, 90 * DAY
GRACE = 10
OK_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}


@pytest.fixture
def pair(world: World, holder: Credentials):
    """Give the first answer: an access token for orders and billing, and its refresh token."""
    return begin(world, holder)


@pytest.fixture
def first(pair) -> str:
    """Give a refresh token of the first generation, for orders and billing with every scope."""
    return refresh_token_of(pair)


# What is given, and to whom


def test_the_pair_is_the_whole_answer(pair):
    assert pair.status == 200
    assert_headers(pair, OK_HEADERS)
    assert pair.json == {
        "access_token": pair.token,
        "token_type": "Bearer",
        "expires_in": 900,
        "refresh_token": pair.json["refresh_token"],
        "scope": "pay read write",
    }


def test_a_refresh_token_says_exactly_this(holder: Credentials, first: str):
    family = claims_of(first)["family"]

    assert claims_of(first) == {
        "iss": ISSUER,
        "sub": holder.client_id,
        "aud": "refresh",
        "client_id": holder.client_id,
        "iat": NOW,
        "exp": NOW + IDLE,
        "jti": f"{family}.1",
        "family": family,
        "generation": 1,
        "granted_aud": [ORDERS, BILLING],
        "scope": "pay read write offline_access",
        "subject_kind": "client",
    }
    assert len(family) == 22


def test_the_header_of_a_refresh_token_is_exactly_this(world: World, first: str, loaded_keys):
    """Its typ is its own, its key is never published."""
    kid = next(key.stored.kid for key in loaded_keys if key.stored.purpose is KeyPurpose.REFRESH)
    published = {key["kid"] for key in world.send("GET", "/.well-known/jwks.json").json["keys"]}

    assert header_of(first) == {"alg": "HS256", "typ": "refresh+jwt", "kid": kid}
    assert kid not in published


def test_the_access_token_names_the_family_it_came_with(pair, first: str):
    assert pair.claims["family"] == claims_of(first)["family"]
    assert pair.token_header["typ"] == "at+jwt"


def test_the_tenant_of_the_client_is_a_fact_of_the_subject(world: World, holder: Credentials):
    tenant = add_holder(world, "Tenant", tenant_id="Zürich AG")
    answer = begin(world, tenant)

    assert claims_of(refresh_token_of(answer))["tenant_id"] == "Zürich AG"
    assert refresh(world, tenant, refresh_token_of(answer)).claims["tenant_id"] == "Zürich AG"


@pytest.mark.parametrize(
    "fields",
    [
        {"may_use_offline_access": False},
        {"may_use_offline_access": False, "grant_types": frozenset({GrantType.CLIENT_CREDENTIALS})},
    ],
    ids=["not switched to it", "nor registered for the grant"],
)
def test_a_client_that_is_not_switched_to_it_may_not_ask(world: World, holder, fields):
    """RFC 6749 §4.4.3: client_credentials gives no refresh token, unless an admin wills it so."""
    plain = add_holder(world, "Plain", **fields)

    assert_refused(begin(world, plain), InvalidScope)
    assert "refresh_token" not in world.ask(plain, resource=ORDERS).json


def test_a_client_that_does_not_ask_gets_none(world: World, holder: Credentials):
    answer = world.ask(holder, resource=ORDERS, scope="read")

    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}
    assert "family" not in answer.claims
    assert dump(world)["family"] == []


def test_offline_access_stands_beside_the_scopes_of_a_service(world: World, holder: Credentials):
    answer = begin(world, holder, resource=ORDERS, scope="read offline_access")

    assert (answer.claims["scope"], answer.json["scope"]) == ("read", "read")
    assert claims_of(refresh_token_of(answer))["scope"] == "read offline_access"
    assert claims_of(refresh_token_of(answer))["granted_aud"] == [ORDERS]


def test_a_grant_so_large_that_its_token_could_never_come_back_is_refused(world: World):
    """A token over 16 KB is refused wherever it is presented."""
    names = [f"https://{number:02}.example/{'x' * 230}" for number in range(60)]
    for name in names:
        world.add_audience(name)
    client = world.add_client("Wide", *names, grant_types=OFFLINE_GRANTS, may_use_offline_access=True)

    assert_refused(begin(world, client, resource=names), InvalidTarget)
    assert dump(world)["family"] == []
    token = refresh_token_of(begin(world, client, resource=names[:40]))
    assert refresh(world, client, token).status == 200


@pytest.mark.parametrize(
    ("of_orders", "of_billing", "expected"),
    [
        ({}, {}, (IDLE, ABSOLUTE)),
        ({"refresh_idle_seconds": 60}, {"refresh_absolute_seconds": 3600}, (60, 3600)),
        ({"refresh_absolute_seconds": 120}, {}, (120, 120)),
        ({"refresh_idle_seconds": 50 * DAY}, {"refresh_idle_seconds": 20 * DAY}, (20 * DAY, ABSOLUTE)),
        (
            {"refresh_absolute_seconds": 200 * DAY},
            {"refresh_absolute_seconds": 100 * DAY},
            (IDLE, 100 * DAY),
        ),
    ],
)
def test_a_family_lives_as_long_as_the_strictest_of_its_audiences_says(
    world: World, of_orders, of_billing, expected
):
    world.add_audience(ORDERS, **of_orders)
    world.add_audience(BILLING, **of_billing)
    token = refresh_token_of(begin(world, add_holder(world)))

    (family,) = dump(world)["family"]

    assert (claims_of(token)["exp"] - NOW, family["expires_at"] - NOW) == expected


# Rotation


@ON_BOTH_DATABASES
def test_a_refresh_token_is_exchanged_for_its_successor(world: World, holder, pair, first: str):
    wait(world, 60)

    answer = refresh(world, holder, first)

    successor = refresh_token_of(answer)
    family = claims_of(first)["family"]
    assert_headers(answer, OK_HEADERS)
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    assert answer.json["scope"] == "pay read write"
    assert claims_of(successor) == {
        **claims_of(first),
        "iat": NOW + 60,
        "exp": NOW + 60 + IDLE,
        "jti": f"{family}.2",
        "generation": 2,
    }
    assert header_of(successor) == header_of(first)
    assert world.verify(answer) == {
        **pair.claims,
        "iat": NOW + 60,
        "exp": NOW + 960,
        "jti": answer.claims["jti"],
    }
    assert answer.claims["jti"] != pair.claims["jti"]


@ON_BOTH_DATABASES
def test_a_family_goes_on_generation_by_generation(world: World, holder, first: str):
    token = first
    for _ in range(5):
        wait(world, DAY)
        token = refresh_token_of(refresh(world, holder, token))

    (family,) = dump(world)["family"]

    assert claims_of(token)["generation"] == family["generation"] == 6
    assert (family["rotated_at"], family["ended_at"]) == (NOW + 5 * DAY, None)


def test_a_successor_dies_with_the_family_however_young_it_is(world: World, holder, first: str):
    token = first
    for _ in range(8):
        wait(world, 11 * DAY)
        token = refresh_token_of(refresh(world, holder, token))

    assert claims_of(token)["exp"] == NOW + ABSOLUTE
    wait(world, 2 * DAY)
    assert_refused(refresh(world, holder, token), InvalidGrant)


@pytest.mark.parametrize(
    ("lain", "refusal"), [(IDLE - 1, None), (IDLE, InvalidGrant), (IDLE + 1, InvalidGrant)]
)
def test_a_token_left_idle_expires_at_its_second(world: World, holder, first: str, lain, refusal):
    wait(world, lain)

    answer = refresh(world, holder, first)

    if refusal is None:
        assert answer.status == 200
    else:
        assert_refused(answer, refusal)


@ON_BOTH_DATABASES
def test_a_restart_changes_nothing(world: World, holder, first: str, open_world, short_cut):
    """Keycloak CVE-2026-9802: a restart made a spent token good again."""
    second = refresh_token_of(refresh(world, holder, first))
    third = refresh_token_of(refresh(open_world(short_cut=short_cut), holder, second))

    again = open_world(short_cut=short_cut)

    assert refresh_token_of(refresh(again, holder, second)) == third
    assert_refused(refresh(again, holder, first), InvalidGrant)
    assert_refused(refresh(open_world(short_cut=short_cut), holder, third), InvalidGrant)


# The grace


@ON_BOTH_DATABASES
@pytest.mark.parametrize("late", [0, 1, GRACE, -1, -GRACE])
def test_who_asks_again_within_the_grace_gets_the_same_successor(
    world: World, holder, first: str, clock, late
):
    """The answer may have been lost. Both ways: another machine's clock may be behind."""
    answer = refresh(world, holder, first)
    before = dump(world)
    wait(world, late)

    again = refresh(world, holder, first)

    assert refresh_token_of(again) == refresh_token_of(answer)
    assert again.token != answer.token
    assert again.claims["iat"] == NOW + late
    assert dump(world) == before


def test_who_asks_again_gets_an_access_token_for_what_is_asked_now(world: World, holder, first: str):
    answer = refresh(world, holder, first)

    again = refresh(world, holder, first, resource=ORDERS, scope="read")

    assert (again.aud, again.json["scope"]) == (ORDERS, "read")
    assert refresh_token_of(again) == refresh_token_of(answer)


@pytest.mark.parametrize("late", [GRACE + 1, 3600, -GRACE - 1, -3600])
def test_who_asks_again_after_the_grace_ends_the_family(world: World, holder, first: str, late):
    """A clock that is set back must not revive what was spent."""
    successor = refresh_token_of(refresh(world, holder, first))
    wait(world, late)

    assert_refused(refresh(world, holder, first), InvalidGrant)

    assert_refused(refresh(world, holder, successor), InvalidGrant)
    assert dump(world)["family"][0]["end_reason"] == "reused"


def test_once_the_successor_was_used_its_predecessor_is_reuse_within_the_grace(
    world: World, holder, first: str
):
    second = refresh_token_of(refresh(world, holder, first))
    third = refresh_token_of(refresh(world, holder, second))

    assert_refused(refresh(world, holder, first), InvalidGrant)

    assert_refused(refresh(world, holder, third), InvalidGrant)


def test_the_grace_makes_the_same_bytes_after_the_key_has_changed(
    world: World, holder, first: str, loaded_keys
):
    answer = refresh(world, holder, first)
    newer = load_key(KeyPurpose.REFRESH, "HS256", signs_from=NOW)
    world.parts.keyring._set = KeySet.of((*loaded_keys, newer))

    assert refresh_token_of(refresh(world, holder, first)) == refresh_token_of(answer)


# Reuse


@ON_BOTH_DATABASES
def test_reuse_ends_the_family_and_is_recorded(world: World, holder, pair, first: str):
    """RFC 9700 §4.14.2: nobody knows who of the two is the thief."""
    wait(world, 60)
    refreshed = world.post(
        _form(refresh_token=first),
        {"Authorization": holder.basic},
        environ_overrides={"REMOTE_ADDR": "192.0.2.7"},
    )
    wait(world, 60)

    answer = refresh(world, holder, first)

    assert_refused(answer, InvalidGrant)
    assert_refused(refresh(world, holder, refresh_token_of(refreshed)), InvalidGrant)
    (family,), (incident,) = dump(world)["family"], dump(world)["incident"]
    assert (family["generation"], family["ended_at"], family["end_reason"]) == (2, NOW + 120, "reused")
    assert incident == {
        "id": incident["id"],
        "at": NOW + 120,
        "family_id": claims_of(first)["family"],
        "client_key": family["client_key"],
        "presented": 1,
        "stored": 2,
        "address": "127.0.0.1",
        "request_id": answer.headers["X-Request-ID"],
        "rotated_at": NOW + 60,
        "rotated_from": "192.0.2.7",
    }


def test_reuse_leaves_a_line_of_its_own_and_one_refusal(world: World, holder, first: str):
    refresh(world, holder, first)
    wait(world, 60)
    answer = refresh(world, holder, first)

    line, refusal = world.lines()[-2:]

    family = claims_of(first)["family"]
    assert line == {
        "ts": "2027-01-15T08:01:00Z",
        "event": "refresh.reused",
        "request_id": answer.headers["X-Request-ID"],
        "client_id": holder.client_id,
        "family": family,
        "presented": 1,
        "stored": 2,
        "rotated_at": NOW,
        "rotated_from": "127.0.0.1",
        "ip": "127.0.0.1",
    }
    assert (refusal["event"], refusal["error"]) == ("token.refused", "invalid_grant")
    assert refusal["reason"] == (
        f"reuse: generation 1 of family {family} was presented, 2 is current; the family has ended"
    )


@ON_BOTH_DATABASES
def test_reuse_makes_the_access_tokens_of_the_family_inactive(world: World, holder, pair, first: str):
    orders = world.add_client("Orders", service="Shop")
    refreshed = refresh(world, holder, first)
    apart = world.ask(holder, resource=ORDERS)
    wait(world, 60)
    tokens = (pair.token, refreshed.token, apart.token)
    assert [present(world, INTROSPECT, orders, token).json["active"] for token in tokens] == [True] * 3

    refresh(world, holder, first)

    active = [present(world, INTROSPECT, orders, token).json["active"] for token in tokens]
    assert active == [False, False, True]


def test_an_ended_family_is_no_second_incident(world: World, holder, first: str):
    refresh(world, holder, first)
    wait(world, 60)
    for _ in range(3):
        refresh(world, holder, first)

    assert len(dump(world)["incident"]) == 1


def test_reuse_in_one_family_leaves_the_others(world: World, holder, first: str):
    other = refresh_token_of(begin(world, holder))
    refresh(world, holder, first)
    wait(world, 60)
    refresh(world, holder, first)

    assert refresh(world, holder, other).status == 200


# Narrowing


@pytest.mark.parametrize(
    ("asked", "aud", "scope"),
    [
        ({}, [ORDERS, BILLING], "pay read write"),
        ({"resource": ORDERS}, ORDERS, "read write"),
        ({"audience": BILLING}, BILLING, "pay"),
        ({"resource": [BILLING, ORDERS]}, [ORDERS, BILLING], "pay read write"),
        ({"scope": "read"}, [ORDERS, BILLING], "read"),
        ({"scope": "read offline_access"}, [ORDERS, BILLING], "read"),
        ({"scope": "offline_access"}, [ORDERS, BILLING], "pay read write"),
        ({"resource": ORDERS, "scope": "write"}, ORDERS, "write"),
        ({"resource": ORDERS, "audience": ORDERS}, ORDERS, "read write"),
    ],
)
def test_a_refresh_narrows_what_it_asks_and_stays_bound_to_the_whole_grant(
    world: World, holder, first: str, asked, aud, scope
):
    answer = refresh(world, holder, first, **asked)

    assert (answer.aud, answer.json["scope"]) == (aud, scope)
    successor = refresh_token_of(answer)
    assert claims_of(successor)["granted_aud"] == [ORDERS, BILLING]
    assert claims_of(successor)["scope"] == "pay read write offline_access"
    whole = refresh(world, holder, successor)
    assert (whole.aud, whole.json["scope"]) == ([ORDERS, BILLING], "pay read write")


def test_a_scope_withdrawn_since_drops_out_unless_it_is_asked_for(world: World, holder, first: str):
    world.permit(holder.client_id, ORDERS, "read")
    world.look()

    assert_refused(refresh(world, holder, first, scope="write"), InvalidScope)
    assert refresh(world, holder, first).json["scope"] == "pay read"


def test_what_is_permitted_since_is_not_in_the_grant(world: World, holder, first: str):
    world.add_audience("https://new.example", "look")
    world.permit(holder.client_id, "https://new.example")
    world.look()

    assert_refused(refresh(world, holder, first, resource="https://new.example"), InvalidTarget)
    assert_refused(refresh(world, holder, first, scope="look"), InvalidScope)
    assert refresh(world, holder, first).aud == [ORDERS, BILLING]


def test_a_grant_outlives_the_renaming_of_its_audience(world: World, holder, first: str):
    aliases.rename_audience(world.registrar, ORDERS, "https://shop.example", NOW + DAY)
    world.look()

    answer = refresh(world, holder, first, resource="https://shop.example")

    assert answer.aud == ["https://shop.example", ORDERS]
    assert claims_of(refresh_token_of(answer))["granted_aud"] == [ORDERS, BILLING]


def test_an_audience_may_be_asked_for_by_its_alias(world: World, holder, first: str):
    aliases.add_alias(world.registrar, ORDERS, "orders", AliasMode.ACCEPT)
    world.look()

    assert refresh(world, holder, first, audience="orders").aud == ORDERS


# Refusals


def _form(**parameters: str) -> str:
    return "&".join(
        f"{name}={value}" for name, value in {"grant_type": "refresh_token", **parameters}.items()
    )


def _change_claims(token: str, loaded_keys, **changes) -> str:
    return forge(loaded_keys, KeyPurpose.REFRESH, "refresh+jwt", {**claims_of(token), **changes})


STOCK = "https://stock.example"
ADMIN_CHANGES = {
    "audience disabled": (lambda w, _: audiences.disable_audience(w, BILLING), InvalidGrant),
    "audience removed": (lambda w, _: audiences.remove_audience(w, BILLING), InvalidGrant),
    "service disabled": (lambda w, _: services.disable_service(w, "Shop"), InvalidGrant),
    "service removed": (lambda w, _: services.remove_service(w, "Shop"), InvalidGrant),
    "permission taken back": (lambda w, c: permissions.revoke_permission(w, c, BILLING), InvalidGrant),
    "switch taken back": (
        lambda w, c: clients.change_client(w, c, ClientChange(may_use_offline_access=False)),
        InvalidGrant,
    ),
    "grant type taken back": (
        lambda w, c: clients.change_client(
            w,
            c,
            ClientChange(may_use_offline_access=False, grant_types=frozenset({GrantType.CLIENT_CREDENTIALS})),
        ),
        UnauthorizedClient,
    ),
    "client disabled": (clients.disable_client, InvalidClient),
    "client removed": (clients.remove_client, InvalidClient),
}


@ON_BOTH_DATABASES
@pytest.mark.parametrize("change", ADMIN_CHANGES)
def test_what_an_admin_takes_back_is_refused_and_uses_nothing_up(
    world: World, holder, first: str, change: str
):
    """So that a client starts afresh; what comes back later finds the family as it was."""
    end, refusal = ADMIN_CHANGES[change]
    before = dump(world)

    end(world.registrar, holder.client_id)
    world.look()

    headers = CHALLENGE if refusal is InvalidClient else {}
    assert_refused(refresh(world, holder, first), refusal, **headers)
    assert dump(world) == before


@pytest.mark.parametrize(
    ("take", "give"),
    [
        (
            lambda w, _: audiences.disable_audience(w, BILLING),
            lambda w, _: audiences.enable_audience(w, BILLING),
        ),
        (lambda w, _: services.disable_service(w, "Shop"), lambda w, _: services.enable_service(w, "Shop")),
        (clients.disable_client, clients.enable_client),
        (
            lambda w, c: clients.change_client(w, c, ClientChange(may_use_offline_access=False)),
            lambda w, c: clients.change_client(w, c, ClientChange(may_use_offline_access=True)),
        ),
    ],
    ids=["audience", "service", "client", "switch"],
)
def test_what_an_admin_gives_back_goes_on(world: World, holder, first: str, take, give):
    take(world.registrar, holder.client_id)
    world.look()
    assert refresh(world, holder, first).status != 200

    give(world.registrar, holder.client_id)
    world.look()

    assert claims_of(refresh_token_of(refresh(world, holder, first)))["generation"] == 2


def test_the_audiences_that_are_left_may_be_asked_for_by_name(world: World, holder, first: str):
    audiences.disable_audience(world.registrar, BILLING)
    world.look()

    assert_refused(refresh(world, holder, first), InvalidGrant)
    assert refresh(world, holder, first, resource=ORDERS).aud == ORDERS


def _part_groups(registrar) -> None:
    services.change_service(registrar, "Stock", ServiceChange(trust_group=None))


def _part_algorithms(registrar) -> None:
    audiences.change_audience(registrar, STOCK, AudienceChange(signing_alg=SigningAlg.ES256))


def _part_typs(registrar) -> None:
    audiences.change_audience(registrar, STOCK, AudienceChange(typ=TokenTyp.JWT))


@ON_BOTH_DATABASES
@pytest.mark.parametrize("part", [_part_groups, _part_algorithms, _part_typs])
@pytest.mark.parametrize("asked", [{}, {"resource": [ORDERS, STOCK]}], ids=["nothing named", "both named"])
def test_a_grant_whose_audiences_were_parted_since_gives_one_at_a_time(world: World, part, asked):
    """RFC 8707 §2.2: the grant stays, and may be narrowed to what still stands in one token."""
    world.add_service("Shop", trust_group="market")
    world.add_service("Stock", trust_group="market")
    world.add_audience(ORDERS, "read")
    world.add_audience(STOCK, "count", service="Stock")
    client = world.add_client(
        "Market", ORDERS, STOCK, grant_types=OFFLINE_GRANTS, may_use_offline_access=True
    )
    first = refresh_token_of(begin(world, client, resource=[ORDERS, STOCK]))
    part(world.registrar)
    world.look()
    before = dump(world)

    assert_refused(refresh(world, client, first, **asked), InvalidGrant)
    assert dump(world) == before
    answers = [
        refresh(world, client, first, resource=ORDERS),
        refresh(world, client, first, resource=STOCK),
    ]

    assert [answer.aud for answer in answers] == [ORDERS, STOCK]
    assert [answer.json["scope"] for answer in answers] == ["read", "count"]


REQUESTS = {
    "no token": ({"refresh_token": None}, InvalidRequest),
    "empty token": ({"refresh_token": ""}, InvalidRequest),
    "token twice": ({"refresh_token": ["a", "b"]}, InvalidRequest),
    "garbage": ({"refresh_token": "garbage"}, InvalidGrant),
    "three dots": ({"refresh_token": "a.b.c"}, InvalidGrant),
    "as long as may be": ({"refresh_token": "x" * 16_384}, InvalidGrant),
    "too long": ({"refresh_token": "x" * 16_385}, RequestTooLarge),
    "target outside the grant": ({"resource": "https://other.example"}, InvalidTarget),
    "target that differs by a slash": ({"resource": f"{ORDERS}/x"}, InvalidTarget),
    "resource and audience differ": ({"resource": ORDERS, "audience": BILLING}, InvalidTarget),
    "relative resource": ({"resource": "orders"}, InvalidTarget),
    "the endpoint itself": ({"audience": "refresh"}, InvalidTarget),
    "access": ({"audience": "access"}, InvalidTarget),
    "scope outside the grant": ({"scope": "admin"}, InvalidScope),
    "scope of the other audience": ({"resource": ORDERS, "scope": "pay"}, InvalidScope),
    "malformed scope": ({"scope": "read  write"}, InvalidScope),
    "openid": ({"scope": "openid"}, InvalidScope),
}


@ON_BOTH_DATABASES
@pytest.mark.parametrize("request_", REQUESTS)
def test_no_refusal_uses_up_a_generation_or_ends_a_family(world: World, holder, first: str, request_: str):
    asked, refusal = REQUESTS[request_]
    before = dump(world)

    assert_refused(refresh(world, holder, **{"token": first, **_renamed(asked)}), refusal)

    assert dump(world) == before
    assert claims_of(refresh_token_of(refresh(world, holder, first)))["generation"] == 2


def _renamed(asked: dict) -> dict:
    return {"token" if name == "refresh_token" else name: value for name, value in asked.items()}


CLAIMS = {
    "another client's": {"client_id": "somebody-else"},
    "another issuer's": {"iss": "https://other.example"},
    "another audience": {"aud": ORDERS},
    "an array": {"aud": ["refresh"]},
    "more audiences": {"aud": ["refresh", ORDERS]},
    "an unknown family": {"family": "A" * 22},
    "a younger generation": {"generation": 2},
    "generation 0": {"generation": 0},
    "expired": {"exp": NOW},
    "no generation": {"generation": None},
    "generation as text": {"generation": "1"},
    "generation as truth": {"generation": True},
    "no family": {"family": None},
    "no expiry as text": {"exp": "never"},
    "granted nothing": {"granted_aud": []},
    "granted a text": {"granted_aud": ORDERS},
    "granted numbers": {"granted_aud": [1]},
    "no scope": {"scope": None},
    "no subject": {"sub": None},
    "a kind of subject that is unknown": {"subject_kind": "robot"},
    "a list for a kind": {"subject_kind": ["client"]},
    "a tenant that is a number": {"tenant_id": 1},
}


@ON_BOTH_DATABASES
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_token_that_says_otherwise_is_refused_though_signed_by_us(
    world: World, holder, first: str, loaded_keys, claim: str
):
    before = dump(world)

    answer = refresh(world, holder, _change_claims(first, loaded_keys, **CLAIMS[claim]))

    assert_refused(answer, InvalidGrant)
    assert dump(world) == before


@ON_BOTH_DATABASES
def test_another_client_neither_gets_nor_burns_a_token(world: World, holder, first: str):
    """Zitadel CVE-2026-55672."""
    thief = add_holder(world, "Thief")
    before = dump(world)

    assert_refused(refresh(world, thief, first), InvalidGrant)

    assert dump(world) == before
    assert refresh(world, holder, first).status == 200


@ON_BOTH_DATABASES
def test_another_client_does_not_end_a_family_by_a_spent_token(world: World, holder, first: str):
    thief = add_holder(world, "Thief")
    second = refresh_token_of(refresh(world, holder, first))
    wait(world, 60)

    assert_refused(refresh(world, thief, first), InvalidGrant)

    assert refresh(world, holder, second).status == 200


def test_a_family_is_the_clients_whatever_a_token_says(world: World, holder, first: str, loaded_keys):
    other = add_holder(world, "Other")
    stolen = _change_claims(first, loaded_keys, client_id=other.client_id, sub=other.client_id)

    assert_refused(refresh(world, other, stolen), InvalidGrant)

    assert refresh(world, holder, first).status == 200


@pytest.mark.parametrize(
    ("client", "parameters", "refusal"),
    [
        ("nobody", {"refresh_token": None}, InvalidClient),
        ("plain", {"refresh_token": None}, InvalidRequest),
        ("plain", {}, UnauthorizedClient),
        ("plain", {"refresh_token": "garbage", "resource": "x"}, UnauthorizedClient),
        ("holder", {"refresh_token": "garbage", "resource": "x", "scope": "  "}, InvalidGrant),
        ("thief", {"resource": "https://other.example", "scope": "x"}, InvalidGrant),
        ("holder", {"resource": "https://other.example", "scope": "x"}, InvalidTarget),
        ("holder", {"resource": ORDERS, "scope": "x"}, InvalidScope),
    ],
)
def test_refusals_come_in_this_order(world: World, holder, first: str, client, parameters, refusal):
    """Who asks, then the token, then what is asked: nothing is told of a token to whom it is not."""
    asker = {
        "nobody": Credentials("nobody", "x"),
        "plain": world.add_client("Plain", ORDERS),
        "thief": add_holder(world, "Thief"),
        "holder": holder,
    }[client]

    answer = world.ask(asker, **{"grant_type": "refresh_token", "refresh_token": first, **parameters})

    assert_refused(answer, refusal, **(CHALLENGE if refusal is InvalidClient else {}))


def test_a_spent_token_of_a_request_that_is_refused_anyway_ends_nothing(world: World, holder, first: str):
    second = refresh_token_of(refresh(world, holder, first))
    wait(world, 60)

    assert_refused(refresh(world, holder, first, scope="admin"), InvalidScope)

    assert refresh(world, holder, second).status == 200


@ON_BOTH_DATABASES
def test_a_token_younger_than_the_family_is_told_apart_in_the_log(world: World, holder, first: str):
    """A restored backup: the client is not at fault, and the family goes on for whom it knows."""
    second = refresh_token_of(refresh(world, holder, first))
    with database.writing(world.parts.engine) as connection:
        connection.execute(update(FamilyRow).values(generation=1))

    assert_refused(refresh(world, holder, second), InvalidGrant)

    assert "state older than token (restored backup?)" in world.lines()[-1]["reason"]
    assert dump(world)["incident"] == []
    assert dump(world)["family"][0]["ended_at"] is None


def test_an_altered_token_is_refused_at_every_character(world: World, holder, first: str):
    """Zitadel CVE-2026-27840."""
    altered = [
        first[:place] + ("A" if first[place] != "A" else "B") + first[place + 1 :]
        for place in range(len(first))
    ]

    answers = {refresh(world, holder, token).json["error"] for token in altered}

    assert answers == {"invalid_grant"}
    assert refresh(world, holder, first).status == 200


def test_a_truncated_token_is_refused_at_every_character(world: World, holder, first: str):
    cut = [first[:length] for length in range(1, len(first))] + [first[1:], first[43:]]

    answers = {refresh(world, holder, token).json["error"] for token in cut}

    assert answers == {"invalid_grant"}
    assert refresh(world, holder, first).status == 200


@pytest.mark.parametrize("tail", ["=", "==", "A", "AA", ".", "..", ".A", " ", "+", "%20", "é"])
def test_an_extended_token_is_refused(world: World, holder, first: str, tail: str):
    assert_refused(refresh(world, holder, first + tail), InvalidGrant)
    assert_refused(refresh(world, holder, tail + first), InvalidGrant)

    assert refresh(world, holder, first).status == 200


# What fails on our side uses nothing up either


def test_while_the_database_is_away_nothing_is_exchanged(
    world: World, holder, first: str, cut_off, monkeypatch
):
    cut_off()

    assert_refused(refresh(world, holder, first), TemporarilyUnavailable, **RETRY)
    assert_refused(begin(world, holder), TemporarilyUnavailable, **RETRY)

    monkeypatch.undo()
    wait(world, 3600)
    assert refresh(world, holder, first).status == 200


@ON_BOTH_DATABASES
def test_a_commit_that_fails_uses_nothing_up(world: World, holder, first: str):
    """Keycloak #49213: a hiccup of the database destroyed sign-ins."""

    def fail(_connection: object) -> None:
        raise OperationalError("COMMIT", {}, Exception("disk full"))

    event.listen(world.parts.engine, "commit", fail)
    assert_refused(refresh(world, holder, first), TemporarilyUnavailable, **RETRY)
    event.remove(world.parts.engine, "commit", fail)
    wait(world, 3600)

    assert claims_of(refresh_token_of(refresh(world, holder, first)))["generation"] == 2


@ON_BOTH_DATABASES
def test_a_log_that_cannot_be_written_uses_nothing_up(
    world: World, holder, first: str, monkeypatch: pytest.MonkeyPatch
):
    """A full disk for a minute would otherwise end every session that asked meanwhile."""
    before = dump(world)

    def fail(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(type(world.parts.log), "write_members", fail)
    assert_refused(refresh(world, holder, first), TemporarilyUnavailable, **RETRY)
    assert_refused(begin(world, holder), TemporarilyUnavailable, **RETRY)
    monkeypatch.undo()

    assert dump(world) == before
    wait(world, 3600)
    assert claims_of(refresh_token_of(refresh(world, holder, first)))["generation"] == 2


def test_a_missing_key_for_the_access_token_uses_nothing_up(world: World, holder, first: str, loaded_keys):
    refresh_key = [key for key in loaded_keys if key.stored.purpose is KeyPurpose.REFRESH]
    world.parts.keyring._set = KeySet.of(refresh_key)
    assert_refused(refresh(world, holder, first), TemporarilyUnavailable, **RETRY)
    world.parts.keyring._set = KeySet.of(loaded_keys)
    wait(world, 3600)

    assert claims_of(refresh_token_of(refresh(world, holder, first)))["generation"] == 2


def test_a_key_of_another_process_that_is_not_here_yet_is_a_moments_matter(
    world: World, holder, first: str, loaded_keys
):
    """The retry reached a process that has not loaded the key of the successor."""
    newer = load_key(KeyPurpose.REFRESH, "HS256", signs_from=NOW)
    world.parts.keyring._set = KeySet.of((*loaded_keys, newer))
    with database.writing(world.parts.engine) as connection:
        connection.execute(text("UPDATE signing_key SET signs_until = 1 WHERE purpose = 'refresh'"))
        signing_keys.add_key(connection, newer.stored)
    answer = refresh(world, holder, first)
    world.parts.keyring._set = KeySet.of(loaded_keys)

    assert_refused(refresh(world, holder, first), TemporarilyUnavailable, **RETRY)

    world.parts.keyring._set = KeySet.of((*loaded_keys, newer))
    assert refresh_token_of(refresh(world, holder, first)) == refresh_token_of(answer)


def test_a_token_of_a_key_that_is_not_here_yet_is_not_told_invalid(
    world: World, holder, first: str, loaded_keys
):
    """A client that is told `invalid_grant` starts afresh, and a user signs in again, for nothing."""
    before = dump(world)
    world.parts.keyring._set = KeySet.of(
        key for key in loaded_keys if key.stored.purpose is not KeyPurpose.REFRESH
    )

    assert_refused(refresh(world, holder, first), TemporarilyUnavailable, **RETRY)
    assert dump(world) == before

    world.parts.keyring._set = KeySet.of(loaded_keys)
    assert claims_of(refresh_token_of(refresh(world, holder, first)))["generation"] == 2


def test_tokens_of_a_compromised_key_are_worth_nothing(world: World, holder, first: str, loaded_keys):
    tainted = [
        replace(key, stored=replace(key.stored, compromised_at=NOW))
        if key.stored.purpose is KeyPurpose.REFRESH
        else key
        for key in loaded_keys
    ]
    world.parts.keyring._set = KeySet.of((*tainted, load_key(KeyPurpose.REFRESH, "HS256", signs_from=NOW)))

    assert_refused(refresh(world, holder, first), InvalidGrant)


@ON_BOTH_DATABASES
def test_an_address_of_any_length_is_no_fault(world: World, holder):
    """A proxy that is trusted by mistake lets the asker write it."""
    answer = world.post(
        _form(grant_type="client_credentials", resource=ORDERS, scope="offline_access"),
        {"Authorization": holder.basic},
        environ_overrides={"REMOTE_ADDR": "x" * 5000},
    )

    assert answer.status == 200
    assert dump(world)["family"][0]["rotated_from"] == "x" * 64


# The record


def test_a_refresh_leaves_one_line(world: World, holder, first: str):
    answer = refresh(world, holder, first, resource=ORDERS)

    assert world.lines()[1:] == [
        {
            "ts": AT,
            "event": "token.issued",
            "request_id": answer.headers["X-Request-ID"],
            "client_id": holder.client_id,
            "grant_type": "refresh_token",
            "aud": [ORDERS],
            "scope": "read write",
            "sub": holder.client_id,
            "jti": answer.claims["jti"],
            "kid": answer.token_header["kid"],
            "exp": NOW + 900,
            "ip": "127.0.0.1",
            "family": claims_of(first)["family"],
            "generation": 2,
        }
    ]


def test_the_pair_leaves_one_line_that_names_its_family(world: World, pair, first: str):
    (line,) = world.lines()

    assert (line["event"], line["grant_type"]) == ("token.issued", "client_credentials")
    assert (line["family"], line["generation"]) == (claims_of(first)["family"], 1)


def test_answers_are_counted(world: World, holder, first: str):
    answer = refresh(world, holder, first, resource=ORDERS)
    refresh(world, holder, refresh_token_of(answer), scope="admin")
    refresh(world, holder, "garbage")

    grant = "refresh_token"
    counted = {row for row in world.usage() if row[2] == grant}
    assert counted == {
        (holder.client_id, ORDERS, grant, "issued", 1, NOW, NOW + 900),
        (holder.client_id, None, grant, "invalid_scope", 1, NOW, 0),
        (holder.client_id, None, grant, "invalid_grant", 1, NOW, 0),
    }


@pytest.fixture
def audited(open_world, short_cut: str) -> World:
    """Give a world with ISSUER_AUDIT_ISSUANCE=database."""
    return open_world(short_cut=short_cut, audit_issuance="database")


@ON_BOTH_DATABASES
def test_the_row_of_a_token_and_the_step_of_its_family_are_one_transaction(audited: World):
    audited.add_audience(ORDERS)
    audited.add_audience(BILLING)
    client = add_holder(audited)
    first = refresh_token_of(begin(audited, client))
    with database.writing(audited.parts.engine) as connection:
        connection.execute(text("ALTER TABLE issuance RENAME TO gone"))
    with pytest.raises(AssertionError):
        refresh_token_of(refresh(audited, client, first))
    with database.writing(audited.parts.engine) as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO issuance"))
    wait(audited, 3600)

    answer = refresh(audited, client, first)

    assert claims_of(refresh_token_of(answer))["generation"] == 2
    with database.reading(audited.parts.engine) as connection:
        rows = connection.execute(select(IssuanceRow.jti, IssuanceRow.grant_type)).all()
    assert [row.grant_type for row in rows] == ["client_credentials", "refresh_token"]
    assert rows[-1].jti == answer.claims["jti"]


def test_no_token_is_stored_or_logged(world: World, holder, pair, first: str):
    """Vault CVE-2024-8365: neither a refresh token nor its signature is written anywhere."""
    refreshed = refresh(world, holder, first)
    wait(world, 60)
    refresh(world, holder, first)
    tokens = (first, refresh_token_of(refreshed), pair.token, refreshed.token)
    with world.parts.engine.connect() as connection:
        stored = "\n".join(connection.connection.dbapi_connection.iterdump())

    written = stored + world.log_path.read_text()

    assert not [token for token in tokens if token in written or token.rpartition(".")[2] in written]
