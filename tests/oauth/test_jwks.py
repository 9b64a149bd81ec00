"""The JWKS: what services verify with, and nothing that signs (RFC 7517 §5)."""

import json

import pytest

from issuer.errors import MethodNotAllowed
from issuer.issuing.jwks_fetches import FetchNotes
from issuer.jose import sealing
from issuer.model.jwks_fetch import MAIN_DOCUMENT
from issuer.model.signing_key import KeyPurpose
from issuer.oauth.jwks import Jwks
from issuer.oauth.metadata import Metadata
from tests.oauth.world import FORM, MASTER_KEY, Answer, World, assert_headers, load_key

JWKS = "/.well-known/jwks.json"
NOW = 1_800_000_000
PUBLIC = {
    "RSA": {"kid", "use", "alg", "kty", "n", "e"},
    "EC": {"kid", "use", "alg", "kty", "crv", "x", "y"},
}
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def test_the_key_set_is_public_cacheable_and_open_to_every_origin(town: World):
    answer = town.send("GET", JWKS)

    assert answer.status == 200
    assert_headers(
        answer,
        {
            "Content-Type": "application/jwk-set+json",
            "Cache-Control": "public, max-age=300",
            "ETag": answer.headers["ETag"],
            "Access-Control-Allow-Origin": "*",
            "X-Content-Type-Options": "nosniff",
        },
    )


def test_each_key_has_exactly_its_public_members(town: World):
    """RFC 7517 §4, RFC 7518 §6.2.1, §6.3.1."""
    keys = town.send("GET", JWKS).json["keys"]

    assert [(key["alg"], key["kty"], key["use"]) for key in keys] == [
        ("RS256", "RSA", "sig"),
        ("ES256", "EC", "sig"),
    ]
    assert [set(key) for key in keys] == [PUBLIC["RSA"], PUBLIC["EC"]]


def test_no_private_member_and_no_symmetric_key_is_ever_published(town: World):
    text = town.send("GET", JWKS).body.decode()

    names = {name for key in json.loads(text)["keys"] for name in key}
    assert names.isdisjoint(PRIVATE)
    assert '"oct"' not in text
    assert "HS256" not in text


def test_the_private_numbers_of_the_keys_are_nowhere_in_the_document(town: World, loaded_keys):
    text = town.send("GET", JWKS).body.decode()

    for key in loaded_keys:
        private = sealing.open_key(key.stored, (MASTER_KEY,)).material.as_dict(private=True)
        assert PRIVATE & set(private)
        assert not any(private[name] in text for name in PRIVATE & set(private))


def test_the_kid_of_the_refresh_key_is_not_published(town: World, loaded_keys):
    published = {key["kid"] for key in town.send("GET", JWKS).json["keys"]}

    assert published == {key.stored.kid for key in loaded_keys if key.stored.purpose is KeyPurpose.TOKEN}


@pytest.mark.parametrize("spelling", ["{}", "W/{}", '"other", {}', '{}, W/"x"', "*", " {} "])
def test_who_has_the_document_gets_304(town: World, spelling: str):
    """RFC 9110 §13.1.2: a list, weak comparison."""
    etag = town.send("GET", JWKS).headers["ETag"]

    answer = town.send("GET", JWKS, headers={"If-None-Match": spelling.format(etag)})

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == etag
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert "Content-Length" not in answer.headers
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("spelling", ["", '"other"', "other", 'W/"x", "y"', "{}x"])
def test_who_has_another_document_gets_it_whole(town: World, spelling: str):
    whole = town.send("GET", JWKS)

    answer = town.send("GET", JWKS, headers={"If-None-Match": spelling.format(whole.headers["ETag"])})

    assert (answer.status, answer.body) == (200, whole.body)


def test_head_is_get_without_a_body(town: World):
    """RFC 9110 §9.3.2."""
    got, head = town.send("GET", JWKS), town.send("HEAD", JWKS)

    assert (head.status, head.body) == (200, b"")
    assert _but_request_id(head) == _but_request_id(got)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(town: World, method: str):
    answer = town.send(method, JWKS, data=b"x=1", content_type=FORM)

    assert answer.status == 405
    assert answer.json == {"error": "invalid_request", "error_description": MethodNotAllowed.sentence}
    assert answer.headers["Allow"] == "GET, HEAD"


