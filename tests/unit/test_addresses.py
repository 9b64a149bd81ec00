"""The public URL, the address to listen on and the database URL (RFC 8414 §2)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from issuer import addresses

_PASSWORDS = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=6).map(
    lambda text: re.sub(r"[@%]", "x", text) + "sEcReT"
)


@pytest.mark.parametrize(
    "url",
    [
        "https://id.example.com",
        "https://id.example.com:8443",
        "https://example.com/auth",
        "https://example.com/a/B~c.d_e-f",
        "https://192.0.2.7",
        "https://[2001:db8::1]:8443/auth",
        "http://127.0.0.1:8000",
        "http://127.8.9.10",
        "http://localhost:8000/auth",
        "http://[::1]:8000",
        "https://localhost",
    ],
)
def test_url_is_taken_as_it_stands(url):
    assert addresses.parse_url(url) == url


@pytest.mark.parametrize(
    ("url", "why", "better"),
    [
        ("https://id.example.com/", "slash", "https://id.example.com"),
        ("https://example.com/auth/", "slash", "https://example.com/auth"),
        ("https://example.com/auth?x=1", "query", "https://example.com/auth"),
        ("https://example.com?", "query", "https://example.com"),
        ("https://example.com#top", "fragment", "https://example.com"),
        ("https://example.com/#", "fragment", "https://example.com"),
        ("https://ann:hunter2@example.com", "user name", "https://example.com"),
        ("https://ann@example.com", "user name", "https://example.com"),
        ("https://@example.com", "user name", "https://example.com"),
        ("http://example.com", "must be https", "https://example.com"),
        ("http://example.com:80", "must be https", "https://example.com"),
        ("http://10.0.0.1:8000", "must be https", "https://10.0.0.1:8000"),
        ("http://[::2]", "must be https", "https://[::2]"),
        ("http://localhost.example.com", "must be https", "https://localhost.example.com"),
        ("HTTPS://example.com", "lower case", "https://example.com"),
        ("https://ID.Example.com/Auth", "lower case", "https://id.example.com/Auth"),
        ("https://example.com:443", "shortest", "https://example.com"),
        ("http://localhost:80", "shortest", "http://localhost"),
        ("https://example.com:0443/a", "shortest", "https://example.com/a"),
        ("http://[0:0:0:0:0:0:0:1]:8000", "shortest", "http://[::1]:8000"),
        ("https://example.com//auth", "empty parts", "https://example.com/auth"),
        ("https://example.com/a/../b", "empty parts", "https://example.com/a/b"),
    ],
)
def test_url_in_another_spelling_is_refused_with_the_one_to_write(url, why, better):
    with pytest.raises(ValueError, match=f"{why}.*; write {re.escape(better)}$") as refusal:
        addresses.parse_url(url)

    assert "hunter2" not in str(refusal.value)
    assert addresses.parse_url(better) == better


@pytest.mark.parametrize(
    "url",
    [
        "id.example.com",
        "ftp://example.com",
        "https:///auth",
        "https://",
        "https://example.com:0",
        "https://example.com:65536",
        "https://example.com:port",
        "https://[::1",
        "https://[12345::]",
        "https://[::1%25eth0]",
        "https://bücher.example",
        "https://example.com/a b",
        "https://example.com/%61uth",
        "https://a..b",
        "https://example.com.",
        " https://example.com",
    ],
)
def test_url_that_cannot_be_one_is_refused_with_an_example(url):
    with pytest.raises(ValueError, match=r"such as https://id\.example\.com"):
        addresses.parse_url(url)


def test_url_leaves_room_for_the_audiences_under_it():
    with pytest.raises(ValueError, match="at most 200 characters"):
        addresses.parse_url(f"https://example.com/{'a' * 181}")


@pytest.mark.parametrize(
    ("bind", "host", "port"),
    [
        ("127.0.0.1:8000", "127.0.0.1", 8000),
        ("0.0.0.0:1", "0.0.0.0", 1),  # noqa: S104 - listening everywhere is the operator's choice
        ("[::1]:65535", "::1", 65535),
        ("[0:0:0:0:0:0:0:1]:80", "::1", 80),
    ],
)
def test_bind_is_an_address_and_a_port(bind, host, port):
    assert addresses.split_bind(bind) == (host, port)


@pytest.mark.parametrize(
    "bind",
    [
        "localhost:8000",
        "127.0.0.1",
        ":8000",
        "8000",
        "::1:8000",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:08000",
        "127.0.0.256:8000",
        "[127.0.0.1:8000",
        "[::g]:8000",
        "http://127.0.0.1:8000",
    ],
)
def test_bind_that_is_not_an_address_and_a_port_is_refused(bind):
    with pytest.raises(ValueError, match="must be an IP address and a port from 1 to 65535"):
        addresses.split_bind(bind)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 8000, "http://127.0.0.1:8000"),
        ("::1", 8000, "http://[::1]:8000"),
        ("127.0.0.1", 80, "http://127.0.0.1"),
    ],
)
def test_derived_url_is_one_that_would_be_taken(host, port, url):
    assert addresses.parse_url(addresses.derive_url(host, port)) == url


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.255", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - a value to look at
        ("::", False),
        ("::ffff:127.0.0.1", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_loopback_is_127_slash_8_and_1_and_localhost(host, expected):
    assert addresses.is_loopback(host) is expected


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////var/lib/issuer/issuer.db",
        "sqlite:///issuer.db",
        "sqlite:////srv/a@b/issuer.db",
        "sqlite+pysqlite:///issuer.db",
        "postgres://issuer@db/issuer",
        "postgresql://issuer:12345678@db:5432/issuer",
        "postgresql://issuer:1e5@db/issuer",
        "postgresql+psycopg://issuer:p%40ss@[2001:db8::1]:5432/issuer?sslmode=verify-full",
        "postgresql:///issuer?host=/run/postgresql",
    ],
)
def test_database_url_is_taken_as_it_stands(url):
    assert addresses.parse_database_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "mysql://db/issuer",
        "postgresql+psycopg2://db/issuer",
        "db.example.com",
        "postgresql://issuer:p@ss@db/issuer",
        "postgresql://issuer@x:pass@db/issuer",
        "postgresql://db:port/issuer",
        "postgresql://one:5432,two:5432/issuer",
        "sqlite:issuer.db",
        "sqlite:///",
        "sqlite:///issuer.db?mode=ro",
        "Postgresql://db/issuer",
    ],
)
def test_database_url_of_another_kind_or_spelling_is_refused(url):
    with pytest.raises(ValueError, match=r"must be sqlite:///path/to/issuer\.db or postgresql://"):
        addresses.parse_database_url(url)


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite:///file:x"])
def test_database_in_memory_is_refused_because_workers_would_not_share_it(url):
    with pytest.raises(ValueError, match="which the workers share"):
        addresses.parse_database_url(url)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("sqlite:////srv/a:b@c/issuer.db", "sqlite:////srv/a:b@c/issuer.db"),
        ("postgresql://db/issuer", "postgresql://db/issuer"),
        ("postgresql://issuer@db/issuer", "postgresql://issuer@db/issuer"),
        ("postgresql://issuer:s3cret@db:5432/issuer", "postgresql://issuer:***@db:5432/issuer"),
        ("postgresql://:s3cret@db/issuer", "postgresql://:***@db/issuer"),
        (
            "postgresql://db/i?password=s3cret&sslmode=require",
            "postgresql://db/i?password=***&sslmode=require",
        ),
        ("postgresql://db/i?sslp%61ssword=s3cret", "postgresql://db/i?sslpassword=***"),
        ("postgresql:///i?host=/run/postgresql", "postgresql:///i?host=/run/postgresql"),
    ],
)
def test_database_url_is_shown_without_its_password(url, masked):
    assert addresses.mask_database_url(addresses.parse_database_url(url)) == masked


@given(_PASSWORDS)
def test_any_password_that_the_driver_would_see_is_masked(password):
    """What is a password to SQLAlchemy must be one to us."""
    url = addresses.parse_database_url(f"postgresql://issuer:{password}@db/issuer")

    assert make_url(url).password == password
    assert addresses.mask_database_url(url) == "postgresql://issuer:***@db/issuer"
