"""Lists: every row once, in the order asked for, on whatever pages; nothing that the query does not know."""

from dataclasses import replace
from functools import partial

import pytest

from issuer.errors import InvalidValue, NotFound
from issuer.model.audience import TokenTyp
from issuer.model.client import GrantType
from issuer.model.listing import ListQuery
from issuer.policy.lifetimes import Lifetimes
from issuer.registry import audiences, client_secrets, clients, permissions, services
from issuer.registry.audiences import AudienceChange
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.listings import audiences as audience_lists
from issuer.registry.listings import audit as audit_lists
from issuer.registry.listings import clients as client_lists
from issuer.registry.listings import families as family_lists
from issuer.registry.listings import permissions as permission_lists
from issuer.registry.listings import services as service_lists
from issuer.registry.services import NewService
from tests.conftest import START
from tests.oauth.world import watching_statements

HOUR = START - START % 3600
DAY = 24 * 3600
BOUNDS = Lifetimes(900, DAY)


def _name(row):
    return row.service.name


def _identifier(row):
    return row.audience.identifier


def _client_name(row):
    return row.client.name


def _walk(find, query):
    """Return all rows, page by page."""
    rows = []
    while True:
        page = find(query)
        assert len(page.rows) <= query.size
        rows += page.rows
        if not page.next_cursor:
            return rows
        query = replace(query, cursor=page.next_cursor)


def test_services_come_by_name_whatever_the_case(town):
    page = service_lists.list_services(town, ListQuery())

    assert [_name(row) for row in page.rows] == ["bank", "Shop", "This issuer", "Zoo"]
    assert (page.sort, page.is_descending, page.next_cursor) == ("name", False, "")
    assert (page.total, page.is_total_exact) == (4, True)


def test_services_tell_how_many_audiences_and_clients_they_have(town):
    clients.add_client(town, NewClient("Speaker", service="Zoo"))
    gone, _ = clients.add_client(town, NewClient("Former", service="Zoo"))
    clients.disable_client(town, gone.client_id)

    rows = {_name(row): row for row in service_lists.list_services(town, ListQuery()).rows}

    assert (rows["Zoo"].audiences, rows["Zoo"].clients) == (3, 2)
    assert (rows["Shop"].audiences, rows["Shop"].clients) == (1, 0)
    assert rows["Shop"].service.trust_group == "retail"


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("sort", ["name", "owner", "state", "created", "audiences", "clients"])
def test_pages_of_services_hold_each_once_in_order(town, sort, is_descending, size):
    query = ListQuery(sort=sort, is_descending=is_descending, size=size)

    rows = _walk(partial(service_lists.list_services, town), query)

    whole = list(service_lists.list_services(town, replace(query, size=100)).rows)
    assert rows == whole
    assert sorted(_name(row) for row in rows) == ["Shop", "This issuer", "Zoo", "bank"]


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize(
    "sort", ["identifier", "service", "owner", "state", "created", "clients", "tokens", "last_used"]
)
def test_pages_of_audiences_hold_each_once_in_order(town, ids, sort, is_descending, size):
    query = ListQuery(sort=sort, is_descending=is_descending, size=size)

    rows = _walk(lambda each: audience_lists.list_audiences(town, each, BOUNDS), query)

    whole = audience_lists.list_audiences(town, replace(query, size=100), BOUNDS)
    assert rows == list(whole.rows)
    assert len({_identifier(row) for row in rows}) == len(rows) == whole.total == 8


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize(
    "sort", ["name", "client_id", "type", "state", "created", "audiences", "tokens", "last_used"]
)
def test_pages_of_clients_hold_each_once_in_order(town, ids, sort, is_descending, size):
    query = ListQuery(sort=sort, is_descending=is_descending, size=size)

    rows = _walk(partial(client_lists.list_clients, town), query)

    whole = client_lists.list_clients(town, replace(query, size=100))
    assert rows == list(whole.rows)
    assert {_client_name(row) for row in rows} == set(ids)


