"""A step of a family and its end wait for each other: after a revocation's answer nothing is issued."""

import threading

import pytest

from issuer.errors import InvalidGrant
from issuer.issuing import refresh_token
from issuer.issuing.record import Context
from issuer.model.family import Presented
from tests.oauth.holders import REVOKE, begin, dump, holder, present, refresh, refresh_token_of
from tests.oauth.world import (
    ISSUER,
    ON_BOTH_DATABASES,
    Credentials,
    World,
    database_url,
    loaded_keys,
    open_world,
)

__all__ = ["database_url", "holder", "loaded_keys", "open_world"]


@pytest.fixture
def world(open_world) -> World:
    """Give a world that is entered through the front."""
    return open_world()


@pytest.fixture
def first(world: World, holder: Credentials) -> str:
    """Give a refresh token of the first generation."""
    return refresh_token_of(begin(world, holder))


def _read(world: World, token: str) -> Presented:
    return refresh_token.read(token, ISSUER, world.parts.keyring, world.parts.clock.now())


def _advancing(world: World, client: Credentials, token: str):
    record = world.parts.cache.find_record(client.client_id)
    now = world.parts.clock.now()
    return world.parts.rotation._families.advancing(
        _read(world, token), record.client, now, Context("request-1", "192.0.2.1")
    )


@ON_BOTH_DATABASES
@pytest.mark.parametrize("is_retry", [False, True], ids=["the next generation", "within the grace"])
def test_a_revocation_waits_for_the_step_that_is_under_way(world: World, holder, first: str, is_retry: bool):
    """Otherwise it would be answered, and a token issued after: its line is written within the step."""
    if is_retry:
        refresh(world, holder, first)
    answers: list[int] = []
    revoker = threading.Thread(target=lambda: answers.append(present(world, REVOKE, holder, first).status))

    with _advancing(world, holder, first) as step:
        assert step.family.generation == 2
        revoker.start()
        revoker.join(0.3)
        assert answers == []
    revoker.join()

    assert answers == [200]
    assert dump(world)["family"][0]["end_reason"] == "revoked"


@ON_BOTH_DATABASES
def test_a_step_whose_block_fails_has_not_happened(world: World, holder, first: str):
    before = dump(world)

    with pytest.raises(KeyError), _advancing(world, holder, first):
        raise KeyError

    assert dump(world) == before


@ON_BOTH_DATABASES
def test_a_reuse_never_enters_the_block_and_ends_the_family(world: World, holder, first: str, clock):
    refresh(world, holder, first)
    clock.step(20)

    with pytest.raises(InvalidGrant), _advancing(world, holder, first):
        pytest.fail("the block was entered")

    assert dump(world)["family"][0]["end_reason"] == "reused"
