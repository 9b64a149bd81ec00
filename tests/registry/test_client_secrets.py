import pytest

from issuer import hashing
from issuer.errors import Conflict, InvalidValue, NotFound
from issuer.registry import client_secrets, clients
from issuer.registry.clients import NewClient
from issuer.store.registry_version import Concern, ConcernKind

DAY = 24 * 3600


def test_a_secret_is_added_beside_the_first(registrar, robot, clock, last_event, version, concerns):
    before = version()
    clock.step(5)

    secret, text = client_secrets.add_secret(registrar, robot.client_id, "spring", 90)

    assert (secret.label, secret.created_at, secret.expires_at) == ("spring", clock.at, clock.at + 90 * DAY)
    assert secret.secret_hash == hashing.hash_secret(text)
    assert clients.find_client(registrar, robot.client_id).secrets == (*robot.secrets, secret)
    assert concerns(before) == {Concern(before + 1, ConcernKind.CLIENT, robot.key)}
    event = last_event()
    assert (event.action, event.target, event.before) == ("client.secret_added", robot.client_id, None)
    assert event.after == {
        secret.id: {"label": "spring", "expires_at": clock.at + 90 * DAY, "revoked_at": None}
    }


@pytest.mark.parametrize(
    "fields",
    [{"label": "l" * 101}, {"label": "a\x1b[2J"}, {"expires_in_days": 0}, {"expires_in_days": 3651}],
    ids=repr,
)
def test_a_label_or_an_end_that_cannot_be_is_refused(registrar, robot, fields):
    with pytest.raises(InvalidValue):
        client_secrets.add_secret(registrar, robot.client_id, **fields)


def test_a_client_has_at_most_ten_usable_secrets(registrar, robot, clock):
    for _ in range(9):
        client_secrets.add_secret(registrar, robot.client_id, "", 1)

    with pytest.raises(Conflict):
        client_secrets.add_secret(registrar, robot.client_id)

    clock.step(DAY)
    client_secrets.add_secret(registrar, robot.client_id)


def test_a_revoked_secret_makes_room_and_is_useless(registrar, robot, clock, last_event):
    clock.step(5)

    revoked = client_secrets.revoke_secret(registrar, robot.client_id, robot.secrets[0].id)

    assert (revoked.revoked_at, revoked.is_usable(clock.at)) == (clock.at, False)
    assert clients.find_client(registrar, robot.client_id).secrets == (revoked,)
    event = last_event()
    assert event.action == "client.secret_revoked"
    assert event.before[revoked.id]["revoked_at"] is None
    assert event.after[revoked.id]["revoked_at"] == clock.at


def test_revoking_twice_is_once(registrar, robot, clock, version):
    first = client_secrets.revoke_secret(registrar, robot.client_id, robot.secrets[0].id)
    raised = version()
    clock.step(5)

    assert client_secrets.revoke_secret(registrar, robot.client_id, robot.secrets[0].id) == first
    assert version() == raised


def test_a_secret_of_another_client_is_not_found(registrar, robot):
    other, _ = clients.add_client(registrar, NewClient("Other"))

    with pytest.raises(NotFound):
        client_secrets.revoke_secret(registrar, robot.client_id, other.secrets[0].id)


@pytest.mark.parametrize(
    "act", [client_secrets.add_secret, client_secrets.revoke_secret], ids=["add", "revoke"]
)
def test_an_unknown_client_is_not_found(registrar, act):
    with pytest.raises(NotFound):
        act(registrar, "nobody", "x")


def test_an_id_that_is_taken_is_drawn_again(registrar, robot, entropy, monkeypatch):
    drawn = iter([robot.secrets[0].id, "fresh"])
    monkeypatch.setattr(entropy, "suffix", lambda: next(drawn))

    secret, _ = client_secrets.add_secret(registrar, robot.client_id)

    assert secret.id == "fresh"
