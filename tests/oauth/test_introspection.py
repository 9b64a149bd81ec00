"""Introspection: a service's client sees its own part of good tokens, and one answer otherwise (RFC 7662)."""

from dataclasses import replace

import pytest

from issuer.errors import (
    InvalidClient,
    InvalidRequest,
    MethodNotAllowed,
    RequestTooLarge,
    TemporarilyUnavailable,
    UnsupportedMediaType,
)
from issuer.issuing.keyring import KeySet
from issuer.model.audience import AliasMode, SigningAlg, TokenTyp
from issuer.model.signing_key import KeyPurpose
from issuer.registry import aliases, audiences, clients, services
from issuer.registry.audiences import AudienceChange
from issuer.registry.clients import ClientChange
from tests.oauth.holders import (
    BILLING,
    CHALLENGE,
    INACTIVE,
    INTROSPECT,
    ORDERS,
    RETRY,
    REVOKE,
    add_holder,
    begin,
    claims_of,
    forge,
    present,
    refresh_token_of,
    twin_of,
    wait,
)
from tests.oauth.world import (
    ISSUER,
    ON_BOTH_DATABASES,
    Answer,
    Credentials,
    World,
    assert_headers,
    assert_refused,
    encode,
    watching_statements,
)

NOW = 1_800_000_000
HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}
EVERYTHING = {"resource": [ORDERS, BILLING]}


@pytest.fixture
def holder(world: World) -> Credentials:
    """Give a client that may ask for orders (read, write) and billing (pay), of two services in one group."""
    world.add_service("Orders", trust_group="shop")
    world.add_service("Billing", trust_group="shop")
    world.add_audience(ORDERS, "read", "write", service="Orders")
    world.add_audience(BILLING, "pay", service="Billing")
    return add_holder(world)


@pytest.fixture
def orders(world: World, holder) -> Credentials:
    """Give the client that speaks for the service of orders."""
    return world.add_client("Orders API", service="Orders")


@pytest.fixture
def token(world: World, holder: Credentials) -> str:
    """Give an access token for orders."""
    return world.ask(holder, resource=ORDERS).token


def introspect(world: World, client: Credentials | None, token: str | None, **more) -> Answer:
    """Ask about a token."""
    return present(world, INTROSPECT, client, token, **more)


def assert_inactive(answer: Answer) -> None:
    """Assert that an answer is the one that says nothing, every byte."""
    assert (answer.status, answer.body) == (200, INACTIVE)
    assert_headers(answer, HEADERS)


# What is seen


@ON_BOTH_DATABASES
def test_a_good_token_of_the_own_service_is_described(world: World, holder, orders, token: str):
    answer = introspect(world, orders, token)

    assert answer.status == 200
    assert_headers(answer, HEADERS)
    assert answer.json == {
        "active": True,
        "token_type": "Bearer",
        "iss": ISSUER,
        "sub": holder.client_id,
        "client_id": holder.client_id,
        "iat": NOW,
        "exp": NOW + 900,
        "jti": claims_of(token)["jti"],
        "aud": ORDERS,
        "scope": "read write",
    }


def test_only_the_own_part_of_aud_and_scope_is_seen(world: World, holder, orders):
    """What else a client may do elsewhere is nobody's business here."""
    billing = world.add_client("Billing API", service="Billing")
    token = world.ask(holder, **EVERYTHING).token
    assert claims_of(token)["aud"] == [ORDERS, BILLING]

    seen = [introspect(world, client, token).json for client in (orders, billing)]

    assert [(one["aud"], one["scope"]) for one in seen] == [(ORDERS, "read write"), (BILLING, "pay")]


def test_a_service_with_several_audiences_sees_all_of_them(world: World, holder, orders):
    world.add_audience("https://returns.example", "return", service="Orders")
    world.permit(holder.client_id, "https://returns.example")
    world.look()
    asked = [ORDERS, BILLING, "https://returns.example"]

    answer = introspect(world, orders, world.ask(holder, resource=asked).token)

    assert answer.json["aud"] == [ORDERS, "https://returns.example"]
    assert answer.json["scope"] == "read return write"


