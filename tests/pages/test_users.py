"""Users: owners add and change them, auditors see them, and an owner is always left."""

import re
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from issuer.entropy import Entropy
from issuer.model.user import Role, User, UserState
from issuer.registry import users
from issuer.registry.users import UserChange
from tests.oauth.world import ISSUER, World
from tests.pages import signed_in
from tests.pages.signed_in import PASSWORD, Member, add_user, hash_cheaply, open_session, sign_in_as

USERS = "/admin/users"
NEW = "/admin/users/new"
BOB = "/admin/users/by-name/bob"
OTHER = "violet trombone on the marsh"
CHANGES = [
    (NEW, {"name": "carol", "role": "admin", "password": OTHER, "repeated": OTHER}),
    (f"{BOB}/edit", {"role": "auditor", "version": "1"}),
    (f"{BOB}/password", {"password": OTHER, "repeated": OTHER}),
    (f"{BOB}/disable", {}),
    (f"{BOB}/enable", {}),
    (f"{BOB}/remove", {}),
    (f"{BOB}/sign-out", {}),
    (f"{BOB}/sessions/1/end", {}),
]
EVERY_CHANGE = pytest.mark.parametrize(("path", "fields"), CHANGES, ids=[path for path, _ in CHANGES])


@pytest.fixture
def world(open_world) -> World:
    """Give a world in which passwords cost nothing to check, and made ones are random."""
    world = open_world(draws=Entropy())
    hash_cheaply(world.app)
    world.add_service("Shop")
    world.add_service("Depot")
    return world


@pytest.fixture
def owner(world: World) -> Member:
    """Give the owner alice, who has just given the password."""
    return sign_in_as(world, name="alice")


@pytest.fixture
def bob(world: World) -> Member:
    """Give the admin bob, signed in."""
    return sign_in_as(world, Role.ADMIN, name="bob")


@pytest.fixture
def find(world: World) -> Callable[[str], User]:
    """Give the function that finds a user."""
    return lambda name: users.find_user(world.registrar, name)


def is_signed_in(member: Member) -> bool:
    """Return whether a browser is still signed in."""
    return member.open("/admin/account").status_code == 200


def listed(answer: TestResponse) -> list[str]:
    """Return the names in a list, in order."""
    return re.findall(r'href="/admin/users/by-name/([^"]+)"', answer.text)


def try_password(world: World, name: str, password: str) -> int:
    """Return the status of an attempt to sign in: 303 for a right password."""
    page = world.http.open("/admin/sign-in", ISSUER).text
    data = {"csrf_token": signed_in.find_token(page), "name": name, "password": password}
    answer = world.http.open("/admin/sign-in", ISSUER, method="POST", data=data)
    world.http.delete_cookie("__Host-issuer_session", domain="id.example")
    return answer.status_code


class TestList:
    """The list of users."""

    @pytest.fixture(autouse=True)
    def many(self, world: World, owner: Member, clock) -> None:
        """Add users of every kind."""
        add_user(world, "Zoe", Role.AUDITOR, last_sign_in_at=clock.at - 60)
        add_user(world, "dan", Role.SERVICE_OWNER, ("Shop", "Depot"))
        add_user(world, "eve", Role.ADMIN, state=UserState.DISABLED)
        add_user(world, "rem", Role.ADMIN, state=UserState.REMOVED)

    def test_all_but_the_removed_are_shown_by_name(self, owner: Member):
        page = owner.open(USERS)

        assert listed(page) == ["alice", "dan", "eve", "Zoe"]
        assert "Depot, Shop" in page.text
        assert "4 users" in page.text
        assert "1 minute ago" in page.text

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("q=ZO", ["Zoe"]),
            ("q=depot", ["dan"]),
            ("state=removed", ["rem"]),
            ("state=disabled", ["eve"]),
            ("role=auditor", ["Zoe"]),
            ("sort=-name", ["Zoe", "eve", "dan", "alice"]),
            ("sort=-last_sign_in", ["Zoe", "eve", "dan", "alice"]),
            ("sort=role", ["eve", "Zoe", "alice", "dan"]),
            ("q=nobody", []),
        ],
    )
    def test_it_is_searched_filtered_and_sorted(self, owner: Member, query: str, names: list[str]):
        assert listed(owner.open(f"{USERS}?{query}")) == names

    @pytest.mark.parametrize(
        "query", ["sort=password_hash", "state=x", "role=root", "x=y", "q=a&q=b", "q=%00", "after=x"]
    )
    def test_what_no_link_of_ours_asks_is_refused(self, owner: Member, query: str):
        assert owner.open(f"{USERS}?{query}").status_code == 400

    def test_a_search_that_finds_nothing_is_shown_harmless(self, owner: Member):
        page = owner.open(USERS, query_string={"q": "<script>alert(1)</script>"}).text

        assert "No user like that" in page
        assert "<script>alert" not in page