def test_a_row_that_comes_meanwhile_moves_no_other_to_the_next_page(town):
    first = service_lists.list_services(town, ListQuery(size=2))
    services.add_service(town, NewService("Aardvark", "zoo"))

    second = service_lists.list_services(town, ListQuery(size=2, cursor=first.next_cursor))

    assert [_name(row) for row in second.rows] == ["This issuer", "Zoo"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ORDERS", ["https://orders.example/"]),
        ("//orders", ["https://orders.example/"]),
        ("billing", ["https://Billing.example/"]),
        ("a_b", ["a_b"]),
        ("50%", ["urn:x:50%25"]),
        ("%", ["urn:x:50%25"]),
        ("\\", []),
        ("team-bank", ["https://Billing.example/"]),
        ("about <a", ["a-b", "a_b"]),
        ("zoo", ["a-b", "a_b", "urn:x:50%25"]),
        ("nothing' OR 1=1", []),
        ("gone", []),
    ],
)
def test_a_search_finds_a_part_in_any_case_and_takes_no_wildcard(town, search, found):
    page = audience_lists.list_audiences(town, ListQuery(search), BOUNDS)

    assert [_identifier(row) for row in page.rows] == found
    assert page.total == len(found)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"state": "removed"}, ["gone"]),
        ({"state": "active", "service": "Zoo"}, ["a-b", "a_b", "urn:x:50%25"]),
        ({"state": "all", "service": "Zoo"}, ["a-b", "a_b", "gone", "urn:x:50%25"]),
        ({"service": "zoo"}, []),
        ({"owner": "team-shop"}, ["https://orders.example/"]),
        ({"owner": "", "service": "Shop"}, ["https://orders.example/"]),
        ({"typ": "JWT"}, ["a_b"]),
        ({"signing_alg": "ES256"}, []),
        ({"service": "This issuer"}, ["access", "refresh", "urn:issuer:api:v1"]),
        ({"reserved": "no", "service": "This issuer"}, []),
    ],
)
def test_filters_of_audiences(town, filters, found):
    audiences.change_audience(town, "a_b", AudienceChange(typ=TokenTyp.JWT))

    page = audience_lists.list_audiences(town, ListQuery(filters=filters), BOUNDS)

    assert [_identifier(row) for row in page.rows] == found


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"grant_type": "refresh_token"}, ["ant"]),
        ({"grant_type": "client_credentials"}, ["ant", "Bee", "Robot"]),
        ({"type": "service", "state": "disabled"}, ["Bee"]),
        ({"state": "all"}, ["ant", "Bee", "cat", "Robot"]),
        ({"service": "Shop"}, ["Robot"]),
        ({"tenant_id": "t1"}, ["ant"]),
        ({"auth_method": "client_secret_post"}, []),
    ],
)
def test_filters_of_clients(town, ids, filters, found):
    clients.change_client(
        town,
        ids["ant"],
        ClientChange(grant_types=frozenset(GrantType), tenant_id="t1"),
    )
    clients.change_client(town, ids["Robot"], ClientChange(service="Shop"))
    clients.disable_client(town, ids["Bee"])
    clients.remove_client(town, ids["cat"])

    page = client_lists.list_clients(town, ListQuery(filters=filters))

    assert [_client_name(row) for row in page.rows] == found


def _find_services(registrar, query):
    return service_lists.list_services(registrar, query)


def _find_audiences(registrar, query):
    return audience_lists.list_audiences(registrar, query, BOUNDS)


def _find_clients(registrar, query):
    return client_lists.list_clients(registrar, query)


def _find_events(registrar, query):
    return audit_lists.list_events(registrar, query)


def _find_on_audience(registrar, query):
    return permission_lists.list_on_audience(registrar, "a_b", query, BOUNDS)


LISTS = pytest.mark.parametrize(
    "find", [_find_services, _find_audiences, _find_clients, _find_events, _find_on_audience]
)


@LISTS
@pytest.mark.parametrize(
    "query",
    [
        ListQuery(sort="id; DROP TABLE client"),
        ListQuery(sort="secret_hash"),
        ListQuery(filters={"nothing": "x"}),
        ListQuery(filters={"state": "none", "actor_kind": "none"}),
        ListQuery(search="a\0b"),
        ListQuery(search="\ud800"),
        ListQuery(search="x" * 256),
        ListQuery(cursor="x"),
        ListQuery(cursor="W10"),
        ListQuery(size=0),
        ListQuery(size=101),
        ListQuery(size=-1),
    ],
    ids=repr,
)
def test_what_a_list_does_not_know_is_refused(town, find, query):
    with pytest.raises(InvalidValue):
        find(town, query)


def test_a_cursor_of_another_list_is_refused(town, ids):
    cursor = service_lists.list_services(town, ListQuery(sort="created", size=1)).next_cursor

    with pytest.raises(InvalidValue):
        audience_lists.list_audiences(town, ListQuery(sort="created", size=1, cursor=cursor), BOUNDS)


def test_who_may_call_an_audience_and_what_a_client_may_call_are_lists_of_their_own(town, ids):
    query = ListQuery(size=1)
    cursor = permission_lists.list_on_audience(town, "a_b", query, BOUNDS).next_cursor

    with pytest.raises(InvalidValue):
        permission_lists.list_on_audience(town, "a-b", replace(query, cursor=cursor), BOUNDS)
    with pytest.raises(InvalidValue):
        permission_lists.list_of_client(town, ids["Robot"], replace(query, cursor=cursor), BOUNDS)


