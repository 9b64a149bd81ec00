"""Hashes of passwords: argon2id at its full cost once, a cheap one else; and never many at once."""

import pytest

from issuer.entropy import Entropy
from issuer.errors import PasswordsBusy
from issuer.password_hashing import MOST_BYTES, STRONG, Cost, Passwords

CHEAP = Cost(1, 8, 1)
PASSWORD = "blue lamp under the quiet river"


@pytest.fixture
def passwords(entropy):
    """Give cheap passwords: one at a time, and no waiting."""
    return Passwords(entropy, CHEAP, most_at_once=1, wait_seconds=0)


def test_the_hash_says_argon2id_and_the_cost_of_rfc_9106(entropy):
    """RFC 9106 §4, second recommended option."""
    with Passwords(entropy).turn() as hasher:
        stored = hasher.hash(PASSWORD)

        assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        assert hasher.verify(stored, PASSWORD)


def test_only_the_password_itself_fits(passwords):
    with passwords.turn() as hasher:
        stored = hasher.hash(PASSWORD)

        assert hasher.verify(stored, PASSWORD)
        assert [
            text for text in (PASSWORD + " ", PASSWORD.upper(), "", "\x00") if hasher.verify(stored, text)
        ] == []


def test_two_hashes_of_one_password_differ(passwords):
    with passwords.turn() as hasher:
        assert hasher.hash(PASSWORD) != hasher.hash(PASSWORD)


def test_the_same_text_fits_however_it_is_composed(passwords):
    """NIST SP 800-63B §3.1.1.2: NFKC before hashing."""
    with passwords.turn() as hasher:
        assert hasher.verify(hasher.hash("cafe\u0301 au lait, encore"), "caf\u00e9 au lait, encore")


@pytest.mark.parametrize(
    "text", ["\ud800" * 12, "x" * (MOST_BYTES + 1), "x" * 100_000], ids=["lone", "1025", "long"]
)
def test_text_of_any_form_is_answered_no(passwords, text):
    with passwords.turn() as hasher:
        assert not hasher.verify(hasher.hash(PASSWORD), text)


@pytest.mark.parametrize("stored", [None, "", "nonsense", "$argon2id$v=19$m=8,t=1,p=1$AAAA"])
def test_what_is_no_hash_fits_nothing(passwords, stored):
    with passwords.turn() as hasher:
        assert not hasher.verify(stored, PASSWORD)


def test_nobody_and_somebody_cost_one_hash_each(entropy, monkeypatch):
    """One argon2 computation, of the same cost, whether there is such a user or not."""
    with Passwords(entropy, CHEAP).turn() as hasher:
        stored = hasher.hash(PASSWORD)
        made = []
        argon2 = hasher._argon2
        monkeypatch.setattr(
            hasher,
            "_argon2",
            type(
                "Counting",
                (),
                {
                    "hash": lambda _, *args, **kw: made.append("hash") or argon2.hash(*args, **kw),
                    "verify": lambda _, *args: made.append("verify") or argon2.verify(*args),
                },
            )(),
        )

        hasher.verify(None, "wrong")
        hasher.verify(stored, "wrong")
        hasher.verify(stored, "x" * 5000)

    assert made == ["hash", "verify", "hash"]


def test_a_hash_of_another_cost_is_outdated(passwords):
    with passwords.turn() as hasher:
        stored = hasher.hash(PASSWORD)

        assert not hasher.is_outdated(stored)
    with Passwords(Entropy(), STRONG).turn() as hasher:
        assert hasher.is_outdated(stored)


def test_who_finds_no_turn_is_refused_and_the_next_one_is_not(passwords):
    with passwords.turn(), pytest.raises(PasswordsBusy), passwords.turn():
        pass

    with passwords.turn() as hasher:
        assert hasher.hash(PASSWORD)


def test_a_turn_ends_with_a_fault(passwords):
    with pytest.raises(ZeroDivisionError), passwords.turn():
        1 / 0  # noqa: B018 - the fault

    with passwords.turn():
        pass