def test_a_token_without_scope_has_none_here(world: World, holder, orders):
    world.add_audience("https://plain.example", service="Orders")
    world.permit(holder.client_id, "https://plain.example")
    world.look()

    answer = introspect(world, orders, world.ask(holder, resource="https://plain.example").token)

    assert answer.json["active"] is True
    assert "scope" not in answer.json


def test_the_tenant_is_seen(world: World, orders):
    tenant = add_holder(world, "Tenant", tenant_id="t-1")

    answer = introspect(world, orders, world.ask(tenant, resource=ORDERS).token)

    assert answer.json["tenant_id"] == "t-1"


def test_neither_family_nor_extra_claims_are_seen(world: World, orders):
    audiences.change_audience(world.registrar, ORDERS, AudienceChange(extra_claims={"plan": "gold"}))
    token = begin(world, add_holder(world, "Other"), resource=ORDERS).token
    assert {"family", "plan"} <= set(claims_of(token))

    assert not {"family", "plan"} & set(introspect(world, orders, token).json)


@pytest.mark.parametrize("alg", SigningAlg)
@pytest.mark.parametrize("typ", TokenTyp)
def test_every_kind_of_access_token_is_seen(world: World, holder, orders, alg, typ):
    audiences.change_audience(world.registrar, ORDERS, AudienceChange(signing_alg=alg, typ=typ))
    world.look()

    assert introspect(world, orders, world.ask(holder, resource=ORDERS).token).json["active"] is True


def test_the_other_spelling_of_a_signature_is_the_same_token(world: World, holder, orders):
    """Accepted here as by every verifier; so it is revoked by jti, never by its string."""
    audiences.change_audience(world.registrar, ORDERS, AudienceChange(signing_alg=SigningAlg.ES256))
    world.look()
    token = world.ask(holder, resource=ORDERS).token
    assert introspect(world, orders, twin_of(token)).json == introspect(world, orders, token).json

    present(world, REVOKE, holder, twin_of(token))

    assert_inactive(introspect(world, orders, token))
    assert_inactive(introspect(world, orders, twin_of(token)))


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unknown", "x" * 1000])
def test_a_hint_changes_nothing(world: World, orders, token: str, hint: str):
    answer = introspect(world, orders, token, token_type_hint=hint)

    assert answer.json == introspect(world, orders, token).json


# Names


def test_a_token_with_both_names_of_a_renamed_audience_is_seen_under_both(world: World, holder, orders):
    aliases.rename_audience(world.registrar, ORDERS, "https://new.example", NOW + 60)
    world.look()
    token = world.ask(holder, resource=ORDERS).token
    assert claims_of(token)["aud"] == ["https://new.example", ORDERS]

    assert introspect(world, orders, token).json["aud"] == ["https://new.example", ORDERS]


def test_a_token_from_before_a_renaming_is_still_seen(world: World, orders, token: str):
    introspect(world, orders, token)
    aliases.rename_audience(world.registrar, ORDERS, "https://new.example", NOW + 60)
    world.look()

    assert introspect(world, orders, token).json["aud"] == ORDERS
    wait(world, 61)
    assert introspect(world, orders, token).json["aud"] == ORDERS


def test_an_alias_taken_away_takes_its_tokens_along(world: World, orders, token: str):
    aliases.rename_audience(world.registrar, ORDERS, "https://new.example")
    aliases.remove_alias(world.registrar, "https://new.example", ORDERS)
    world.look()

    assert_inactive(introspect(world, orders, token))


# What is not seen: one answer, byte for byte


ENDS = {
    "client disabled": clients.disable_client,
    "client removed": clients.remove_client,
    "audience disabled": lambda w, _: audiences.disable_audience(w, ORDERS),
    "audience removed": lambda w, _: audiences.remove_audience(w, ORDERS),
    "service disabled": lambda w, _: services.disable_service(w, "Orders"),
    "service removed": lambda w, _: services.remove_service(w, "Orders"),
}


