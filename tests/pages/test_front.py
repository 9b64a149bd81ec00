"""The console's front page: first steps that tick themselves off, numbers, what happened last."""

import re

import pytest

from issuer.model.user import Role
from issuer.registry import client_secrets, clients
from tests.oauth.world import World, watching_statements
from tests.pages.signed_in import Member, sign_in_as

ORDERS = "https://orders.example"


@pytest.fixture
def world(open_world) -> World:
    """Give a world."""
    return open_world()


@pytest.fixture
def owner(world: World) -> Member:
    """Give an owner."""
    return sign_in_as(world)


def find_steps(member: Member) -> list[bool]:
    """Return which of the first steps are done."""
    found = re.findall(r"<li[^>]*>\s*<span class=\"mark\".*?</li>", member.open("/admin").text, re.DOTALL)
    return [", done" in each for each in found]


def find_tiles(member: Member) -> list[str]:
    """Return the numbers."""
    page = member.open("/admin").text
    return re.findall(r'class="tile"[^>]*><span>[^<]+</span><strong>([^<]+)</strong>', page)


def test_of_an_empty_registry_every_step_is_left(owner: Member):
    assert find_steps(owner) == [False] * 5
    assert find_tiles(owner) == ["0"] * 6


def test_each_step_ticks_itself_off(world: World, owner: Member):
    world.add_service("Shop")
    seen = [find_steps(owner)]
    world.add_audience(ORDERS, "read")
    seen.append(find_steps(owner))
    robot = world.add_client("Robot")
    seen.append(find_steps(owner))
    world.permit(robot.client_id, ORDERS)
    seen.append(find_steps(owner))

    assert [sum(each) for each in seen] == [1, 2, 3, 4]
    assert find_tiles(owner)[:4] == ["1", "1", "1", "1"]


def test_the_number_of_refusals_leads_to_the_last_ones_of_all_clients(world: World, owner: Member):
    before = owner.open("/admin/refusals").text
    world.add_audience(ORDERS, "read")
    for name in ("Robot", "Buyer"):
        refused = world.ask(world.add_client(name), resource=ORDERS)
    world.parts.refusals.write_once()

    page = owner.open("/admin/refusals").text

    assert "Nothing was refused" in before
    assert 'href="/admin/refusals"' in owner.open("/admin").text
    assert page.index("Buyer") < page.index("Robot")
    assert refused.headers["X-Request-ID"] in page
    assert page.count(f"this client has no permission for &#39;{ORDERS}&#39;") == 2
    assert page.count(f"Asked for <code>{ORDERS}</code> with") == 2


def test_after_the_first_token_only_numbers_are_left(world: World, owner: Member):
    world.add_audience(ORDERS, "read")
    robot = world.add_client("Robot", ORDERS)
    world.look()
    assert world.ask(robot, resource=ORDERS).status == 200
    assert world.ask(robot, resource="https://unknown.example").status == 400
    world.parts.usage.write_once()

    page = owner.open("/admin").text

    assert "First steps" not in page
    assert find_tiles(owner) == ["1", "1", "1", "1", "1", "1"]


def test_the_last_changes_are_told_without_running_anything(world: World, owner: Member):
    world.add_service("<script>alert(1)</script>")

    page = owner.open("/admin").text

    assert "service.added" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_what_runs_out_is_told_without_running_anything(world: World, owner: Member, clock):
    for name in ("<script>alert(1)</script>", "Over"):
        client = world.add_client(name)
        days = 1 if name == "Over" else 9
        client_secrets.add_secret(world.registrar, client.client_id, "b", days)
        secrets = clients.find_client(world.registrar, client.client_id).secrets
        (first,) = [secret for secret in secrets if secret.expires_at is None]
        client_secrets.revoke_secret(world.registrar, client.client_id, first.id)
    assert "The last secret of &lt;script&gt;" in owner.open("/admin").text
    clock.step(25 * 3600)

    page = sign_in_as(world, name="later").open("/admin").text

    assert re.search(r"The last secret of Over ended <time[^>]*>1 hour ago</time>: it gets no token", page)
    assert "<script>alert" not in page


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR])
def test_every_role_sees_it(world: World, role: Role):
    assert sign_in_as(world, role).open("/admin").status_code == 200


def test_it_takes_few_statements(world: World, owner: Member):
    with watching_statements(world.parts.engine) as statements:
        owner.open("/admin")

    assert len(statements) < 15


def test_a_slash_behind_it_leads_to_it_whatever_host_is_named(owner: Member):
    answer = owner.open("/admin/", headers={"Host": "evil.example"})
    signed = owner.open("/admin/")

    assert answer.headers["Location"].startswith("/admin")
    assert (signed.status_code, signed.headers["Location"]) == (308, "/admin")


def test_nobody_else_sees_it(world: World):
    answer = world.send("GET", "/admin/", base_url="https://id.example")

    assert (answer.status, answer.headers["Location"]) == (303, "/admin/sign-in?next=%2Fadmin%2F")
