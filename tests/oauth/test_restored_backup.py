"""A database of yesterday knows spent refresh tokens as good: an operator ends them before it serves."""

import pytest
from sqlalchemy import update

from issuer.errors import InvalidGrant, NotFound
from issuer.registry import audit, families
from issuer.store import db as database
from issuer.store.tables import FamilyRow
from tests.oauth.holders import (
    INACTIVE,
    INTROSPECT,
    ORDERS,
    add_holder,
    begin,
    dump,
    present,
    refresh,
    refresh_token_of,
)
from tests.oauth.world import ON_BOTH_DATABASES, Credentials, World, assert_refused


@pytest.fixture
def spent(world: World, holder: Credentials) -> str:
    """Give a refresh token that was spent after the backup which is the database now."""
    first = refresh_token_of(begin(world, holder))
    refresh(world, holder, first)
    with database.writing(world.parts.engine) as connection:
        connection.execute(update(FamilyRow).values(generation=1))
    return first


@ON_BOTH_DATABASES
def test_a_spent_token_is_not_revived(world: World, holder: Credentials, spent: str):
    assert families.end_families(world.registrar) == 1

    assert_refused(refresh(world, holder, spent), InvalidGrant)
    assert dump(world)["family"][0]["generation"] == 1


def test_the_client_starts_afresh(world: World, holder: Credentials, spent: str):
    families.end_families(world.registrar)

    fresh = refresh_token_of(begin(world, holder))

    assert refresh(world, holder, fresh).status == 200


def test_access_tokens_of_the_family_are_inactive(world: World, holder: Credentials):
    service = world.add_client("Shop API", service="Shop")
    token = begin(world, holder, resource=ORDERS).token
    world.look()

    families.end_families(world.registrar)

    assert present(world, INTROSPECT, service, token).body == INACTIVE


def test_the_families_of_one_client_end_and_no_others(world: World, holder: Credentials):
    other = add_holder(world, "Other")
    ended, kept = (refresh_token_of(begin(world, one)) for one in (holder, other))

    assert families.end_families(world.registrar, holder.client_id) == 1

    assert_refused(refresh(world, holder, ended), InvalidGrant)
    assert refresh(world, other, kept).status == 200


def test_it_is_audited_once(world: World, holder: Credentials, spent: str):
    families.end_families(world.registrar, holder.client_id)
    event = audit.list_events(world.registrar, limit=1)[0]

    assert families.end_families(world.registrar) == 0

    assert (event.action, event.target_kind, event.target) == ("families.ended", "client", holder.client_id)
    assert event.after == {"ended": 1}
    assert audit.list_events(world.registrar, limit=1)[0] == event


def test_an_unknown_client_is_not_found(world: World):
    with pytest.raises(NotFound):
        families.end_families(world.registrar, "nobody")
