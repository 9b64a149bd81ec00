"""Credentials: a header that came before is not read again, and no secret is kept."""

import base64
import hashlib

import pytest

from issuer.errors import InvalidRequest
from issuer.model.client import AuthMethod
from issuer.oauth import credentials, form
from issuer.oauth.credentials import Credentials, CredentialsReader

NOTHING = form.parse_form(b"")
SECRET = "isr_a-secret"


def basic(client_id: str, secret: str = SECRET) -> str:
    """Return the header of a client."""
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def prove(reader: CredentialsReader, header: str) -> Credentials:
    """Read a header as for a client that proves itself, and return its credentials."""
    made = reader.read(header, NOTHING)
    reader.keep(made)
    return made


@pytest.fixture
def reader() -> CredentialsReader:
    """Give a reader that has read nothing yet."""
    return CredentialsReader()


def test_a_header_says_again_what_it_said(reader: CredentialsReader) -> None:
    first = prove(reader, basic("shop"))
    again = reader.read(basic("shop"), NOTHING)

    assert again is first
    assert (first.method, first.client_id) == (AuthMethod.CLIENT_SECRET_BASIC, "shop")
    assert first.secret_hash == hashlib.sha256(SECRET.encode()).digest()


def test_a_header_that_proved_nothing_is_read_anew(reader: CredentialsReader) -> None:
    assert reader.read(basic("shop"), NOTHING) is not reader.read(basic("shop"), NOTHING)


@pytest.mark.parametrize("other", [basic("shop", "isr_another"), basic("other"), basic("shop") + " "])
def test_another_header_is_read_by_itself(reader: CredentialsReader, other: str) -> None:
    first = prove(reader, basic("shop"))

    assert reader.read(other, NOTHING) is not first


@pytest.mark.parametrize("body", [b"client_id=other", b"client_secret=x", b"client_id=shop&client_secret=x"])
def test_a_kept_header_goes_with_no_other_credentials(reader: CredentialsReader, body: bytes) -> None:
    """RFC 6749 §2.3: one mechanism a request."""
    prove(reader, basic("shop"))

    with pytest.raises(InvalidRequest):
        reader.read(basic("shop"), form.parse_form(body))


def test_a_long_header_is_read_and_not_kept(reader: CredentialsReader) -> None:
    header = basic("shop", "x" * credentials.LONGEST_KEPT)

    first, again = prove(reader, header), reader.read(header, NOTHING)

    assert again == first
    assert again is not first


def test_what_is_kept_has_a_bound(reader: CredentialsReader) -> None:
    first = prove(reader, basic("shop"))

    for number in range(credentials.MOST_KEPT):
        prove(reader, basic(f"client-{number}"))

    assert reader.read(basic("shop"), NOTHING) is not first


@pytest.mark.parametrize("header", [basic("shop"), None])
def test_credentials_neither_hold_nor_show_the_secret(reader: CredentialsReader, header: str | None) -> None:
    sent = NOTHING if header else form.parse_form(f"client_id=shop&client_secret={SECRET}".encode())

    made = reader.read(header, sent)

    assert SECRET not in repr(made)
    assert SECRET not in (made.client_id, made.secret_hash)
    assert made.secret_hash.hex() not in repr(made)
    assert repr(made.secret_hash) not in repr(made)