def test_rows_tell_the_tokens_of_24_hours_and_the_last_one(town, ids, count):
    count(ids["Robot"], "a_b", 0, 3)
    count(ids["ant"], "a_b", 10, 4)
    count(ids["Robot"], "a_b", 23 * 3600, 5)
    count(ids["Robot"], "a_b", 25 * 3600, 100)
    count(ids["Robot"], "https://orders.example/", 40 * DAY, 9)
    count(ids["Bee"], "a_b", 0, 50, outcome="invalid_target")

    by_identifier = {_identifier(row): row for row in _find_audiences(town, ListQuery()).rows}
    by_name = {_client_name(row): row for row in _find_clients(town, ListQuery()).rows}

    used = by_identifier["a_b"]
    assert used.use.hourly == (5, *[0] * 21, 4, 3)
    assert (used.use.total, used.use.last_at, used.clients) == (12, START, 2)
    assert by_identifier["https://orders.example/"].use.last_at == START - 40 * DAY
    assert by_identifier["https://orders.example/"].use.total == 0
    assert by_identifier["a-b"].use.last_at is None
    assert (by_name["Robot"].use.total, by_name["Robot"].audiences) == (8, 2)
    assert (by_name["Bee"].use.total, by_name["Bee"].use.last_at) == (0, None)


def test_audiences_sorted_by_tokens_begin_with_the_busiest(town, ids, count):
    count(ids["Robot"], "a_b", 0, 3)
    count(ids["Robot"], "https://orders.example/", 3600, 30)
    count(ids["Robot"], "a_b", 40 * DAY, 300)
    query = ListQuery(sort="tokens", is_descending=True, size=2)

    rows = _find_audiences(town, query).rows

    assert [(_identifier(row), row.use.total) for row in rows] == [
        ("https://orders.example/", 30),
        ("a_b", 3),
    ]


def test_only_active_clients_that_may_ask_are_counted(town, ids):
    clients.disable_client(town, ids["ant"])
    permissions.revoke_permission(town, ids["Robot"], "https://orders.example/")

    rows = {_identifier(row): row.clients for row in _find_audiences(town, ListQuery()).rows}

    assert (rows["a_b"], rows["https://orders.example/"]) == (1, 0)


def test_only_audiences_for_which_tokens_are_issued_are_counted(town, ids):
    audiences.disable_audience(town, "a_b")

    rows = {_client_name(row): row.audiences for row in _find_clients(town, ListQuery()).rows}

    assert (rows["Robot"], rows["ant"]) == (1, 0)


def test_an_audience_tells_how_long_its_tokens_live_and_who_says_so(town):
    audiences.change_audience(town, "a_b", AudienceChange(access_token_seconds=120))

    rows = {_identifier(row): row.lifetime for row in _find_audiences(town, ListQuery()).rows}

    assert (rows["a_b"].seconds, rows["a_b"].origin) == (120, "audience")
    assert (rows["a-b"].seconds, rows["a-b"].origin) == (900, "server default")


def test_a_client_tells_its_usable_secrets_and_the_first_end(town, ids, clock):
    client_secrets.add_secret(town, ids["Bee"], "short", 3)
    client_secrets.add_secret(town, ids["Bee"], "shorter", 1)
    client_secrets.add_secret(town, ids["Bee"], "long", 30)
    clock.step(2 * DAY)

    rows = {_client_name(row): row for row in _find_clients(town, ListQuery()).rows}

    assert (rows["Bee"].usable_secrets, rows["Bee"].expires_at) == (3, START + 3 * DAY)
    assert (rows["ant"].usable_secrets, rows["ant"].expires_at) == (1, None)


def test_who_can_call_an_audience(town, ids, count):
    clients.change_client(town, ids["ant"], ClientChange(access_token_max_seconds=60))
    count(ids["ant"], "a_b", 50, 1)

    page = permission_lists.list_on_audience(town, "a_b", ListQuery(), BOUNDS)

    ant, robot = page.rows
    assert (ant.client_name, ant.client_id, ant.client_state) == ("ant", ids["ant"], "active")
    assert (ant.permission.scopes, ant.permission.default_scopes) == ({"read", "write"}, {"read"})
    assert (ant.lifetime.seconds, ant.lifetime.origin) == (60, "client cap")
    assert (ant.granted_at, ant.last_used_at) == (START, START - 50)
    assert (robot.lifetime.seconds, robot.lifetime.origin) == (900, "server default")
    assert robot.last_used_at is None
    assert robot.permission.audience.identifier == "a_b"


@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("sort", ["name", "client_id", "granted", "last_used"])
def test_pages_of_who_can_call_hold_each_once(town, ids, count, sort, is_descending):
    count(ids["ant"], "a_b", 50, 1)
    query = ListQuery(sort=sort, is_descending=is_descending, size=1)

    rows = _walk(partial(_find_on_audience, town), query)

    assert rows == list(_find_on_audience(town, replace(query, size=100)).rows)
    assert {row.client_name for row in rows} == {"ant", "Robot"}