def test_a_query_changes_nothing(town: World):
    """Verifiers add some against caches."""
    assert town.send("GET", JWKS + "?v=1").body == town.send("GET", JWKS).body


def test_the_document_is_the_same_bytes_until_a_key_changes(world: World, clock):
    first = world.send("GET", JWKS)
    clock.step(3600)
    world.look()

    later = world.send("GET", JWKS)

    assert (later.body, later.headers["ETag"]) == (first.body, first.headers["ETag"])


@pytest.fixture
def next_keys():
    """Give a key that will sign in 200 seconds, one that verifies for 100, and one that is of no use."""
    coming = load_key(KeyPurpose.TOKEN, "ES256", published_at=NOW, signs_from=NOW + 200)
    ending = load_key(KeyPurpose.TOKEN, "ES256", signs_until=NOW - 1, verify_until=NOW + 100)
    burnt = load_key(KeyPurpose.TOKEN, "ES256", compromised_at=NOW - 1, signs_until=NOW - 1)
    return coming, ending, burnt


@pytest.fixture
def rotating(world: World, loaded_keys, next_keys):
    """Give a world whose keyring holds those keys as well."""
    world.parts.keyring._set = type(world.parts.keyring._set).of((*loaded_keys, *next_keys))
    return world


def test_a_key_is_published_before_it_signs_and_newest_first(rotating: World, next_keys, clock):
    coming, ending = (key.stored.kid for key in next_keys[:2])

    first = rotating.send("GET", JWKS)
    clock.step(100)
    published = rotating.send("GET", JWKS)

    assert _kids(first)[0] == _kids(published)[0] == coming
    assert set(_kids(first)) - set(_kids(published)) == {ending}
    assert len(_kids(published)) == 3
    assert published.headers["ETag"]


def test_the_etag_changes_with_the_keys(rotating: World, clock):
    before = rotating.send("GET", JWKS).headers["ETag"]
    clock.step(100)

    answer = rotating.send("GET", JWKS, headers={"If-None-Match": before})

    assert answer.status == 200
    assert answer.headers["ETag"] != before


def test_a_compromised_key_is_not_published(rotating: World, next_keys):
    assert next_keys[2].stored.kid not in _kids(rotating.send("GET", JWKS))


def _kids(answer: Answer) -> list[str]:
    return [key["kid"] for key in answer.json["keys"]]


def _but_request_id(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}


class Published:
    """A keyring of which only the published keys are asked."""

    def __init__(self, alg: str) -> None:
        self.alg = alg

    def list_published(self, _now: int) -> list[dict[str, str]]:
        """Return one key."""
        return [{"kid": f"of {self.alg}", "alg": self.alg}]


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize(
    "made_by",
    [
        lambda keys, clock: Jwks(keys.list_published, clock),
        lambda keys, clock: Metadata("https://x.example", keys, clock),
    ],
    ids=["jwks", "metadata"],
)
def test_two_threads_that_see_different_keys_leave_no_mixture(clock, made_by, step: int):
    """The one that sees the new keys is overtaken at each of its writes by one that sees the old."""
    keys = Published("OLD")
    documents = made_by(keys, clock)
    writes = 0

    class Overtaken(type(documents)):
        def __setattr__(self, name: str, value: object) -> None:
            nonlocal writes
            writes += 1
            if writes == step:
                keys.alg = "OLD"
                self.find_document()
                keys.alg = "NEW"
            super().__setattr__(name, value)

    documents.__class__ = Overtaken
    keys.alg = "NEW"
    documents.find_document()

    assert b"NEW" in documents.find_document().body


def test_every_get_of_the_key_set_is_noted_and_nothing_else(open_world, monkeypatch):
    noted = []
    monkeypatch.setattr(FetchNotes, "note", lambda _self, *seen: noted.append(seen))
    world = open_world()

    etag = world.send("GET", JWKS, headers={"User-Agent": "one"}).headers["ETag"]
    again = world.send("GET", JWKS, headers={"User-Agent": "two", "If-None-Match": etag})
    world.send("HEAD", JWKS, headers={"User-Agent": "three"})
    world.send("POST", JWKS, headers={"User-Agent": "four"})
    world.send("GET", "/.well-known/openid-configuration", headers={"User-Agent": "five"})

    assert again.status == 304
    assert noted == [(MAIN_DOCUMENT, "one"), (MAIN_DOCUMENT, "two")]