@ON_BOTH_DATABASES
@pytest.mark.parametrize("end", ENDS)
def test_what_an_admin_ends_is_inactive_after_the_next_look(world: World, holder, orders, token: str, end):
    """CVE-2026-8922: every layer of revocation holds for every grant."""
    assert introspect(world, orders, token).json["active"] is True

    ENDS[end](world.registrar, holder.client_id)
    world.look()

    assert_inactive(introspect(world, orders, token))


def test_a_deprecated_audience_is_still_seen(world: World, orders, token: str):
    audiences.deprecate_audience(world.registrar, ORDERS)
    world.look()

    assert introspect(world, orders, token).json["active"] is True


def test_of_a_token_for_two_the_disabled_half_is_gone(world: World, holder, orders):
    world.add_audience("https://returns.example", "return", service="Orders")
    world.permit(holder.client_id, "https://returns.example")
    world.look()
    token = world.ask(holder, resource=[ORDERS, "https://returns.example"]).token
    audiences.disable_audience(world.registrar, ORDERS)
    world.look()

    answer = introspect(world, orders, token)

    assert (answer.json["aud"], answer.json["scope"]) == ("https://returns.example", "return")


@pytest.mark.parametrize(("lived", "is_active"), [(899, True), (900, False), (901, False)])
def test_a_token_is_inactive_from_the_second_of_its_end(world: World, orders, token, lived, is_active):
    wait(world, lived)

    assert introspect(world, orders, token).json["active"] is is_active


@ON_BOTH_DATABASES
def test_a_revoked_token_is_inactive_and_others_are_not(world: World, holder, orders, token: str):
    other = world.ask(holder, resource=ORDERS).token

    present(world, REVOKE, holder, token)

    assert_inactive(introspect(world, orders, token))
    assert introspect(world, orders, other).json["active"] is True


@ON_BOTH_DATABASES
def test_the_tokens_of_an_ended_family_are_inactive(world: World, holder, orders):
    pair = begin(world, holder)
    assert introspect(world, orders, pair.token).json["active"] is True

    present(world, REVOKE, holder, refresh_token_of(pair))

    assert_inactive(introspect(world, orders, pair.token))


def test_a_refresh_token_is_inactive_for_everyone(world: World, holder, orders):
    token = refresh_token_of(begin(world, holder))
    own = add_holder(world, "Own", service="Orders")

    assert_inactive(introspect(world, orders, token))
    assert_inactive(introspect(world, holder, token))
    assert_inactive(introspect(world, own, refresh_token_of(begin(world, own))))


@pytest.mark.parametrize("reserved", ["access", f"{ISSUER}/api/v1"])
def test_tokens_for_the_issuer_itself_are_inactive_for_everyone(world: World, holder, orders, reserved: str):
    world.permit(holder.client_id, reserved)
    world.look()

    assert_inactive(introspect(world, orders, world.ask(holder, audience=reserved).token))


def test_tokens_of_another_service_are_inactive(world: World, holder, orders):
    assert_inactive(introspect(world, orders, world.ask(holder, resource=BILLING).token))


def test_a_client_that_speaks_for_no_service_sees_nothing(world: World, holder, token: str):
    """RFC 7662 §2.2: what one is not allowed to know about is inactive, not an error."""
    assert_inactive(introspect(world, holder, token))
    assert_inactive(introspect(world, world.add_client("Nosy", ORDERS), token))


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "..", "null", "{}", "é", "x" * 16_384, "Bearer x", '{"active":true}', "%00x"]
)
def test_garbage_is_inactive(world: World, orders, token: str):
    assert_inactive(introspect(world, orders, token))


