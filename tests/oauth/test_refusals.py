"""The refusals of the token endpoint: constant words, and nothing in them that RFC 6749 §5.2 forbids."""

import re

import pytest

from issuer import errors
from tests.oauth.world import Credentials, World

# Code, status and words as clients and their operators meet them: changing one is a change of the API.
PUBLIC = {
    errors.InvalidRequest: (400, "invalid_request"),
    errors.MethodNotAllowed: (405, "invalid_request"),
    errors.RequestTooLarge: (413, "invalid_request"),
    errors.UnsupportedMediaType: (415, "invalid_request"),
    errors.InvalidClient: (401, "invalid_client"),
    errors.InvalidGrant: (400, "invalid_grant"),
    errors.UnauthorizedClient: (400, "unauthorized_client"),
    errors.ForeignToken: (400, "unauthorized_client"),
    errors.UnsupportedGrantType: (400, "unsupported_grant_type"),
    errors.InvalidScope: (400, "invalid_scope"),
    errors.InvalidTarget: (400, "invalid_target"),
    errors.TemporarilyUnavailable: (503, "temporarily_unavailable"),
    errors.TooManyRequests: (429, "rate_limited"),
    errors.RateLimited: (429, "rate_limited"),
    errors.TooManyFailures: (429, "too_many_failures"),
    errors.ServerError: (500, "server_error"),
}
EVERY = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.Refusal)
]

EVIL = "<xyzzy>'\"\\\N{SNOWMAN}%s{0}"


@pytest.mark.parametrize("refusal", PUBLIC, ids=lambda refusal: refusal.__name__)
def test_code_and_status_are_those_of_the_documents(refusal: type[errors.Refusal]):
    """RFC 6749 §5.2, RFC 8707 §2."""
    assert (refusal.status, refusal.code) == PUBLIC[refusal]


def test_the_table_above_is_whole():
    of_tokens = {refusal for refusal in EVERY if issubclass(refusal, errors.TokenRefusal)}

    assert of_tokens - {errors.TokenRefusal} == set(PUBLIC)


@pytest.mark.parametrize("refusal", EVERY, ids=lambda refusal: refusal.__name__)
def test_words_keep_to_the_characters_that_are_allowed(refusal: type[errors.Refusal]):
    """RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E. Authlib answers a double quote with a 500."""
    assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", refusal.sentence)
    assert re.fullmatch(r"[a-z_]+", refusal.code)


@pytest.mark.parametrize("refusal", EVERY, ids=lambda refusal: refusal.__name__)
def test_the_particulars_never_become_part_of_the_text(refusal: type[errors.Refusal]):
    """Texts of exceptions end up in logs and answers of whoever catches them."""
    is_for_later = issubclass(refusal, errors.TooManyRequests | errors.SignInLocked)
    more = {"retry_after_seconds": 1} if is_for_later else {}
    more |= {"mend": EVIL} if refusal is errors.Unreachable else {}
    more |= {"thing": EVIL, "url": EVIL} if refusal is errors.Closed else {}

    assert EVIL not in str(refusal(EVIL, **more))
    assert EVIL not in refusal.sentence


@pytest.mark.parametrize("name", ["grant_type", "client_id", "scope", "resource", "audience", "state"])
def test_nothing_that_was_sent_comes_back(town: World, resident: Credentials, name: str):
    """Reflected errors: Hydra CVE-2019-8400."""
    answer = town.ask(resident, **{"audience": "nowhere", name: EVIL})

    assert answer.status == 400
    assert b"xyzzy" not in answer.body
    assert "xyzzy" not in str(answer.headers)


def test_an_unsupported_grant_type_needs_no_client(town: World):
    """Authlib finds the grant before it asks who is there; either order tells nothing of a client."""
    answer = town.ask(grant_type="password")

    assert (answer.status, answer.json["error"]) == (400, "unsupported_grant_type")