@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("sort", ["identifier", "service", "granted", "last_used"])
def test_pages_of_what_a_client_can_call_hold_each_once(town, ids, sort, is_descending):
    query = ListQuery(sort=sort, is_descending=is_descending, size=1)

    rows = _walk(lambda each: permission_lists.list_of_client(town, ids["Robot"], each, BOUNDS), query)

    found = {row.permission.audience.identifier for row in rows}
    assert len(rows) == 2
    assert found == {"a_b", "https://orders.example/"}


def test_a_revoked_permission_is_in_no_list(town, ids):
    permissions.revoke_permission(town, ids["Robot"], "a_b")

    on = permission_lists.list_on_audience(town, "a_b", ListQuery(), BOUNDS).rows
    of = permission_lists.list_of_client(town, ids["Robot"], ListQuery("orders"), BOUNDS).rows

    assert [row.client_name for row in on] == ["ant"]
    assert [row.permission.audience.identifier for row in of] == ["https://orders.example/"]


def test_lists_of_what_is_not_registered_are_not_found(town):
    with pytest.raises(NotFound):
        permission_lists.list_on_audience(town, "nothing", ListQuery(), BOUNDS)
    with pytest.raises(NotFound):
        permission_lists.list_of_client(town, "nobody", ListQuery(), BOUNDS)
    with pytest.raises(NotFound):
        family_lists.list_families(town, "nobody", ListQuery())


def test_families_of_a_client_come_newest_first_with_their_state(town, ids, grow):
    grow(ids["Robot"], "live", 10)
    grow(ids["Robot"], "idle", 2 * DAY)
    grow(ids["Robot"], "ended", 20, is_ended=True)
    grow(ids["ant"], "other", 5)

    def find(**filters):
        page = family_lists.list_families(town, ids["Robot"], ListQuery(filters=filters))
        return [row.family.id for row in page.rows]

    assert find() == ["live", "ended", "idle"]
    assert (find(state="live"), find(state="ended"), find(state="expired")) == (["live"], ["ended"], ["idle"])
    with pytest.raises(InvalidValue):
        find(state="dead")


def test_pages_of_families_hold_each_once(town, ids, grow):
    for number in range(5):
        grow(ids["Robot"], f"f{number}", number // 2)

    rows = _walk(partial(family_lists.list_families, town, ids["Robot"]), ListQuery(size=2))

    assert [row.family.id for row in rows] == ["f1", "f0", "f3", "f2", "f4"]
    assert rows[0].rotated_from == "192.0.2.7"


def test_events_come_newest_first_and_are_filtered(town, ids):
    def find(search="", **filters):
        page = audit_lists.list_events(town, ListQuery(search, filters))
        return [(event.action, event.target) for event in page.rows]

    assert find()[0] == ("permission.granted", ids["ant"])
    assert find(action="audience.removed") == [("audience.removed", "gone")]
    assert find(target="gone") == [("audience.removed", "gone"), ("audience.added", "gone")]
    assert find("GONE", target_kind="audience", actor="alice", actor_kind="terminal") == find(target="gone")
    assert find(since=str(START + 1)) == []
    assert find(until=str(START)) == []
    assert len(find(request_id="request-1", since=str(START), until=str(START + 1))) == len(find())
    for sent in ("x", "-1", "1.5", "9" * 13, "\u0661"):
        with pytest.raises(InvalidValue):
            find(since=sent)


def test_pages_of_events_hold_each_once(town, ids):
    rows = _walk(partial(audit_lists.list_events, town), ListQuery(size=3))

    numbers = [event.id for event in rows]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == audit_lists.list_events(town, ListQuery()).total


def test_a_stream_holds_all_rows_of_any_number_of_batches(town, ids, monkeypatch):
    monkeypatch.setattr("issuer.registry.listings.page_size.BATCH_ROWS", 2)

    assert list(audit_lists.stream_events(town, ListQuery())) == list(
        audit_lists.list_events(town, ListQuery(size=100)).rows
    )
    assert len(list(service_lists.stream_services(town, ListQuery()))) == 4
    assert len(list(audience_lists.stream_audiences(town, ListQuery(), BOUNDS))) == 8
    assert len(list(client_lists.stream_clients(town, ListQuery()))) == 4
    assert len(list(permission_lists.stream_on_audience(town, "a_b", ListQuery(), BOUNDS))) == 2
    assert len(list(permission_lists.stream_of_client(town, ids["Robot"], ListQuery(), BOUNDS))) == 2


@LISTS
@pytest.mark.parametrize("search", ["", "no such thing"])
def test_a_list_takes_few_statements(town, ids, engine, find, search):
    with watching_statements(engine) as statements:
        find(town, ListQuery(search))

    assert len([one for one in statements if not one.startswith("BEGIN")]) <= 9
