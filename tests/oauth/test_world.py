"""The means of these tests fail where they must: otherwise the tests that use them say nothing."""

import pytest
from werkzeug.datastructures import Headers

from issuer.errors import InvalidRequest, InvalidScope
from tests.oauth.world import Answer, World, assert_headers, assert_refused


def test_a_token_is_no_refusal(town: World):
    answer = town.ask(town.clients["Robot"])

    with pytest.raises(AssertionError):
        assert_refused(answer, InvalidRequest)


def test_a_refusal_is_no_other_refusal(town: World):
    answer = town.ask(town.clients["Robot"], scope="unknown")

    assert_refused(answer, InvalidScope)
    with pytest.raises(AssertionError):
        assert_refused(answer, InvalidRequest)


def test_a_refusal_is_not_a_token(town: World):
    with pytest.raises(AssertionError):
        _ = town.ask(town.clients["Robot"], scope="unknown").token


@pytest.mark.parametrize("more", [{"X-More": "1"}, {"X-Request-ID": "twice"}])
def test_a_header_too_many_is_noticed(more: dict[str, str]):
    headers = Headers({"Content-Length": "0", "X-Request-ID": "a"})
    headers.extend(more)

    with pytest.raises(AssertionError):
        assert_headers(Answer(200, headers, b""), {})