class TestRoles:
    """Who may do what here."""

    @pytest.mark.parametrize("path", [USERS, BOB])
    @pytest.mark.parametrize(
        ("role", "status"),
        [(Role.OWNER, 200), (Role.AUDITOR, 200), (Role.ADMIN, 403), (Role.SERVICE_OWNER, 403)],
    )
    def test_owners_and_auditors_see_users(self, world: World, bob, path: str, role: Role, status: int):
        member = sign_in_as(world, role, ("Shop",) if role is Role.SERVICE_OWNER else (), "other")

        assert member.open(path).status_code == status

    @EVERY_CHANGE
    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMIN, Role.SERVICE_OWNER])
    def test_only_owners_change_them(self, world: World, bob, find, role: Role, path: str, fields: dict):
        member = sign_in_as(world, role, ("Shop",) if role is Role.SERVICE_OWNER else (), "other")
        before = find("bob"), len(users.list_users(world.registrar))

        answer = member.send(path, **fields)

        assert answer.status_code == 403
        assert (find("bob"), len(users.list_users(world.registrar))) == before
        assert is_signed_in(bob)

    @EVERY_CHANGE
    def test_nobody_who_has_not_signed_in_does(self, world: World, bob, find, path: str, fields: dict):
        page = world.http.open("/admin/sign-in", ISSUER).text
        data = {"csrf_token": signed_in.find_token(page), **fields}

        answer = world.http.open(path, ISSUER, method="POST", data=data)

        assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/sign-in")
        assert find("bob").state is UserState.ACTIVE

    @EVERY_CHANGE
    @pytest.mark.parametrize("token", [None, "forged"])
    def test_no_change_without_a_token_of_ours(self, owner, bob, find, path: str, fields: dict, token):
        data = fields if token is None else {"csrf_token": token, **fields}

        answer = owner.ask("POST", path, data=data)

        assert answer.status_code == 400
        assert (find("bob").state, find("bob").role) == (UserState.ACTIVE, Role.ADMIN)
        assert is_signed_in(bob)

    @EVERY_CHANGE
    def test_every_change_takes_the_password_once_more(self, world, bob, find, path: str, fields: dict):
        late = sign_in_as(world, name="late", is_stepped_up=False)
        headers = {"Referer": f"{ISSUER}{BOB}"}

        answer = late.send(path, headers, **fields)

        if fields and "password" not in fields:  # what was typed is kept, but for passwords
            assert answer.status_code == 403
            assert f'name="kept_action" value="{path}"' in answer.text
        else:
            assert answer.status_code == 303
            back = "/admin/step-up?next=%2Fadmin%2Fusers%2Fby-name%2Fbob&again=1"
            assert answer.headers["Location"] == back
        assert (find("bob").state, find("bob").role) == (UserState.ACTIVE, Role.ADMIN)

    @pytest.mark.parametrize("path", [NEW, f"{BOB}/edit", f"{BOB}/password"])
    def test_a_form_asks_for_it_before_anything_is_typed(self, world: World, bob, path: str):
        late = sign_in_as(world, name="late", is_stepped_up=False)

        answer = late.open(path)

        assert answer.headers["Location"] == f"/admin/step-up?next={path.replace('/', '%2F')}"

    @pytest.mark.parametrize("path", [USERS, BOB])
    def test_an_auditor_is_shown_no_button(self, world: World, bob, path: str):
        main = sign_in_as(world, Role.AUDITOR).open(path).text.partition("<main")[2]

        assert 'method="post"' not in main
        assert "/edit" not in main
        assert NEW not in main

    def test_the_rail_shows_users_to_those_who_may_see_them(self, world: World, owner: Member, bob: Member):
        assert '<a href="/admin/users"' in owner.open("/admin").text
        assert '<a href="/admin/users"' not in bob.open("/admin").text


