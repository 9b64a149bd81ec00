"""Web sessions: how long they live, who sees and ends them."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from issuer.errors import NotFound
from issuer.model.user import Role
from issuer.model.web_session import ABSOLUTE_SECONDS, IDLE_SECONDS
from issuer.registry import web_sessions


@pytest.fixture
def opened(add_user, sign_in_as):
    """Give a session of the owner alice."""
    add_user("alice")
    return sign_in_as("alice")


@pytest.fixture
def acting(registrar, opened):
    """Give the registrar of alice."""
    return replace(registrar, actor=opened.signed_in.actor("r"))


@pytest.fixture
def writes(engine):
    """Give the list of statements that write."""
    seen = []

    def watch(_connection, _cursor, statement, *_rest):
        if statement.startswith(("UPDATE", "INSERT", "DELETE")):
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", watch)
    return seen


@pytest.mark.parametrize(
    "secret", ["", "nonsense", "\ud800", "x" * 100_000, "' OR 1=1 --"], ids=lambda t: ascii(t)[:9]
)
def test_what_is_no_secret_finds_nobody(visitor, opened, secret):
    assert web_sessions.find_signed_in(visitor, secret) is None


def test_a_session_ends_when_it_is_idle(visitor, opened, clock):
    clock.step(IDLE_SECONDS - 1)
    assert web_sessions.find_signed_in(visitor, opened.secret) is not None

    clock.step(1)

    assert web_sessions.find_signed_in(visitor, opened.secret) is None


def test_a_used_session_lives_on_but_never_longer_than_twelve_hours(visitor, opened, clock):
    began = clock.at
    while clock.at - began < ABSOLUTE_SECONDS - 1200:
        clock.step(1200)
        web_sessions.note_seen(visitor, web_sessions.find_signed_in(visitor, opened.secret))
    clock.at = began + ABSOLUTE_SECONDS - 1
    assert web_sessions.find_signed_in(visitor, opened.secret) is not None

    clock.step(1)

    assert web_sessions.find_signed_in(visitor, opened.secret) is None


def test_use_is_written_at_most_once_a_minute(visitor, opened, clock, writes):
    for _ in range(59):
        clock.step(1)
        web_sessions.note_seen(visitor, web_sessions.find_signed_in(visitor, opened.secret))
    assert writes == []

    clock.step(1)
    for _ in range(2):
        web_sessions.note_seen(visitor, web_sessions.find_signed_in(visitor, opened.secret))

    assert len(writes) == 1


def test_looking_raises_no_version_of_the_registry(visitor, opened, clock, version):
    before = version()
    clock.step(60)

    web_sessions.note_seen(visitor, web_sessions.find_signed_in(visitor, opened.secret))

    assert version() == before


def test_a_use_does_not_wake_a_session_that_has_ended(registrar, visitor, opened, clock):
    found = web_sessions.find_signed_in(visitor, opened.secret)
    web_sessions.end_session(registrar, found.session.id)
    clock.step(60)

    web_sessions.note_seen(visitor, found)

    assert web_sessions.find_signed_in(visitor, opened.secret) is None


def test_signing_out_ends_this_session_only(acting, visitor, opened, sign_in_as, last_event):
    other = sign_in_as("alice")

    web_sessions.sign_out(acting, opened.signed_in)
    web_sessions.sign_out(acting, opened.signed_in)

    assert web_sessions.find_signed_in(visitor, opened.secret) is None
    assert web_sessions.find_signed_in(visitor, other.secret) is not None
    assert (last_event().action, last_event().after) == (
        "user.signed_out",
        {"session": opened.signed_in.session.id},
    )


def test_ones_own_sessions_are_listed_and_ended(acting, opened, sign_in_as, clock, add_user):
    add_user("bob", Role.AUDITOR)
    sign_in_as("bob")
    clock.step(1)
    second = sign_in_as("alice").signed_in.session

    listed = web_sessions.list_own_sessions(acting, opened.signed_in)
    web_sessions.end_own_session(acting, opened.signed_in, second.id)

    assert listed == (second, opened.signed_in.session)
    assert web_sessions.list_own_sessions(acting, opened.signed_in) == (opened.signed_in.session,)


def test_all_others_of_ones_own_are_ended_at_once(acting, visitor, opened, sign_in_as, add_user, last_event):
    add_user("bob")
    other, bobs = sign_in_as("alice"), sign_in_as("bob")

    ended = [web_sessions.end_other_sessions(acting, opened.signed_in) for _ in range(2)]

    found = [web_sessions.find_signed_in(visitor, each.secret) for each in (opened, other, bobs)]
    assert ended == [1, 0]
    assert [each is not None for each in found] == [True, False, True]
    assert (last_event().action, last_event().target) == ("user.sessions_ended", "alice")


def test_somebody_elses_session_is_not_ones_own_to_end(acting, visitor, opened, sign_in_as, add_user):
    add_user("bob", Role.AUDITOR)
    bobs = sign_in_as("bob")

    with pytest.raises(NotFound):
        web_sessions.end_own_session(acting, opened.signed_in, bobs.signed_in.session.id)

    assert web_sessions.find_signed_in(visitor, bobs.secret) is not None


def test_an_owner_sees_and_ends_everybodys(acting, visitor, opened, sign_in_as, add_user):
    add_user("bob", Role.AUDITOR)
    bobs = sign_in_as("bob")

    listed = web_sessions.list_sessions(acting)
    web_sessions.end_session(acting, bobs.signed_in.session.id)

    assert {(one.user.name, one.session.id) for one in listed} == {
        ("alice", opened.signed_in.session.id),
        ("bob", bobs.signed_in.session.id),
    }
    assert web_sessions.list_sessions(acting, "BOB") == ()
    assert web_sessions.find_signed_in(visitor, bobs.secret) is None


def test_what_has_expired_is_not_listed(acting, opened, clock):
    clock.step(IDLE_SECONDS)

    assert web_sessions.list_sessions(acting) == ()
