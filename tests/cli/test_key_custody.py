"""`issuer key`: sealing anew, public halves, keys made elsewhere, and who knows a key already."""

import base64
import json
import sqlite3
from contextlib import closing

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.jwk import ECKey

from tests.cli.conftest import START

FIRST, LATER = "2027-01-15T08:00:00Z", "2027-01-16T08:00:00Z"


def put_before(data_dir, text: str) -> str:
    """Put a master key before the one that was made; return the value for ISSUER_MASTER_KEY."""
    return f"{text},{(data_dir / 'master-key').read_text().strip()}"


NEW_MASTER = base64.urlsafe_b64encode(b"n" * 32).decode()


def test_rewrap_moves_every_key_and_tells_when_the_old_master_key_may_go(used, data_dir):
    env = {"ISSUER_MASTER_KEY": put_before(data_dir, NEW_MASTER)}

    ran = used("key", "rewrap", "--json", env=env)

    assert ran.status == 0
    assert [(each["place"], each["keys"]) for each in ran.document["master_keys"]] == [(1, 3), (2, 0)]
    assert len(ran.document["items"]) == 3
    assert ran.document["may_drop_others"] is True
    done, note = ran.err.splitlines()
    assert done == "3 keys were sealed anew under the first master key."
    assert "when every server has been started with the new list; backups made until now" in note
    alone = {"ISSUER_MASTER_KEY": NEW_MASTER}
    assert used("key", "rewrap", "--json", env=alone).document["items"] == []
    assert used("key", "rotate", "--alg", "ES256", env=alone).status == 0


def test_rewrap_can_be_rehearsed(used, data_dir):
    env = {"ISSUER_MASTER_KEY": put_before(data_dir, NEW_MASTER)}

    ran = used("key", "rewrap", "--dry-run", "--json", env=env)

    assert [(each["place"], each["keys"]) for each in ran.document["master_keys"]] == [(1, 0), (2, 3)]
    assert ran.document["may_drop_others"] is False
    assert ran.err.startswith("3 keys would be sealed anew under the first master key.")
    assert used("key", "rotate", "--alg", "ES256").status == 0


def test_rewrap_says_under_which_master_key_keys_are(used, data_dir):
    ran = used("key", "rewrap", env={"ISSUER_MASTER_KEY": put_before(data_dir, NEW_MASTER)})

    header, first, second = ran.out.splitlines()
    assert header.split() == ["master_key_id", "place", "keys"]
    assert (first.split()[1:], second.split()[1:]) == (["1", "3"], ["2", "0"])
    assert NEW_MASTER[:8] not in ran.out


def test_rewrap_without_the_old_master_key_is_refused(used):
    ran = used("key", "rewrap", "--json", env={"ISSUER_MASTER_KEY": NEW_MASTER})

    assert (ran.status, ran.document["error"]) == (1, "wrong_master_key")


def find_kid(used, alg: str) -> str:
    return next(key["kid"] for key in used("key", "list", "--json").document["items"] if key["alg"] == alg)


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_show_prints_the_public_half_in_both_forms(used, alg):
    kid = find_kid(used, alg)

    jwk = used("key", "show", kid).document
    pem = used("key", "show", kid, "--pem").out

    assert (jwk["kid"], jwk["alg"], jwk["use"]) == (kid, alg, "sig")
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & jwk.keys()
    assert pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert jwt.PyJWK(jwk).key.public_numbers() == load_pem_public_key(pem.encode()).public_numbers()
    both = used("key", "show", kid, "--json").document
    assert (both["public_jwk"], both["public_pem"], both["state"]) == (jwk, pem, "active")


def test_show_refuses_the_key_of_refresh_tokens(used):
    ran = used("key", "show", find_kid(used, "HS256"), "--json")

    assert (ran.status, ran.document["error"]) == (1, "invalid_value")


def test_show_of_an_unknown_kid_says_where_to_look(used):
    ran = used("key", "show", "nobody", "--json")

    assert (ran.status, ran.document["error"]) == (1, "not_found")
    assert "issuer key list" in ran.document["reason"]


MATERIAL = ECKey.generate_key("P-256")
KID, PEM = MATERIAL.thumbprint(), MATERIAL.as_pem(private=True).decode()


def test_import_takes_a_key_from_standard_input(used):
    ran = used("key", "import", "--json", typed=PEM)

    assert ran.status == 0
    assert (ran.document["kid"], ran.document["state"], ran.document["signs_from"]) == (KID, "pending", LATER)
    assert ran.err == "Remove the copy that you imported from.\n"
    assert used("key", "show", KID).status == 0


def test_import_takes_a_key_from_a_file_and_tells_what_breaks_at_once(used, tmp_path):
    path = tmp_path / "key.json"
    path.write_text(json.dumps(MATERIAL.as_dict(private=True)))

    ran = used("key", "import", str(path), "--now")

    assert ran.out.splitlines()[0] == f"ES256: {KID} is published, signs from {FIRST}."
    assert "ES256 signs at once: services that have cached the JWKS refuse its tokens" in ran.err


@pytest.mark.parametrize(
    ("text", "error"), [("no key", "invalid_value"), (PEM.replace("MIG", "!!!"), "invalid_value")]
)
def test_import_refuses_and_repeats_nothing_of_the_text(used, text, error):
    ran = used("key", "import", "--json", typed=text)

    assert (ran.status, ran.document["error"]) == (1, error)
    assert not [line for line in text.splitlines() if line in ran.out + ran.err and "-" not in line]
    assert len(used("key", "list", "--json").document["items"]) == 3


def test_readiness_says_until_when_a_key_waits(used, clock):
    kid = used("key", "rotate", "--alg", "ES256", "--json").document["items"][0]["kid"]

    item = next(each for each in used("key", "readiness", "--json").document["items"] if each["kid"] == kid)

    horizon = "2027-01-15T08:16:01Z"
    assert (item["is_safe"], item["wait_until"], item["horizon"]) == (False, horizon, horizon)
    text = used("key", "readiness").out
    assert f"ES256: {kid}\n  safe to sign: wait until {horizon}\n  Services may go on using" in text
    clock.step(961)
    assert f"ES256: {kid}\n  safe to sign: yes\n" in used("key", "readiness").out


def test_readiness_names_who_has_fetched(used, data_dir, clock):
    used("key", "rotate", "--alg", "ES256")
    for name, at in (("old/1", START - 60), ("jose/v6", START + 60)):
        row = (0, name, at, at, 3)
        with closing(sqlite3.connect(data_dir / "issuer.db")) as connection, connection:
            connection.execute("INSERT INTO jwks_fetch VALUES (?, ?, ?, ?, ?)", row)
    clock.step(961)

    text = used("key", "readiness").out

    assert "  safe to sign: wait until 2027-01-16T08:00:00Z\n" in text
    assert "  fetched since: jose/v6, last at 2027-01-15T08:01:00Z\n" in text
    assert "  fetched lately, not since: old/1, last at 2027-01-15T07:59:00Z" in text