class TestNew:
    """A new user."""

    def test_a_user_with_a_password_that_was_typed_may_sign_in(self, world: World, owner: Member, find):
        answer = owner.send(NEW, name=" Carol ", role="auditor", services="", password=OTHER, repeated=OTHER)

        assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/users/by-name/Carol")
        assert "Carol may sign in from now on." in owner.open(answer.headers["Location"]).text
        assert find("carol").role is Role.AUDITOR
        assert try_password(world, "carol", OTHER) == 303

    def test_a_password_is_made_and_shown_once(self, world: World, owner: Member):
        answer = owner.send(NEW, name="carol", role="admin")

        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        (made,) = re.findall(r'data-copy="([\w-]{43})"', answer.text)
        assert try_password(world, "carol", made) == 303
        assert made not in owner.open("/admin/users/by-name/carol").text

    def test_a_service_owner_has_the_services_named(self, owner: Member, find):
        owner.send(
            NEW,
            name="dan",
            role="service_owner",
            services=" Shop \r\n\r\nDepot\r\n",
            password=OTHER,
            repeated=OTHER,
        )

        assert find("dan").services == ("Depot", "Shop")

    def test_a_user_may_be_called_as_a_page_is(self, owner: Member):
        owner.send(NEW, name="new", role="admin", password=OTHER, repeated=OTHER)

        assert "<h1>new</h1>" in owner.open("/admin/users/by-name/new").text

    @pytest.mark.parametrize(
        ("fields", "field", "says"),
        [
            ({"name": "al ice"}, "name", "1 to 100 of the characters"),
            ({"name": "x" * 300}, "name", "1 to 100 of the characters"),
            ({"name": "\u202eecila"}, "name", "1 to 100 of the characters"),
            ({"name": "<script>alert(1)</script>"}, "name", "1 to 100 of the characters"),
            ({"name": ""}, "name", "Give the user a name."),
            ({"name": "ALICE"}, "name", "names are never given again"),
            ({"role": "root"}, "role", "Not a valid choice."),
            ({"role": "service_owner"}, "services", "at least one service"),
            ({"services": "Shop"}, "services", "every other role none"),
            ({"role": "service_owner", "services": "Shopp"}, "services", "No service Shopp is registered"),
            ({"role": "service_owner", "services": "This issuer"}, "services", "nobody owns it"),
            ({"password": "short", "repeated": "short"}, "password", "at least 12 characters"),
            ({"repeated": "something else"}, "repeated", "The two passwords differ."),
        ],
    )
    def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(
        self, world: World, owner: Member, fields: dict[str, str], field: str, says: str
    ):
        typed = {"name": "carol", "role": "admin", "services": "", "password": OTHER, "repeated": OTHER}

        answer = owner.send(NEW, **{**typed, **fields})

        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text
        assert says in answer.text
        assert OTHER not in answer.text
        assert "<script>alert" not in answer.text
        if "name" not in fields:
            assert 'value="carol"' in answer.text
        assert len(users.list_users(world.registrar)) == 1