FORGERIES = {
    "another issuer's": {"iss": "https://other.example"},
    "our address with a slash": {"iss": f"{ISSUER}/"},
    "no jti": {"jti": None},
    "no client_id": {"client_id": None},
    "an unknown client's": {"client_id": "nobody"},
    "no subject": {"sub": None},
    "a number for a jti": {"jti": 1},
    "no aud": {"aud": None},
    "empty aud": {"aud": []},
    "nested aud": {"aud": [[ORDERS]]},
    "aud an object": {"aud": {ORDERS: True}},
    "aud with a number": {"aud": [ORDERS, 1]},
    "aud in other letters": {"aud": ORDERS.upper()},
    "aud with a slash": {"aud": f"{ORDERS}/"},
    "aud of the token endpoint beside it": {"aud": [ORDERS, "refresh"]},
    "a family that is a number": {"family": 1},
    "a scope that is a list": {"scope": ["read"]},
    "a tenant that is a list": {"tenant_id": ["t"]},
    "exp in text": {"exp": "1900000000"},
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_says_otherwise_is_inactive_though_signed_by_us(
    world: World, orders, token: str, loaded_keys, forgery: str
):
    """Attack by `aud`: string, array, nested, number, null, empty, another case (CVE-2020-26160)."""
    claims = {**claims_of(token), **FORGERIES[forgery]}
    forged = {name: value for name, value in claims.items() if value is not None}

    assert_inactive(introspect(world, orders, forge(loaded_keys, KeyPurpose.TOKEN, "at+jwt", forged)))
    assert_inactive(introspect(world, orders, forge(loaded_keys, KeyPurpose.TOKEN, "at+jwt", claims)))


def test_the_means_of_these_tests_make_acceptable_tokens(world: World, orders, token: str, loaded_keys):
    forged = forge(loaded_keys, KeyPurpose.TOKEN, "at+jwt", claims_of(token))

    assert introspect(world, orders, forged).json["active"] is True


def test_tokens_of_a_compromised_key_are_inactive(world: World, orders, token: str, loaded_keys):
    assert introspect(world, orders, token).json["active"] is True
    world.parts.keyring._set = KeySet.of(
        replace(key, stored=replace(key.stored, compromised_at=NOW)) for key in loaded_keys
    )

    assert_inactive(introspect(world, orders, token))


def test_tokens_of_a_retired_key_are_active(world: World, orders, token: str, loaded_keys):
    world.parts.keyring._set = KeySet.of(
        replace(key, stored=replace(key.stored, signs_until=NOW, verify_until=NOW + 900))
        for key in loaded_keys
    )

    assert introspect(world, orders, token).json["active"] is True


def test_an_altered_token_is_inactive(world: World, orders, token: str):
    altered = [
        token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        for place in range(0, len(token), 5)
    ]
    cut = [token[:length] for length in range(1, len(token), 5)]
    longer = [token + tail for tail in ("=", "==", "A", ".", ".A", " ")]

    answers = {introspect(world, orders, one).body for one in (*altered, *cut, *longer)}

    assert answers == {INACTIVE}


# Who asks, and how


def test_the_asker_authenticates(world: World, orders, token: str):
    """RFC 7662 §2.1."""
    assert_refused(introspect(world, None, token), InvalidClient, **CHALLENGE)
    impostor = Credentials(orders.client_id, "wrong")
    assert_refused(introspect(world, impostor, token), InvalidClient, **CHALLENGE)


def test_a_bearer_token_is_no_authentication_here(world: World, orders, token: str):
    answer = world.post(
        encode({"grant_type": None, "token": token}), {"Authorization": f"Bearer {token}"}, path=INTROSPECT
    )

    assert_refused(answer, InvalidClient, **CHALLENGE)


def test_a_disabled_service_client_is_refused(world: World, orders, token: str):
    clients.disable_client(world.registrar, orders.client_id)
    world.look()

    assert_refused(introspect(world, orders, token), InvalidClient, **CHALLENGE)


@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        (None, InvalidRequest),
        ("", InvalidRequest),
        (["a", "b"], InvalidRequest),
        ("a\x00b", InvalidRequest),
        ("x" * 16_385, RequestTooLarge),
    ],
)
def test_a_malformed_request_is_refused(world: World, orders, token, refusal):
    assert_refused(introspect(world, orders, token), refusal)


