"""The form of a token request: what is read, and what is refused before anything is looked up."""

import io
import os

import pytest

from issuer.errors import InvalidRequest, MethodNotAllowed, RequestTooLarge, UnsupportedMediaType
from tests.oauth.world import FORM, TOKEN, Credentials, World, assert_refused, encode

KIB = 1024
GRANT = "grant_type=client_credentials"


@pytest.fixture
def post(town: World, resident: Credentials):
    """Give the function that posts a body as a known client."""

    def send(body: bytes | str, **more):
        headers = {"Authorization": resident.basic, **more.pop("headers", {})}
        return town.post(body, headers, **more)

    return send


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", FORM.upper(), f"{FORM} ;x=y"])
def test_a_form_is_taken_however_its_type_is_written(post, content_type: str):
    assert post(GRANT, headers={"Content-Type": content_type}).status == 200


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "multipart/form-data; boundary=x", "", FORM + "x", "x/" + FORM],
)
def test_another_type_of_body_is_refused(post, content_type: str):
    """RFC 6749 §4.4.2; RFC 9110 §15.5.16."""
    assert_refused(post(GRANT, headers={"Content-Type": content_type}), UnsupportedMediaType)


def test_a_body_of_json_is_refused_and_told_what_is_taken(post):
    answer = post('{"grant_type": "client_credentials"}', headers={"Content-Type": "application/json"})

    assert_refused(answer, UnsupportedMediaType)
    assert FORM in answer.json["error_description"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post_is_taken(town: World, resident: Credentials, method: str):
    """RFC 6749 §3.2; RFC 9110 §15.5.6 demands Allow."""
    answer = town.send(
        method, TOKEN, headers={"Authorization": resident.basic, "Content-Type": FORM}, data=GRANT
    )

    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
    if method != "HEAD":
        assert_refused(answer, MethodNotAllowed, Allow="POST")


@pytest.mark.parametrize(
    "query", ["grant_type=client_credentials", "x=1", "x", "resource=https://orders.example"]
)
def test_a_query_is_refused(post, query: str):
    """RFC 6749 §3.2: parameters are never in the URL; secrets would end up in logs of proxies."""
    assert_refused(post(GRANT, path=f"{TOKEN}?{query}"), InvalidRequest)


@pytest.mark.parametrize("name", ["grant_type", "scope", "client_id", "client_secret", "unknown"])
@pytest.mark.parametrize("values", [("a", "a"), ("a", "b"), ("a", ""), ("", "a")])
def test_a_repeated_parameter_is_refused(post, name: str, values: tuple[str, str]):
    """RFC 6749 §3.2, unknown parameters included, whatever their values."""
    body = f"{GRANT}&{name}={values[0]}&{name}={values[1]}"

    assert_refused(post(body), InvalidRequest)


@pytest.mark.parametrize("spelling", ["%67rant_type", "gr%61nt_type"])
def test_a_parameter_repeated_in_another_spelling_is_refused(post, spelling: str):
    assert_refused(post(f"{GRANT}&{spelling}=client_credentials"), InvalidRequest)


def test_unknown_parameters_are_ignored(post):
    """RFC 6749 §3.2."""
    assert post(f"{GRANT}&foo=bar&x").status == 200


@pytest.mark.parametrize("name", ["scope", "resource", "audience", "client_id", "client_secret", "x"])
def test_an_empty_parameter_is_as_if_never_sent(post, name: str):
    """RFC 6749 §3.2."""
    assert post(f"{GRANT}&{name}=").json["scope"] == "read write"


@pytest.mark.parametrize(
    "body", ["", "grant_type=", "scope=read", "&&&", "=client_credentials", "grant_type"]
)
def test_a_missing_grant_type_is_an_invalid_request(post, body: str):
    """RFC 6749 §5.2: not `unsupported_grant_type`."""
    assert_refused(post(body), InvalidRequest)


@pytest.mark.parametrize("value", ["%", "%4", "%zz", "a%"])
def test_a_broken_escape_is_refused(post, value: str):
    assert_refused(post(f"{GRANT}&scope={value}"), InvalidRequest)


@pytest.mark.parametrize("value", ["%ff", "%c0%80", "%ed%a0%80", "%f4%90%80%80", "%e2%28%a1"])
def test_bytes_that_are_not_utf_8_are_refused(post, value: str):
    """Overlong forms, surrogates, beyond Unicode."""
    assert_refused(post(f"{GRANT}&scope={value}"), InvalidRequest)


@pytest.mark.parametrize("raw", [b"\xff", b"\xc3\xa9", b"\x80"])
def test_a_body_that_is_not_percent_encoded_is_refused(post, raw: bytes):
    assert_refused(post(GRANT.encode() + b"&scope=" + raw), InvalidRequest)


@pytest.mark.parametrize("code", [*range(0x20), 0x7F])
def test_control_characters_are_refused_anywhere(post, code: int):
    """NUL reaches PostgreSQL otherwise, line ends reach logs."""
    in_a_value = post(f"{GRANT}&scope=a%{code:02x}")
    in_a_name = post(f"{GRANT}&a%{code:02x}=1")
    unescaped = post(GRANT.encode() + b"&scope=a" + bytes([code]))

    assert_refused(in_a_value, InvalidRequest)
    assert_refused(in_a_name, InvalidRequest)
    assert_refused(unescaped, InvalidRequest)


def test_a_body_of_64_kib_is_taken_and_a_byte_more_is_not(post):
    parts = [f"x{index}={'a' * (15 * KIB)}" for index in range(4)]
    body = "&".join([GRANT, *parts, "y="])
    full = body + "b" * (64 * KIB - len(body))

    assert post(full).status == 200
    assert_refused(post(full + "b"), RequestTooLarge)


def test_a_value_of_16_kib_is_taken_and_a_character_more_is_not(post):
    assert post(f"{GRANT}&x={'a' * (16 * KIB)}").status == 200
    assert_refused(post(f"{GRANT}&x={'a' * (16 * KIB + 1)}"), RequestTooLarge)
    assert_refused(post(f"{GRANT}&{'a' * (16 * KIB + 1)}=x"), RequestTooLarge)


def test_100_parameters_are_taken_and_one_more_is_not(post):
    body = "&".join([GRANT, *(f"x{index}=" for index in range(99))])

    assert post(body).status == 200
    assert_refused(post(body + "&y="), RequestTooLarge)


def test_a_body_that_is_declared_too_long_is_not_read(town: World, resident: Credentials):
    class Untouched(io.RawIOBase):
        def readinto(self, _buffer: object) -> int:
            raise AssertionError("the body was read")

    answer = town.send(
        "POST",
        TOKEN,
        headers={"Authorization": resident.basic},
        content_type=FORM,
        environ_overrides={"wsgi.input": Untouched(), "CONTENT_LENGTH": str(64 * KIB + 1)},
    )

    assert_refused(answer, RequestTooLarge)


@pytest.mark.parametrize("size", [len(GRANT), 64 * KIB + 1])
def test_a_body_without_a_length_is_read_up_to_the_limit(town: World, resident: Credentials, size: int):
    """A chunked request has no Content-Length."""
    stream = io.BytesIO(GRANT.encode().ljust(size, b"&"))

    answer = town.send(
        "POST",
        TOKEN,
        headers={"Authorization": resident.basic, "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": stream, "wsgi.input_terminated": True, "CONTENT_TYPE": FORM},
    )

    if size == len(GRANT):
        assert answer.status == 200
    else:
        assert_refused(answer, RequestTooLarge)
        assert stream.tell() == size


@pytest.mark.parametrize(
    "length",
    ["-1", "1e3", "0x10", "\u0663", "+5", " 5", "5, 5", "9" * 30, "0" * 20 + "9" * 20, "0" * 5000 + "1"],
)
def test_a_content_length_that_is_no_length_is_refused(town: World, resident: Credentials, length: str):
    answer = town.send(
        "POST",
        TOKEN,
        headers={"Authorization": resident.basic},
        environ_overrides={
            "CONTENT_LENGTH": length.encode().decode("latin-1"),
            "CONTENT_TYPE": FORM,
            "wsgi.input": io.BytesIO(GRANT.encode()),
        },
    )

    assert answer.status in {400, 413}
    assert answer.json["error"] == "invalid_request"


@pytest.mark.parametrize("body", [b"", b"grant_type=", GRANT.encode(), GRANT.encode() + b"&resource="])
def test_a_body_that_ends_too_early_is_refused(town: World, resident: Credentials, body: bytes):
    """RFC 9112 §8: cut off, a request may ask for more than the whole of it did."""
    answer = town.send(
        "POST",
        TOKEN,
        headers={"Authorization": resident.basic},
        environ_overrides={
            "CONTENT_LENGTH": str(len(body) + 1),
            "CONTENT_TYPE": FORM,
            "wsgi.input": io.BytesIO(body),
        },
    )

    assert_refused(answer, InvalidRequest)


def test_a_body_that_comes_in_pieces_is_read_whole(town: World, resident: Credentials):
    """A pipe gives what it has: one read may return less than asked for."""
    reading, writing = os.pipe()
    os.write(writing, encode({"resource": "https://orders.example"}))
    os.close(writing)

    with os.fdopen(reading, "rb") as stream:
        answer = town.send(
            "POST",
            TOKEN,
            headers={"Authorization": resident.basic},
            environ_overrides={"wsgi.input": stream, "wsgi.input_terminated": True, "CONTENT_TYPE": FORM},
        )

    assert answer.status == 200


@pytest.mark.parametrize(
    "grant_type", ["password", "implicit", "authorization_code", "Refresh_Token", "x", "Client_Credentials"]
)
def test_other_grant_types_are_not_supported(town: World, resident: Credentials, grant_type: str):
    """RFC 9700 §2.4: no password grant, ever."""
    answer = town.ask(resident, grant_type=grant_type)

    assert (answer.status, answer.json["error"]) == (400, "unsupported_grant_type")
