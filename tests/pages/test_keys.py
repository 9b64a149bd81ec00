"""The page of the keys: what signs, what verifies only, what is published."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from issuer.config import SHORTEST_PUBLISH_AHEAD_SECONDS
from issuer.model.audience import SigningAlg
from issuer.model.jwks_fetch import MAIN_DOCUMENT, FetchKey, FetchSum
from issuer.model.signing_key import KeyPurpose, KeyState
from issuer.parts import make_key_acts
from issuer.registry import own_keys
from issuer.store import db, jwks_fetches, signing_keys
from issuer.store.tables import SigningKeyRow
from tests.conftest import START
from tests.oauth.world import MASTER_KEY, World, load_key
from tests.pages import signed_in
from tests.pages.signed_in import Member

DAY = 24 * 3600
KEYS = "/admin/keys"
ORDERS = "https://orders.example"
ROTATION = f"{KEYS}/rotation"


@pytest.fixture
def world(open_world) -> World:
    """Give a world with one key of each kind."""
    return open_world()


@pytest.fixture
def owner(world: World) -> Member:
    """Give an owner."""
    return signed_in.sign_in_as(world, "owner")


def _add_key(world: World, **times: int | None) -> str:
    key = replace(load_key(KeyPurpose.TOKEN, "ES256").stored, **times)
    with db.writing(world.parts.engine) as connection:
        assert signing_keys.add_key(connection, key)
    return key.kid


@pytest.mark.parametrize("role", signed_in.ROLES)
def test_every_role_sees_the_keys(world: World, role: str):
    answer = signed_in.sign_in_as(world, role).open("/admin/keys")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


def test_who_is_not_signed_in_is_sent_to_sign_in_first(world: World):
    answer = world.send("GET", "/admin/keys")

    assert (answer.status, answer.headers["Location"]) == (303, "/admin/sign-in?next=%2Fadmin%2Fkeys")


def test_each_algorithm_says_which_key_signs_now(owner: Member):
    text = owner.open("/admin/keys").text

    with db.reading(owner.world.parts.engine) as connection:
        kids = [key.kid for key in signing_keys.list_keys(connection)]
    assert len(kids) == 3
    assert all(text.count(f'<code title="{kid}">') == 1 for kid in kids)
    assert all(text.count(f'href="/admin/keys/by-id/{kid}">') == 1 for kid in kids)
    assert text.count("No next key is waiting.") == 3


def test_the_key_of_refresh_tokens_is_said_to_be_never_published(owner: Member):
    text = owner.open("/admin/keys").text

    assert "HS256: refresh tokens" in text
    assert text.count("Never published") == 1
    assert text.count("Published in the JWKS") == 2


@pytest.mark.parametrize(
    ("state", "times"),
    [
        (
            "Pending",
            {"signs_from": START + DAY, "signs_until": START + 2 * DAY, "verify_until": START + 3 * DAY},
        ),
        ("Retired", {"signs_until": START - 1, "verify_until": START + DAY}),
        ("Removed", {"signs_until": START - DAY, "verify_until": START - 1}),
        ("Compromised", {"signs_until": START - DAY, "verify_until": START + 1, "compromised_at": START - 5}),
    ],
)
def test_a_key_is_shown_in_its_state(owner: Member, state: str, times: dict[str, int]):
    kid = _add_key(owner.world, **times)

    text = owner.open("/admin/keys").text

    row = next(row for row in text.split('role="rowheader"') if f'title="{kid}"' in row[:160])
    assert f">{state}</span>" in row


@pytest.mark.parametrize(("found_out", "said"), [(START - 5, "never"), (START - 4, "<time")])
def test_a_key_that_was_compromised_before_it_signed_is_said_never_to_have(
    owner: Member, found_out: int, said: str
):
    kid = _add_key(owner.world, signs_from=START - 4, signs_until=START - 4, compromised_at=found_out)

    page = owner.open(f"{KEYS}/by-id/{kid}").text
    row = next(
        row for row in owner.open(KEYS).text.split('role="rowheader"') if f'title="{kid}"' in row[:160]
    )

    assert said in page.split("Signs from</dt>")[1].split("</dd>")[0]
    assert said in row.split("Signs from")[1].split("Signs until")[0]


@pytest.mark.parametrize(
    ("is_waiting", "said"), [(True, "It has signed nothing yet"), (False, "start afresh")]
)
def test_withdrawing_a_key_of_refresh_tokens_says_what_breaks(owner: Member, is_waiting: bool, said: str):
    if is_waiting:
        owner.send(f"{ROTATION}/publish", alg="HS256", audience="")
    with db.reading(owner.world.parts.engine) as connection:
        kid = next(key.kid for key in signing_keys.list_keys(connection) if key.purpose is KeyPurpose.REFRESH)

    text = owner.open(f"{KEYS}/by-id/{kid}").text

    assert said in text
    assert ("The key before it signs on." in text) is is_waiting


def test_an_algorithm_without_a_key_that_signs_says_so(owner: Member):
    with db.writing(owner.world.parts.engine) as connection:
        connection.execute(update(SigningKeyRow).values(signs_until=START - 1))

    assert owner.open("/admin/keys").text.count("No key signs now") == 3


def test_nothing_secret_stands_on_the_page(owner: Member):
    text = owner.open("/admin/keys").text

    assert "sealed" not in text
    assert '"d"' not in text


def find_kid(world: World, alg: str = "ES256", state: KeyState = KeyState.ACTIVE) -> str:
    """Return the kid of the newest key of an algorithm in a state."""
    with db.reading(world.parts.engine) as connection:
        stored = signing_keys.list_keys(connection)
    now = world.parts.clock.now()
    return next(key.kid for key in stored if (key.alg, key.state(now)) == (alg, state))


def list_states(world: World, alg: str = "ES256") -> list[KeyState]:
    with db.reading(world.parts.engine) as connection:
        stored = signing_keys.list_keys(connection)
    return [key.state(world.parts.clock.now()) for key in stored if key.alg == alg]


def note_fetch(world: World, user_agent: str, at: int) -> None:
    with db.writing(world.parts.engine) as connection:
        fetch = {FetchKey(MAIN_DOCUMENT, user_agent): FetchSum(at, at, 1)}
        jwks_fetches.add_fetches(connection, fetch)


def publish(owner: Member, alg: str = "ES256") -> TestResponse:
    return owner.send(f"{ROTATION}/publish", alg=alg, audience="")


def test_the_timeline_is_drawn_and_told_as_text(owner: Member):
    _add_key(owner.world, signs_until=START - DAY, verify_until=START + DAY, published_at=START - 9 * DAY)
    publish(owner)

    text = owner.open(KEYS).text

    figure = next(each for each in text.split("<figure")[1:] if "ES256" in each[:200]).split("</figure>")[0]
    drawing = figure.split("</svg>")[0]
    assert "style=" not in text.split("<main")[1]
    assert [drawing.count(f'class="{state}"') for state in ("pending", "active", "retired")] == [1, 3, 2]
    assert drawing.count('class="horizon"') == 1
    assert drawing.count('class="last-token"') == 2
    assert drawing.count('text class="now"') == 1
    assert all(0 <= float(x) <= 100 for x in re.findall(r'[x"]="([0-9.]+)%"', drawing))
    told = figure.split('class="told"')[1]
    assert "waits from 2027-01-15 08:00:00 UTC until 2027-01-16 08:00:00 UTC; then it signs from" in told
    assert "Caches that were filled before it was announced have run out by 2027-01-15 08:16:01 UTC." in told


def test_the_wizard_tells_what_happens_and_when_before_anything_is_done(owner: Member):
    text = owner.open(f"{ROTATION}?alg=ES256").text

    assert "Publish the next key</button>" in text
    assert "that is 16 min 1 s at the least; here it is 1 d" in text
    assert "It signs: on 2027-01-16 08:00:00 UTC, if you begin now" in text
    assert "Safe to sign?" not in text
    assert list_states(owner.world) == [KeyState.ACTIVE]


def test_the_next_key_is_published_and_the_wizard_shows_why_it_waits(owner: Member):
    note_fetch(owner.world, "<b>old</b>/1", START - 60)

    answer = publish(owner)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{ROTATION}?alg=ES256")
    assert list_states(owner.world) == [KeyState.PENDING, KeyState.ACTIVE]
    text = owner.open(answer.headers["Location"]).text
    assert "is published. It signs when its wait is over, by itself." in text
    assert ">Wait</span> until" in text
    assert "Services may go on using the keys that they fetched before 2027-01-15T08:00:00Z until" in text
    assert "&lt;b&gt;old&lt;/b&gt;/1" in text
    assert "Nobody yet." in text
    assert "some only after 5 to 10 minutes" in text
    assert "Publish the next key</button>" not in text


def test_when_everyone_has_come_it_is_safe_to_sign(owner: Member):
    publish(owner)
    note_fetch(owner.world, "jose/v6", START + 60)
    owner.world.parts.clock.step(SHORTEST_PUBLISH_AHEAD_SECONDS)

    text = owner.open(f"{ROTATION}?alg=ES256").text

    assert ">Yes</span>" in text
    assert "jose/v6" in text
    assert "nothing should break" in text


@pytest.mark.parametrize("is_waiting", [True, False])
def test_a_key_signs_at_once_where_somebody_says_so(owner: Member, is_waiting: bool):
    before = find_kid(owner.world)
    if is_waiting:
        publish(owner)

    owner.send(f"{ROTATION}/sign-now", alg="ES256", audience="")

    assert sorted(list_states(owner.world)) == [KeyState.ACTIVE, KeyState.RETIRED]
    assert find_kid(owner.world, state=KeyState.RETIRED) == before


def test_a_second_rotation_is_refused_and_told(owner: Member):
    publish(owner)

    answer = publish(owner)

    assert len(list_states(owner.world)) == 2
    assert "Nothing was changed: A next ES256 key is already waiting" in owner.open(answer.location).text


def test_the_key_of_refresh_tokens_rotates_with_its_own_words(owner: Member):
    text = owner.open(f"{ROTATION}?alg=HS256").text
    assert "It is never published." in text
    assert "Fetched" not in text

    publish(owner, "HS256")

    text = owner.open(f"{ROTATION}?alg=HS256").text
    assert "It waits until every process of this issuer has seen it." in text
    assert "Fetched" not in text


@pytest.mark.parametrize("query", ["", "?alg=none", "?alg=ES256&audience=77", "?alg=ES256&audience=x"])
def test_a_line_that_is_not_there_is_a_bad_link(owner: Member, query: str):
    assert owner.open(f"{ROTATION}{query}").status_code == 400


def test_a_key_shows_its_public_half_and_nothing_private(owner: Member):
    kid = find_kid(owner.world)

    page = owner.open(f"{KEYS}/by-id/{kid}")
    pem = owner.open(f"{KEYS}/by-id/{kid}/public")

    assert page.status_code == 200
    assert "-----BEGIN PUBLIC KEY-----" in page.text
    assert "PRIVATE" not in page.text
    assert "&#34;d&#34;" not in page.text
    assert (pem.status_code, pem.mimetype) == (200, "application/x-pem-file")
    assert pem.headers["Content-Disposition"] == f'attachment; filename="{kid}.pem"'
    assert pem.text.startswith("-----BEGIN PUBLIC KEY-----")


def test_a_key_of_refresh_tokens_has_no_public_half(owner: Member):
    kid = find_kid(owner.world, "HS256")

    assert "has no public half" in owner.open(f"{KEYS}/by-id/{kid}").text
    assert owner.open(f"{KEYS}/by-id/{kid}/public").status_code == 404


def test_a_key_that_is_not_there_is_not_found(owner: Member):
    assert owner.open(f"{KEYS}/by-id/nobody").status_code == 404
    assert owner.open(f"{KEYS}/by-id/nobody/public").status_code == 404


def test_retiring_a_key_says_what_breaks_and_lets_the_next_one_sign(owner: Member):
    kid = find_kid(owner.world)
    text = owner.open(f"{KEYS}/by-id/{kid}").text
    assert "A new key is made and signs at once in its place, and services that have cached the keys" in text
    assert "What this key signed is verified for as long as it may live (1 d)." in text

    answer = owner.send(f"{KEYS}/by-id/{kid}/retire")

    assert (answer.status_code, answer.headers["Location"]) == (303, KEYS)
    assert find_kid(owner.world, state=KeyState.RETIRED) == kid
    assert sorted(list_states(owner.world)) == [KeyState.ACTIVE, KeyState.RETIRED]


def test_a_key_that_waits_is_withdrawn_and_the_one_before_signs_on(owner: Member):
    before = find_kid(owner.world)
    publish(owner)
    waiting = find_kid(owner.world, state=KeyState.PENDING)
    assert "It has signed nothing, so nothing breaks." in owner.open(f"{KEYS}/by-id/{waiting}").text

    owner.send(f"{KEYS}/by-id/{waiting}/retire")

    assert find_kid(owner.world) == before
    assert KeyState.PENDING not in list_states(owner.world)


def test_a_stolen_key_is_withdrawn_for_good_once_its_beginning_was_typed(owner: Member):
    kid = find_kid(owner.world)
    text = owner.open(f"{KEYS}/by-id/{kid}").text
    assert "they go on accepting what it signed, forged tokens too, until they fetch the keys again" in text
    assert f'<code class="chip">{kid[:8]}</code> to confirm' in text

    wrong = owner.send(f"{KEYS}/by-id/{kid}/compromise", confirmed=kid[:7])
    assert wrong.headers["Location"] == f"{KEYS}/by-id/{kid}"
    assert find_kid(owner.world) == kid
    owner.send(f"{KEYS}/by-id/{kid}/compromise", confirmed=f" {kid[:8]} ")

    assert find_kid(owner.world, state=KeyState.COMPROMISED) == kid
    assert find_kid(owner.world) != kid
    assert "Private half</dt><dd>erased" in owner.open(f"{KEYS}/by-id/{kid}").text
    again = owner.send(f"{KEYS}/by-id/{kid}/compromise", confirmed=kid[:8])
    assert f"Nothing was changed: The key {kid} is compromised already" in owner.open(again.location).text


ACTS = ["rotation/publish", "rotation/sign-now", "by-id/{kid}/retire", "by-id/{kid}/compromise"]


@pytest.mark.parametrize("act", ACTS)
def test_acts_on_keys_take_the_password_once_more(world: World, act: str):
    owner, kid = signed_in.sign_in_as(world, "owner", is_stepped_up=False), find_kid(world)

    answer = owner.send(f"{KEYS}/{act.format(kid=kid)}", alg="ES256", audience="", confirmed=kid[:8])

    # What was sent is kept on the page that asks for the password.
    assert answer.status_code == 403
    assert 'autocomplete="current-password"' in answer.text
    assert list_states(world) == [KeyState.ACTIVE]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("role", ["auditor", "service_owner"])
def test_who_may_not_change_keys_is_neither_shown_nor_let_do_it(world: World, act: str, role: str):
    member, kid = signed_in.sign_in_as(world, role), find_kid(world)

    answer = member.send(f"{KEYS}/{act.format(kid=kid)}", alg="ES256", audience="", confirmed=kid[:8])

    assert answer.status_code == 403
    assert list_states(world) == [KeyState.ACTIVE]
    assert "/admin/keys/rotation" not in member.open(KEYS).text
    assert "Danger zone" not in member.open(f"{KEYS}/by-id/{kid}").text
    assert member.open(f"{ROTATION}?alg=ES256").status_code == 403


def test_keys_of_one_audience_are_a_line_of_their_own(owner: Member):
    world = owner.world
    audience_id = world.add_audience(ORDERS, "read", signing_alg=SigningAlg.ES256).id
    own_keys.give(world.registrar, (MASTER_KEY,), ORDERS, make_key_acts(world.parts).waits)
    rotation = f"{ROTATION}?alg=ES256&audience={audience_id}"

    text = owner.open(KEYS).text
    assert f"ES256: tokens for {ORDERS}" in text
    assert rotation.replace("&", "&amp;") in text
    assert "Rotate ES256, tokens for" in owner.open(rotation).text
    answer = owner.send(f"{ROTATION}/publish", alg="ES256", audience=str(audience_id))

    assert answer.headers["Location"] == rotation
    assert len(list_states(world)) == 3
    with db.reading(world.parts.engine) as connection:
        waiting = [key for key in signing_keys.list_keys(connection) if key.signs_from > START]
    assert [key.audience_id for key in waiting] == [audience_id]
    assert "Safe to sign?" in owner.open(rotation).text
    assert "Safe to sign?" not in owner.open(f"{ROTATION}?alg=ES256").text


def test_the_first_key_of_an_audience_has_none_before_it_that_could_sign_on(owner: Member):
    world = owner.world
    audience_id = world.add_audience(ORDERS, "read", signing_alg=SigningAlg.ES256).id
    world.add_client("Robot", ORDERS)
    own_keys.give(world.registrar, (MASTER_KEY,), ORDERS, make_key_acts(world.parts).waits)
    kid = find_kid(world, state=KeyState.PENDING)

    assert "Do not use it" not in owner.open(f"{KEYS}/by-id/{kid}").text
    assert "Do not use it" not in owner.open(f"{ROTATION}?alg=ES256&audience={audience_id}").text
    answer = owner.send(f"{KEYS}/by-id/{kid}/retire")

    assert "is the first of its audience" in owner.open(answer.location).text
    assert find_kid(world, state=KeyState.PENDING) == kid
