"""`issuer token explain`."""

import pytest

from issuer import app as application
from issuer import config

ORDERS = "https://orders.example.com"
BILLING = "https://billing.example.com"
FIELDS = ["name", "outcome", "expected", "actual", "advice"]
CHECKS = ["parse", "typ", "alg", "kid", "signature", "iss", "aud", "exp", "iat", "claims", "revoked"]


@pytest.fixture
def token(shop, data_dir, clock, entropy):
    """Give an access token for Orders, as a server on the same data directory issues it."""
    added = shop("client", "add", "Reports", "--grant", "client_credentials", "--json").document
    shop("permission", "grant", added["client_id"], ORDERS, "--scope", "orders:read")
    settings = config.load_settings(environ={"ISSUER_DATA_DIR": str(data_dir)})
    with (data_dir / "log").open("w") as nowhere:
        app = application.create_app(settings, clock=clock, entropy=entropy, log_descriptor=nowhere.fileno())
        parts = application.parts_of(app)
        application.load_keys(parts)
        answer = app.test_client().post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(added["client_id"], added["client_secret"]),
        )
    parts.engine.dispose()
    return answer.get_json()["access_token"]


def test_an_accepted_token_is_exit_status_0(shop, token):
    ran = shop("token", "explain", "--audience", ORDERS, "--json", typed=token)

    assert (ran.status, ran.err) == (0, "")
    assert set(ran.document) == {"token", "verdicts"}
    assert ran.document["token"]["kind"] == "access_token"
    assert ran.document["token"]["header"]["typ"] == "at+jwt"
    assert ran.document["token"]["claims"]["aud"] == ORDERS
    (verdict,) = ran.document["verdicts"]
    assert (verdict["audience"], verdict["service"], verdict["is_accepted"]) == (ORDERS, "Orders", True)
    assert [check["name"] for check in verdict["checks"]] == CHECKS
    assert [list(check) for check in verdict["checks"]] == [FIELDS] * len(CHECKS)
    assert {check["outcome"] for check in verdict["checks"]} == {"passed"}


def test_a_rejected_token_is_exit_status_1_and_says_what_to_change(shop, token):
    ran = shop("token", "explain", "--audience", BILLING, "--json", typed=token)

    assert ran.status == 1
    (verdict,) = ran.document["verdicts"]
    assert not verdict["is_accepted"]
    assert verdict["reason"] == (
        f"{ORDERS} is the audience of another service, Orders: ask for the token with resource={BILLING}."
    )


def test_without_an_audience_every_service_is_asked_and_one_that_accepts_is_enough(shop, token):
    ran = shop("token", "explain", "--json", typed=token)

    assert ran.status == 0
    accepted = {one["audience"]: one["is_accepted"] for one in ran.document["verdicts"]}
    assert accepted == {"access": False, "http://127.0.0.1:8000/api/v1": False, ORDERS: True, BILLING: False}


def test_without_an_audience_none_that_accepts_is_exit_status_1(shop, token, clock):
    clock.step(900)

    ran = shop("token", "explain", typed=token)

    assert ran.status == 1
    assert "The token has expired" in ran.out


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_the_end_of_a_line_is_no_part_of_the_token(shop, token, ending):
    assert shop("token", "explain", "--audience", ORDERS, typed=token + ending).status == 0


def test_for_people_each_check_is_a_line(shop, token):
    ran = shop("token", "explain", "--audience", f"{ORDERS}/", typed=token)

    assert ran.status == 1
    assert ran.out.startswith("An access token of this issuer.\n\nheader\n{")
    lines = ran.out.splitlines()
    assert f"{ORDERS}/ (Orders): REJECT" in lines
    assert f"  aud        FAILED   {ORDERS}" in lines
    assert f"{'':22}expected {ORDERS}/" in lines
    assert "only the trailing slash differs" in ran.out


def test_for_people_every_service_is_a_line(shop, token):
    ran = shop("token", "explain", typed=token)

    assert f"{ORDERS}" in ran.out
    assert [line.split()[2] for line in ran.out.splitlines() if line.startswith((ORDERS, BILLING))] == [
        "ACCEPT",
        "REJECT",
    ]


@pytest.mark.parametrize(
    "options", [(), ("--json",), ("--audience", ORDERS), ("--audience", ORDERS, "--json")]
)
def test_the_signature_is_never_printed(shop, token, options):
    ran = shop("token", "explain", *options, typed=token)

    assert token.rpartition(".")[2] not in ran.out + ran.err
    assert token[:60] not in ran.out + ran.err


def test_a_client_secret_is_recognised_and_not_echoed(shop):
    ran = shop("token", "explain", typed="isr_4uDk2bW-hYzgY2Vd8hVqpxzzyDqPaqHn7")

    assert ran.status == 1
    assert ran.out.startswith("This is a client secret")
    assert "4uDk2bW" not in ran.out + ran.err


@pytest.mark.parametrize("typed", ["", "\n", "no token", "\udcff\x00", "a" * 300_000], ids=range(5))
def test_whatever_is_typed_is_answered(shop, typed):
    ran = shop("token", "explain", "--json", typed=typed.encode("utf-8", "surrogateescape"))

    assert ran.status == 1
    assert (ran.document["token"]["header"], ran.document["token"]["claims"]) == (None, None)


def test_an_audience_that_is_not_registered_is_refused(shop, token):
    ran = shop("token", "explain", "--audience", "https://x.example", "--json", typed=token)

    assert ran.status == 1
    assert ran.document == {"error": "not_found", "reason": "no audience https://x.example is registered"}


def test_a_token_is_not_taken_as_an_argument(shop, token):
    assert shop("token", "explain", token).status == 2