@pytest.mark.parametrize("path", [INTROSPECT, REVOKE])
def test_only_a_posted_form_is_taken(world: World, orders, path: str):
    headers = {"Authorization": orders.basic}

    assert_refused(world.send("GET", path, headers=headers), MethodNotAllowed, Allow="POST")
    assert_refused(
        world.post(b"{}", {**headers, "Content-Type": "application/json"}, path=path), UnsupportedMediaType
    )
    assert_refused(world.post(b"token=x", headers, path=path, query_string="token=x"), InvalidRequest)


@ON_BOTH_DATABASES
def test_while_the_database_is_away_nobody_knows(world: World, orders, token: str, cut_off):
    """What is revoked is known there alone; a wrong `true` would outlive a revocation."""
    introspect(world, orders, token)
    cut_off()

    assert_refused(introspect(world, orders, token), TemporarilyUnavailable, **RETRY)


@ON_BOTH_DATABASES
def test_a_warm_answer_is_one_statement(world: World, orders, token: str):
    introspect(world, orders, token)

    with watching_statements(world.parts.engine) as statements:
        introspect(world, orders, token)

    assert len([statement for statement in statements if not statement.startswith("BEGIN")]) == 1


def test_an_answer_leaves_no_line_and_a_refusal_leaves_one(world: World, orders, token: str):
    before = len(world.lines())
    introspect(world, orders, token)
    introspect(world, orders, "x")
    assert len(world.lines()) == before

    answer = introspect(world, orders, None)

    assert world.lines()[before:] == [
        {
            "ts": "2027-01-15T08:00:00Z",
            "event": "token.refused",
            "request_id": answer.headers["X-Request-ID"],
            "client_id": orders.client_id,
            "grant_type": "introspect",
            "asked": [],
            "error": "invalid_request",
            "reason": "token is missing",
            "ip": "127.0.0.1",
        }
    ]


# What admins change reaches the clients that speak for a service


def test_a_new_audience_of_the_service_is_seen_after_the_next_look(world: World, holder, orders, token: str):
    introspect(world, orders, token)
    world.add_audience("https://returns.example", service="Orders")
    world.permit(holder.client_id, "https://returns.example")
    world.look()

    answer = introspect(world, orders, world.ask(holder, resource="https://returns.example").token)

    assert answer.json["active"] is True


def test_a_client_that_is_linked_sees_after_the_next_look_and_no_longer_once_unlinked(
    world: World, token: str
):
    client = world.add_client("Later")
    assert_inactive(introspect(world, client, token))

    clients.change_client(world.registrar, client.client_id, ClientChange(service="Orders"))
    world.look()
    assert introspect(world, client, token).json["active"] is True

    clients.change_client(world.registrar, client.client_id, ClientChange(service=None))
    world.look()
    assert_inactive(introspect(world, client, token))


def test_a_new_alias_is_known_after_the_next_look(world: World, holder, orders, token: str):
    introspect(world, orders, token)
    aliases.add_alias(world.registrar, ORDERS, "orders", AliasMode.DUAL)
    world.look()

    answer = introspect(world, orders, world.ask(holder, resource=ORDERS).token)

    assert answer.json["aud"] == [ORDERS, "orders"]


def test_what_is_enabled_again_is_seen_again(world: World, orders, token: str):
    services.disable_service(world.registrar, "Orders")
    world.look()
    assert_inactive(introspect(world, orders, token))

    services.enable_service(world.registrar, "Orders")
    world.look()

    assert introspect(world, orders, token).json["active"] is True


def test_a_new_scope_is_told_after_the_next_look(world: World, holder, orders, token: str):
    introspect(world, orders, token)
    audiences.change_audience(
        world.registrar, ORDERS, AudienceChange(add_scopes=(audiences.Scope("delete"),))
    )
    world.permit(holder.client_id, ORDERS, "delete")
    world.look()

    answer = introspect(world, orders, world.ask(holder, resource=ORDERS).token)

    assert answer.json["scope"] == "delete"
