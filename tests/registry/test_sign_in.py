"""Signing in: one answer and the same work for everybody who may not, a growing lockout, step-up."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from issuer.errors import (
    Conflict,
    InvalidValue,
    PasswordsBusy,
    SignInFailed,
    SignInLocked,
    StepUpRequired,
)
from issuer.model.user import Role
from issuer.model.web_session import STEP_UP_SECONDS
from issuer.password_hashing import Cost, Hasher, Passwords
from issuer.registry import audit, services, sign_in, users, web_sessions
from issuer.registry.services import NewService
from issuer.registry.sign_in import Browser
from issuer.registry.users import NewUser
from issuer.store.tables import SignInFailureRow, UserRow, WebSessionRow
from tests.registry.conftest import BROWSER, PASSWORD

OTHER = "violet trombone on the marsh"
ELSEWHERE = Browser("198.51.100.9:80", "other")


@pytest.fixture
def counted(monkeypatch):
    """Give the list of what was hashed or verified."""
    calls = []
    for name in ("hash", "verify"):
        real = getattr(Hasher, name)

        def counting(self, *args, _real=real, _name=name):
            calls.append(_name)
            return _real(self, *args)

        monkeypatch.setattr(Hasher, name, counting)
    return calls


def fail(run, times):
    """Give a wrong password so often; return the classes of the refusals."""
    refusals = []
    for _ in range(times):
        with pytest.raises((SignInFailed, SignInLocked)) as refused:
            run()
        refusals.append(type(refused.value))
    return refusals


def test_the_right_password_opens_a_session(visitor, add_user, sign_in_as, clock, last_event):
    add_user("Alice")
    clock.step(100)

    opened = sign_in_as(" ALICE ")

    session = opened.signed_in.session
    assert (session.address, session.user_agent) == (BROWSER.address, BROWSER.user_agent)
    assert (session.created_at, session.last_seen_at, session.stepped_up_at) == (clock.at,) * 3
    assert opened.signed_in.user.last_sign_in_at == clock.at
    assert web_sessions.find_signed_in(visitor, opened.secret) == opened.signed_in
    event = last_event()
    assert (event.action, event.target, event.actor.name) == ("user.signed_in", "Alice", "Alice")
    assert event.actor.request_id == "request-2"


def test_the_secret_is_256_bits_stored_hashed_and_shown_in_no_repr(registrar, add_user, sign_in_as, engine):
    add_user("alice")

    opened = sign_in_as("alice")

    assert len(opened.secret) == 43
    with engine.connect() as connection:
        (stored,) = connection.execute(select(WebSessionRow.secret_hash)).scalars()
    assert len(bytes(stored)) == 32
    assert opened.secret not in repr(opened) + repr(audit.list_events(registrar))


def test_each_sign_in_is_a_new_session(add_user, sign_in_as):
    add_user("alice")

    first, second = sign_in_as("alice"), sign_in_as("alice")

    assert first.secret != second.secret
    assert first.signed_in.session.id != second.signed_in.session.id


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong"),
        ("alice", PASSWORD + " "),
        ("alice", ""),
        ("alice", "x" * 100_000),
        ("alice", "\ud800\x00"),
        ("nobody", PASSWORD),
        ("disabled", PASSWORD),
        ("removed", PASSWORD),
        ("", PASSWORD),
        ("al ice", PASSWORD),
        ("\ud800", PASSWORD),
        ("x" * 5000, PASSWORD),
        ("' OR 1=1 --", PASSWORD),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_one_answer_and_one_hash_for_all_who_may_not(
    registrar, add_user, sign_in_as, counted, name, password
):
    for each in ("alice", "disabled", "removed"):
        add_user(each)
    users.disable_user(registrar, "disabled")
    users.remove_user(registrar, "removed")
    counted.clear()

    with pytest.raises(SignInFailed) as refused:
        sign_in_as(name, password)

    assert (refused.value.status, refused.value.code) == (401, "sign_in_failed")
    assert refused.value.sentence == "The name or the password is wrong."
    assert counted == ["verify"]
    assert name not in refused.value.detail or not name


def test_the_same_statements_run_for_all_who_may_not(registrar, add_user, sign_in_as, engine):
    """Not only the hash: a statement more for those who exist would tell them from the others."""
    for each in ("alice", "disabled"):
        add_user(each)
    users.disable_user(registrar, "disabled")
    runs = []
    event.listen(engine, "before_cursor_execute", lambda *args: runs[-1].append(args[2]))

    for name in ("alice", "nobody", "disabled", "no name"):
        runs.append([])
        fail(lambda name=name: sign_in_as(name, "wrong"), 1)

    assert runs[0]
    assert runs == [runs[0]] * 4


def test_a_name_that_was_typed_is_known_whoever_may_sign_in(registrar, visitor, add_user):
    for each in ("Alice", "Disabled"):
        add_user(each)
    users.disable_user(registrar, "disabled")

    found = [
        sign_in.find_known_name(visitor, typed) for typed in (" ALICE ", "disabled", "nobody", "", "a\x00")
    ]

    assert found == ["Alice", "Disabled", None, None, None]


def test_it_takes_one_statement_to_know_a_name_or_not(visitor, add_user, engine):
    """One more for those who exist would tell them from the others."""
    add_user("alice")
    runs = []
    event.listen(engine, "before_cursor_execute", lambda *args: runs[-1].append(args[2]))

    for typed in ("alice", "nobody", "no name"):
        runs.append([])
        sign_in.find_known_name(visitor, typed)

    assert runs[0]
    assert runs == [runs[0]] * 3


@pytest.mark.parametrize("name", ["alice", "nobody", "disabled", "no name"])
def test_after_five_wrong_ones_a_name_is_locked_without_any_hashing(
    registrar, add_user, sign_in_as, counted, name
):
    for each in ("alice", "disabled"):
        add_user(each)
    users.disable_user(registrar, "disabled") if name == "disabled" else None
    answers = fail(lambda: sign_in_as(name, "wrong"), 5)
    counted.clear()

    with pytest.raises(SignInLocked) as refused:
        sign_in_as(name)

    assert answers == [SignInFailed] * 5
    assert (refused.value.status, refused.value.retry_after_seconds) == (429, 1)
    assert counted == []


def test_the_lock_grows_and_a_locked_attempt_does_not_count(add_user, sign_in_as, clock):
    add_user("alice")
    fail(lambda: sign_in_as("alice", "wrong"), 5)
    waits = []

    for _ in range(12):
        with pytest.raises(SignInLocked) as refused:
            sign_in_as("alice", "wrong")
        waits.append(refused.value.retry_after_seconds)
        clock.step(refused.value.retry_after_seconds)
        fail(lambda: sign_in_as("alice", "wrong"), 1)

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_all_spellings_of_a_name_are_locked_together(add_user, sign_in_as):
    """Authelia CVE-2025-24806, Vault CVE-2025-6004: a lockout for each spelling is none."""
    add_user("alice")
    for name in ("alice", "ALICE", " alice", "Alice\t", "aLICE "):
        fail(lambda name=name: sign_in_as(name, "wrong"), 1)

    with pytest.raises(SignInLocked):
        sign_in_as("alice")


def test_the_right_password_after_the_lock_forgets_the_wrong_ones(add_user, sign_in_as, clock, engine):
    add_user("alice")
    fail(lambda: sign_in_as("alice", "wrong"), 5)
    clock.step(1)

    sign_in_as("alice")

    assert fail(lambda: sign_in_as("alice", "wrong"), 4) == [SignInFailed] * 4
    sign_in_as("alice")
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(SignInFailureRow)).scalar_one() == 0


def test_a_lock_from_one_network_leaves_others_in(add_user, sign_in_as):
    add_user("alice")
    fail(lambda: sign_in_as("alice", "wrong"), 5)

    assert sign_in_as("alice", browser=ELSEWHERE).secret


def test_guessing_from_many_networks_locks_the_name_for_all(add_user, sign_in_as):
    add_user("alice")
    for number in range(25):
        browser = Browser(f"203.0.113.{number}", "")
        assert fail(lambda browser=browser: sign_in_as("alice", "wrong", browser), 1) == [SignInFailed]

    with pytest.raises(SignInLocked) as refused:
        sign_in_as("alice", browser=ELSEWHERE)

    assert refused.value.retry_after_seconds == 1


def test_who_comes_from_no_address_that_is_known_is_nobody_s_neighbour(add_user, sign_in_as):
    """An empty address is not one network that everybody behind it shares: it counts as anywhere alone."""
    add_user("alice")
    unknown = Browser("", "")

    refusals = fail(lambda: sign_in_as("alice", "wrong", unknown), 24)

    assert set(refusals) == {SignInFailed}
    assert sign_in_as("alice", browser=unknown).secret
    fail(lambda: sign_in_as("alice", "wrong", unknown), 25)
    with pytest.raises(SignInLocked):
        sign_in_as("alice", browser=unknown)


def test_guesses_at_once_are_no_more_than_one_by_one(registrar, visitor, engine, add_user, entropy):
    add_user("alice")
    passwords = Passwords(entropy, Cost(1, 8, 1), most_at_once=8, wait_seconds=10)

    def guess(_):
        with Session(engine) as session:
            try:
                sign_in.sign_in(replace(visitor, session=session), passwords, "alice", "wrong", BROWSER)
            except (SignInFailed, SignInLocked) as refusal:
                return type(refusal)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(guess, range(24)))

    assert answers.count(SignInFailed) == 5
    assert answers.count(SignInLocked) == 19


def test_names_that_nobody_has_fill_no_table(visitor, passwords, monkeypatch, engine, clock):
    monkeypatch.setattr("issuer.registry.password_proof.MOST_COUNTS", 10)

    for number in range(30):
        clock.step(1)
        fail(lambda n=number: sign_in.sign_in(visitor, passwords, f"n{n}", "wrong", BROWSER), 1)

    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(SignInFailureRow)).scalar_one() <= 10


def test_who_finds_no_turn_is_refused_and_not_counted(visitor, add_user, entropy, engine):
    add_user("alice")
    passwords = Passwords(entropy, Cost(1, 8, 1), most_at_once=1, wait_seconds=0)

    with passwords.turn(), pytest.raises(PasswordsBusy):
        sign_in.sign_in(visitor, passwords, "alice", PASSWORD, BROWSER)

    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(SignInFailureRow)).scalar_one() == 0


def test_a_hash_of_another_cost_is_made_anew(visitor, add_user, entropy, engine):
    add_user("alice")
    costlier = Passwords(entropy, Cost(2, 16, 1))

    sign_in.sign_in(visitor, costlier, "alice", PASSWORD, BROWSER)

    with engine.connect() as connection:
        (stored,) = connection.execute(select(UserRow.password_hash)).scalars()
    assert "m=16,t=2,p=1" in stored
    assert sign_in.sign_in(visitor, costlier, "alice", PASSWORD, BROWSER).secret


@pytest.mark.parametrize("act", ["disable", "password"])
def test_who_is_shut_out_while_the_password_is_checked_stays_out(  # noqa: PLR0917 - all of it takes part
    registrar, visitor, passwords, add_user, sign_in_as, monkeypatch, act
):
    add_user("owner")
    add_user("alice", Role.ADMIN)
    real = Hasher.verify

    def verify_and_be_overtaken(self, stored, password):
        monkeypatch.setattr(Hasher, "verify", real)
        if act == "disable":
            users.disable_user(registrar, "alice")
        else:
            users.set_password(registrar, Passwords(registrar.entropy, Cost(1, 8, 1)), "alice", OTHER)
        return real(self, stored, password)

    monkeypatch.setattr(Hasher, "verify", verify_and_be_overtaken)

    with pytest.raises(SignInFailed):
        sign_in_as("alice")

    assert web_sessions.list_sessions(registrar) == ()


def test_what_a_browser_says_is_cut_and_harmless(add_user, sign_in_as):
    add_user("alice")

    opened = sign_in_as("alice", browser=Browser("2001:db8::1" * 20, "Evil\x00\r\n\x1b[31m" + "x" * 5000))

    session = opened.signed_in.session
    assert len(session.address) == 64
    assert session.user_agent.startswith("Evil????[31mx")
    assert len(session.user_agent) == 200


def test_step_up_lets_dangerous_acts_pass_for_five_minutes(
    registrar, visitor, passwords, add_user, sign_in_as, clock
):
    add_user("alice")
    opened = sign_in_as("alice")
    clock.step(STEP_UP_SECONDS)
    services.add_service(registrar, NewService("Shop", "team"))
    acting = replace(registrar, actor=opened.signed_in.actor("r"))
    with pytest.raises(StepUpRequired) as refused:
        services.remove_service(acting, "Shop")

    stepped_up = sign_in.step_up(acting, passwords, opened.signed_in, PASSWORD, BROWSER)

    assert (refused.value.status, refused.value.code) == (403, "step_up_required")
    services.remove_service(replace(registrar, actor=stepped_up.signed_in.actor("r")), "Shop")
    assert web_sessions.find_signed_in(visitor, stepped_up.secret) == stepped_up.signed_in


def test_step_up_changes_what_the_browser_holds(registrar, visitor, passwords, add_user, sign_in_as):
    """A new identifier at each gain of power: whoever planted or saw the old one has nothing."""
    add_user("alice")
    opened = sign_in_as("alice")
    acting = replace(registrar, actor=opened.signed_in.actor("r"))

    stepped_up = sign_in.step_up(acting, passwords, opened.signed_in, PASSWORD, BROWSER)

    assert stepped_up.signed_in.session.id == opened.signed_in.session.id
    assert web_sessions.find_signed_in(visitor, opened.secret) is None


def test_wrong_passwords_of_a_step_up_count_as_those_of_a_sign_in(
    registrar, passwords, add_user, sign_in_as, visitor
):
    """A stolen session is no way around the lockout."""
    add_user("alice")
    opened = sign_in_as("alice")
    acting = replace(registrar, actor=opened.signed_in.actor("r"))

    answers = fail(lambda: sign_in.step_up(acting, passwords, opened.signed_in, "wrong", BROWSER), 6)

    assert answers == [SignInFailed] * 5 + [SignInLocked]
    assert web_sessions.find_signed_in(visitor, opened.secret) is not None
    with pytest.raises(SignInLocked):
        sign_in_as("alice")


def test_ones_own_password_is_changed_and_other_sessions_end(  # noqa: PLR0917 - all of it takes part
    registrar, visitor, passwords, add_user, sign_in_as, last_event, clock
):
    add_user("alice")
    other, opened = sign_in_as("alice"), sign_in_as("alice")
    acting = replace(registrar, actor=opened.signed_in.actor("r"))
    clock.step(60)

    renewed = sign_in.change_own_password(acting, passwords, opened.signed_in, PASSWORD, OTHER, BROWSER)

    assert last_event().action == "user.password_changed"
    assert last_event().after == {"password_changed_at": clock.at}
    found = web_sessions.find_signed_in(visitor, renewed.secret)
    assert found.session.id == opened.signed_in.session.id
    assert found.user.password_changed_at == clock.at
    assert web_sessions.find_signed_in(visitor, other.secret) is None
    assert web_sessions.find_signed_in(visitor, opened.secret) is None
    fail(lambda: sign_in_as("alice"), 1)
    assert sign_in_as("alice", OTHER).secret


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (PASSWORD, PASSWORD, InvalidValue),
        (PASSWORD, "short", InvalidValue),
        (PASSWORD, "password-alice-1", InvalidValue),
        ("wrong", OTHER, SignInFailed),
    ],
)
def test_a_password_that_may_not_be_leaves_the_old_one(  # noqa: PLR0917 - all of it takes part
    registrar, passwords, add_user, sign_in_as, old, new, error
):
    add_user("alice")
    opened = sign_in_as("alice")
    acting = replace(registrar, actor=opened.signed_in.actor("r"))

    with pytest.raises(error):
        sign_in.change_own_password(acting, passwords, opened.signed_in, old, new, BROWSER)

    assert sign_in_as("alice").secret


def test_weak_new_passwords_lock_nobody_out(registrar, passwords, add_user, sign_in_as):
    """The old one was right each time; only wrong ones count."""
    add_user("alice")
    opened = sign_in_as("alice")
    acting = replace(registrar, actor=opened.signed_in.actor("r"))
    for _ in range(6):
        with pytest.raises(InvalidValue):
            sign_in.change_own_password(acting, passwords, opened.signed_in, PASSWORD, "weak", BROWSER)

    renewed = sign_in.change_own_password(acting, passwords, opened.signed_in, PASSWORD, OTHER, BROWSER)

    assert renewed.secret != opened.secret


def test_a_session_that_ended_meanwhile_is_not_stepped_up(registrar, passwords, add_user, sign_in_as):
    add_user("alice")
    opened = sign_in_as("alice")
    acting = replace(registrar, actor=opened.signed_in.actor("r"))
    web_sessions.end_session(registrar, opened.signed_in.session.id)

    with pytest.raises(SignInFailed):
        sign_in.step_up(acting, passwords, opened.signed_in, PASSWORD, BROWSER)


def test_nothing_about_a_sign_in_holds_the_password(add_user):
    assert PASSWORD not in repr(NewUser("a", Role.OWNER, PASSWORD))
    add_user("alice")

    with pytest.raises(Conflict) as refused:
        add_user("alice")

    assert PASSWORD not in repr(refused.value) + refused.value.detail