class TestOne:
    """The page of a user."""

    def test_it_tells_what_is_known_of_the_user(self, world: World, owner: Member):
        add_user(world, "dan", Role.SERVICE_OWNER, ("Shop", "Depot"))

        page = owner.open("/admin/users/by-name/DAN")

        assert page.status_code == 200
        assert all(text in page.text for text in ("<h1>dan</h1>", "Service owner", "Depot, Shop", "never"))

    @pytest.mark.parametrize("name", ["nobody", "a%20b", "%00", "x" * 500, "<b>", "..", "%e2%80%aeb"])
    def test_who_is_not_there_is_not_found(self, owner: Member, name: str):
        answer = owner.open(f"/admin/users/by-name/{name}")

        assert answer.status_code == 404
        assert "<b>" not in answer.text

    def test_the_consequence_is_told_in_numbers(self, world: World, owner: Member, bob, find):
        open_session(world, find("bob"))

        assert "bob may no longer sign in. 2 browsers are signed out at once." in owner.open(BOB).text

    def test_a_role_is_changed_and_the_user_signed_out(self, owner: Member, bob: Member, find):
        answer = owner.send(f"{BOB}/edit", role="service_owner", services="Shop", version="1")

        assert (answer.status_code, answer.headers["Location"]) == (303, BOB)
        assert (find("bob").role, find("bob").services) == (Role.SERVICE_OWNER, ("Shop",))
        assert not is_signed_in(bob)

    def test_services_go_with_the_role_of_a_service_owner(self, world: World, owner: Member, find):
        add_user(world, "dan", Role.SERVICE_OWNER, ("Shop",))

        owner.send("/admin/users/by-name/dan/edit", role="auditor", services="Shop", version="1")

        assert (find("dan").role, find("dan").services) == (Role.AUDITOR, ())

    @pytest.mark.parametrize("version", ["0", "7", "", "x", None])
    def test_a_stale_edit_shows_both_versions_and_changes_nothing(
        self, world: World, owner: Member, bob, find, version: str | None
    ):
        fields = {} if version is None else {"version": version}

        answer = owner.send(f"{BOB}/edit", role="auditor", services="", **fields)

        assert answer.status_code == 409
        assert all(text in answer.text for text in ("Changed meanwhile", "Auditor", "Admin", f"{BOB}/edit"))
        assert find("bob").role is Role.ADMIN

    def test_who_is_faster_wins(self, world: World, owner: Member, bob, find):
        users.change_user(world.registrar, "bob", UserChange(role=Role.OWNER))

        answer = owner.send(f"{BOB}/edit", role="auditor", version="1")

        assert answer.status_code == 409
        assert find("bob").role is Role.OWNER

    @pytest.mark.parametrize(
        ("fields", "field", "says"),
        [
            ({"role": "service_owner"}, "services", "at least one service"),
            ({"role": "service_owner", "services": "Nowhere"}, "services", "No service Nowhere"),
            ({"role": "emperor"}, "role", "Not a valid choice."),
            ({}, "role", "Choose a role."),
        ],
    )
    def test_an_edit_that_is_refused_stands_at_its_field(self, owner, bob, find, fields, field, says):
        answer = owner.send(f"{BOB}/edit", version="1", **fields)

        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text
        assert says in answer.text
        assert find("bob").version == 1

    def test_another_password_signs_out_and_signs_in(self, world: World, owner: Member, bob: Member):
        answer = owner.send(f"{BOB}/password", password=OTHER, repeated=OTHER)

        assert (answer.status_code, answer.headers["Location"]) == (303, BOB)
        assert not is_signed_in(bob)
        assert [try_password(world, "bob", each) for each in (OTHER, PASSWORD)] == [303, 422]

    def test_another_password_is_made_and_shown_once(self, world: World, owner: Member, bob):
        answer = owner.send(f"{BOB}/password")

        (made,) = re.findall(r'data-copy="([\w-]{43})"', answer.text)
        assert try_password(world, "bob", made) == 303

    @pytest.mark.parametrize(
        ("password", "again", "says"),
        [
            ("short", "short", "at least 12"),
            (OTHER, "x", "differ"),
            ("bob bob bob bob", "bob bob bob bob", "guess"),
        ],
    )
    def test_a_password_that_is_refused_is_not_shown(self, owner, bob, password, again, says):
        answer = owner.send(f"{BOB}/password", password=password, repeated=again)

        assert answer.status_code == 422
        assert says in answer.text
        assert f'"{password}"' not in answer.text
        assert is_signed_in(bob)

    def test_a_user_is_disabled_and_enabled(self, world: World, owner: Member, bob: Member, find):
        owner.send(f"{BOB}/disable")
        disabled = find("bob").state, is_signed_in(bob), try_password(world, "bob", PASSWORD)
        page = owner.open(BOB).text

        answer = owner.send(f"{BOB}/enable")

        assert disabled == (UserState.DISABLED, False, 422)
        assert "bob is disabled" in page
        assert "Enable user" in page
        assert (answer.headers["Location"], find("bob").state) == (BOB, UserState.ACTIVE)

    def test_a_user_is_removed_for_good(self, owner: Member, bob: Member, find):
        answer = owner.send(f"{BOB}/remove")
        page = owner.open(BOB).text

        assert (answer.headers["Location"], find("bob").state) == (BOB, UserState.REMOVED)
        assert not is_signed_in(bob)
        assert 'method="post"' not in page.partition("<main")[2]
        assert owner.send(f"{BOB}/enable").status_code == 409
        assert owner.send(f"{BOB}/password").status_code == 422

    def test_sessions_are_ended_one_by_one_and_all(self, world: World, owner: Member, bob: Member, find):
        others = [open_session(world, find("bob")) for _ in range(2)]

        one = owner.send(f"{BOB}/sessions/{others[0].session_id}/end")
        after_one = [is_signed_in(each) for each in (bob, *others)]
        every = owner.send(f"{BOB}/sign-out")

        assert [each.headers["Location"] for each in (one, every)] == [BOB, BOB]
        assert after_one == [True, False, True]
        assert [is_signed_in(each) for each in (owner, bob, *others)] == [True, False, False, False]

    @pytest.mark.parametrize("session_id", ["999", "2147483648", "9" * 30, "-1", "x"])
    def test_a_session_that_is_not_there_is_not_found(self, owner: Member, bob, session_id: str):
        assert owner.send(f"{BOB}/sessions/{session_id}/end").status_code == 404


