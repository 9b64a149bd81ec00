"""The set-up link: one owner comes of it, once, within the hour, whoever asks at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from issuer import setup_link_file
from issuer.errors import Conflict, InvalidValue, SetupLinkRefused
from issuer.model.user import Role, UserState
from issuer.password_hashing import Cost, Passwords
from issuer.registry import audit, setup, users
from issuer.registry.setup import FirstOwner
from issuer.store import db
from issuer.store.tables import SetupLinkRow, UserRow
from tests.registry.conftest import ISSUER_URL, PASSWORD


@pytest.fixture
def set_up(visitor, passwords, tmp_path):
    """Give the function that uses a link: code, name, password."""

    def run(code, name="alice", password=PASSWORD):
        return setup.set_up(visitor, passwords, FirstOwner(code, name, password), tmp_path)

    return run


def code_of(link):
    """Return what follows the # of a link."""
    return link.url.partition("#")[2]


def test_the_link_keeps_its_secret_behind_the_number_sign(registrar, clock, engine):
    """A browser sends no fragment: nothing of it in an access log or a Referer."""
    link = setup.make_link(registrar)

    assert link.url.startswith(f"{ISSUER_URL}/admin/setup#")
    assert len(code_of(link)) == 43
    assert link.expires_at == clock.at + 3600
    assert code_of(link) not in repr(link) + repr(audit.list_events(registrar))
    with engine.connect() as connection:
        (stored,) = connection.execute(select(SetupLinkRow.secret_hash)).scalars()
    assert len(bytes(stored)) == 32


@pytest.mark.parametrize("form", ["{0}", "https://issuer.example/auth/admin/setup#{0}", " {0}\n"])
def test_the_link_makes_the_first_owner_who_may_sign_in(registrar, set_up, sign_in_as, form, last_event):
    link = setup.make_link(registrar)
    assert setup.is_needed(registrar)

    owner = set_up(form.format(code_of(link)), "Alice")

    assert (owner.name, owner.role, owner.state) == ("Alice", Role.OWNER, UserState.ACTIVE)
    assert (last_event().action, last_event().actor.name) == ("user.set_up", "Alice")
    assert not setup.is_needed(registrar)
    assert sign_in_as("alice").secret


def test_a_link_is_used_once(registrar, set_up):
    link = setup.make_link(registrar)
    set_up(code_of(link))

    with pytest.raises(SetupLinkRefused):
        set_up(code_of(link), "mallory")

    assert [user.name for user in users.list_users(registrar)] == ["alice"]


def test_a_link_that_was_used_stays_used_when_its_owner_is_gone(registrar, set_up, engine):
    link = setup.make_link(registrar)
    set_up(code_of(link))
    with db.writing(engine) as connection:
        connection.execute(update(UserRow).values(state="removed"))

    with pytest.raises(SetupLinkRefused):
        set_up(code_of(link), "mallory")


def test_a_link_lives_an_hour(registrar, set_up, clock):
    link = setup.make_link(registrar)
    clock.step(3600)

    with pytest.raises(SetupLinkRefused):
        set_up(code_of(link))


def test_a_new_link_kills_the_one_before(registrar, set_up):
    old, new = setup.make_link(registrar), setup.make_link(registrar)

    with pytest.raises(SetupLinkRefused):
        set_up(code_of(old))
    assert set_up(code_of(new)).name == "alice"


def test_a_link_is_dead_once_there_is_an_owner(registrar, set_up, add_user):
    link = setup.make_link(registrar)
    add_user("owner")

    with pytest.raises(SetupLinkRefused):
        set_up(code_of(link))
    with pytest.raises(Conflict):
        setup.make_link(registrar)


def test_an_admin_is_no_owner(registrar, visitor, add_user):
    add_user("admin", Role.ADMIN)

    assert setup.is_needed(visitor)
    assert setup.make_link(registrar).url


@pytest.mark.parametrize(
    "code", ["", "nonsense", "#", "\ud800", "x" * 100_000, "é"], ids=lambda text: ascii(text)[:9]
)
def test_another_code_is_refused_in_one_way(registrar, set_up, code):
    setup.make_link(registrar)

    with pytest.raises(SetupLinkRefused) as refused:
        set_up(code)

    assert (refused.value.status, refused.value.code) == (404, "setup_link_refused")


def test_no_link_was_ever_made(set_up):
    with pytest.raises(SetupLinkRefused):
        set_up("")


@pytest.mark.parametrize(
    ("name", "password", "error"),
    [
        ("al ice", PASSWORD, InvalidValue),
        ("alice", "short", InvalidValue),
        ("taken", PASSWORD, Conflict),
    ],
)
def test_a_refused_name_or_password_leaves_the_link_good(registrar, set_up, add_user, name, password, error):
    add_user("taken", Role.ADMIN)
    link = setup.make_link(registrar)

    with pytest.raises(error):
        set_up(code_of(link), name, password)

    assert set_up(code_of(link)).name == "alice"


def test_of_many_who_come_at_once_one_is_owner(registrar, visitor, engine, entropy, tmp_path):
    link = setup.make_link(registrar)
    passwords = Passwords(entropy, Cost(1, 8, 1), most_at_once=8, wait_seconds=10)

    def use(number):
        with Session(engine) as session:
            wanted = FirstOwner(code_of(link), f"owner-{number}", PASSWORD)
            try:
                return setup.set_up(replace(visitor, session=session), passwords, wanted, tmp_path).name
            except SetupLinkRefused:
                return None

    with ThreadPoolExecutor(6) as pool:
        made = [name for name in pool.map(use, range(12)) if name]

    assert len(made) == 1
    assert [user.name for user in users.list_users(registrar)] == made


def test_the_file_goes_when_the_link_is_used(registrar, set_up, tmp_path, entropy):
    link = setup.make_link(registrar)
    path = setup_link_file.write(tmp_path, link.url, entropy)
    assert path.read_text() == link.url + "\n"
    assert path.stat().st_mode & 0o777 == 0o600

    set_up(code_of(link))

    assert list(tmp_path.glob("*setup*")) == []


def test_the_file_is_put_whole_into_the_place_of_the_old_one(tmp_path, entropy):
    (tmp_path / "setup-link").write_text("old")
    (tmp_path / "setup-link").chmod(0o644)

    path = setup_link_file.write(tmp_path, "new", entropy)

    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new\n", 0o600)
    assert [each.name for each in tmp_path.iterdir() if "setup" in each.name] == ["setup-link"]