class TestLastOwner:
    """An owner is always left."""

    ALICE = "/admin/users/by-name/alice"

    def test_no_button_would_take_the_last_one_away(self, owner: Member):
        page = owner.open(self.ALICE).text

        assert "alice is the last active owner" in page
        assert f"{self.ALICE}/disable" not in page

    @pytest.mark.parametrize("how", ["disable", "remove"])
    def test_the_last_one_is_not_shut_out(self, owner: Member, find, how: str):
        answer = owner.send(f"{self.ALICE}/{how}")

        assert answer.status_code == 409
        assert "Nothing was changed: alice is the last active owner; make another one first." in answer.text
        assert find("alice").state is UserState.ACTIVE
        assert is_signed_in(owner)

    def test_the_last_one_keeps_the_role(self, owner: Member, find):
        answer = owner.send(f"{self.ALICE}/edit", role="admin", version="1")

        assert answer.status_code == 422
        assert 'id="role-error"' in answer.text
        assert "last active owner" in answer.text
        assert find("alice").role is Role.OWNER

    def test_with_another_one_it_may_be_taken_and_ends_the_own_session(self, world: World, owner: Member):
        sign_in_as(world, name="second")

        answer = owner.send(f"{self.ALICE}/disable")

        assert answer.status_code == 303
        assert not is_signed_in(owner)
