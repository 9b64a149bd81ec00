"""What may be an identifier, which spellings are one, and which lie under the issuer."""

import pytest

from issuer.errors import InvalidValue
from issuer.policy import identifiers

_LONG_PATH = "https://api.example/"
ISSUER = "https://auth.example"
ISSUER_WITH_PATH = "https://auth.example/auth"

REGISTRABLE = [
    "orders",
    "api3.app.com",
    "mobile-app-client",
    "0",
    "A_b.c-D",
    "httpbin",
    "http",
    "urn:example:orders",
    "urn:example:orders:archive",
    "spiffe://example.org/orders",
    "api://6f1c/orders",
    "tag:example.org,2026:orders",
    "file:///orders",
    "https://api.example",
    "https://api.example/",
    "https://api.example/mcp",
    "https://api.example/mcp/",
    "https://api.example/mcp?",
    "https://api.example/mcp?tenant=1",
    "https://api.example/mcp%2F",
    "https://api.example/%41",
    "https://api.example/refresh",
    "HTTPS://API.example:443/Orders",
    "https://api.example:/",
    "https://api.example:8443/orders",
    "https://api.example:65535/",
    "http://[::1]:8080/orders",
    "https://[2001:DB8::1]/",
    "https://[::ffff:192.0.2.1]/",
    "x" * 255,
    _LONG_PATH + "a" * (255 - len(_LONG_PATH)),
]

REFUSED = [
    pytest.param("", id="empty"),
    pytest.param("x" * 256, id="256-characters"),
    pytest.param(_LONG_PATH + "a" * (256 - len(_LONG_PATH)), id="256-characters-of-uri"),
    pytest.param(" orders", id="space-before"),
    pytest.param("orders ", id="space-after"),
    pytest.param("or ders", id="space-within"),
    pytest.param("orders\n", id="newline-after"),
    pytest.param("https://api.example/\n", id="newline-after-uri"),
    pytest.param("orders\x00", id="nul"),
    pytest.param("https://api.example/\x00", id="nul-in-uri"),
    pytest.param("orders\t", id="tab"),
    pytest.param("orders\x7f", id="delete"),
    pytest.param("caf\u00e9", id="nfc"),
    pytest.param("cafe\u0301", id="nfd"),
    pytest.param("\u212aeys", id="kelvin-sign"),
    pytest.param("\uff41\uff50\uff49", id="fullwidth"),
    pytest.param("https://\uff41pi.example/", id="fullwidth-host"),
    pytest.param("orders\u200b", id="zero-width-space"),
    pytest.param("orders\u202e", id="right-to-left-override"),
    pytest.param("\ud800", id="lone-surrogate"),
    pytest.param("urn\uff1aexample", id="fullwidth-colon"),
    pytest.param("orders#refresh", id="fragment-of-name"),
    pytest.param("orders/refresh", id="slash-in-name"),
    pytest.param("orders/", id="slash-after-name"),
    pytest.param("orders?", id="question-mark-after-name"),
    pytest.param("orders%2F", id="percent-in-name"),
    pytest.param("-orders", id="begins-with-hyphen"),
    pytest.param(".orders", id="begins-with-dot"),
    pytest.param("_orders", id="begins-with-underscore"),
    pytest.param("orders,billing", id="comma-in-name"),
    pytest.param("orders\\billing", id="backslash-in-name"),
    pytest.param("*", id="star"),
    pytest.param("https://api.example/#", id="empty-fragment"),
    pytest.param("https://api.example/#refresh", id="fragment"),
    pytest.param("urn:example:orders#refresh", id="fragment-of-urn"),
    pytest.param("https://user@api.example/", id="user-info"),
    pytest.param("https://user:secret@api.example/", id="user-and-password"),
    pytest.param("https://@api.example/", id="empty-user-info"),
    pytest.param("spiffe://user@example.org/orders", id="user-info-of-other-scheme"),
    pytest.param("https://api.example/%zz", id="percent-not-hexadecimal"),
    pytest.param("https://api.example/%4", id="percent-cut-off"),
    pytest.param("https://api.example/%", id="percent-alone"),
    pytest.param("https://api.example/a\\b", id="backslash"),
    pytest.param("https://api.example/<a>", id="angle-brackets"),
    pytest.param('https://api.example/"', id="double-quote"),
    pytest.param("https://api.example/{tenant}", id="braces"),
    pytest.param("https://api.example/a|b", id="bar"),
    pytest.param("https://api.example/a^b", id="caret"),
    pytest.param("https://api.example/a`b", id="backtick"),
    pytest.param("https://api.example/[a]", id="brackets-in-path"),
    pytest.param("https:", id="scheme-alone"),
    pytest.param("urn:", id="urn-alone"),
    pytest.param(":orders", id="no-scheme"),
    pytest.param("1urn:orders", id="scheme-begins-with-digit"),
    pytest.param("//api.example/:a", id="no-scheme-with-authority"),
    pytest.param("https:orders", id="https-without-slashes"),
    pytest.param("https:/api.example/", id="https-with-one-slash"),
    pytest.param("https:///orders", id="https-without-host"),
    pytest.param("https://:443/", id="https-with-port-alone"),
    pytest.param("https://api%2Eexample/", id="percent-encoded-host"),
    pytest.param("https://api.example:80:80/", id="two-ports"),
    pytest.param("https://api.example:port/", id="port-not-a-number"),
    pytest.param("https://api.example:65536/", id="port-too-high"),
    pytest.param("https://api.example:0000099999/", id="port-too-high-behind-zeros"),
    pytest.param("https://api.example:0443/", id="port-with-leading-zero"),
    pytest.param("https://api.example:0/", id="port-zero"),
    pytest.param("https://[::1/", id="bracket-not-closed"),
    pytest.param("https://::1/", id="ipv6-without-brackets"),
    pytest.param("https://[:::]/", id="ipv6-of-colons"),
    pytest.param("https://[1::2::3]/", id="ipv6-compressed-twice"),
    pytest.param("https://[::1%25eth0]/", id="ipv6-zone"),
    pytest.param("https://[]/", id="ipv6-empty"),
    pytest.param("spiffe://[.]/orders", id="ipv6-of-dots-in-other-scheme"),
]

ONE_SPELLING = [
    ("https://api.example", "https://api.example/"),
    ("https://api.example:443", "https://api.example/"),
    ("https://api.example:", "https://api.example/"),
    ("HTTPS://API.Example/", "https://api.example/"),
    ("http://api.example:80/orders", "http://api.example/orders"),
    ("https://api.example?a=1", "https://api.example/?a=1"),
    ("https://[2001:DB8::1]:443", "https://[2001:db8::1]/"),
    ("HtTpS://aPi.eXaMpLe:443/Orders?A=1", "https://api.example/Orders?A=1"),
]

TWO_SPELLINGS = [
    ("https://api.example/mcp", "https://api.example/mcp/"),
    ("https://api.example/mcp", "https://api.example/MCP"),
    ("https://api.example/mcp", "https://api.example/mc%70"),
    ("https://api.example/%2f", "https://api.example/%2F"),
    ("https://api.example/mcp", "https://api.example/mcp?"),
    ("https://api.example/", "https://api.example/?"),
    ("https://api.example/", "https://api.example//"),
    ("https://api.example/mcp", "https://api.example//mcp"),
    ("https://api.example/mcp", "https://api.example/./mcp"),
    ("https://api.example/mcp", "https://api.example/a/../mcp"),
    ("https://api.example/?a=1&b=2", "https://api.example/?b=2&a=1"),
    ("https://api.example/?a=1", "https://api.example/?A=1"),
    ("https://api.example/", "http://api.example/"),
    ("https://api.example/", "https://api.example:80/"),
    ("http://api.example/", "http://api.example:443/"),
    ("https://api.example/", "https://api.example:0443/"),
    ("https://api.example/", "https://api.example./"),
    ("https://api.example/", "https://user@api.example/"),
    ("https://api.example/", "https://api.example/#"),
    ("https://api.example/", "https://api.example/ "),
    ("https://api.example/", "https://api.example/\n"),
    ("https://api.example/", "https://api.example/\x00"),
    ("https://keys.example/", "https://\u212aeys.example/"),
    ("https://api.example/", "https://\uff41pi.example/"),
    ("https://api.example/", "http\u017f://api.example/"),
    ("https://[::1]/", "https://[0:0:0:0:0:0:0:1]/"),
    ("urn:example:orders", "URN:example:orders"),
    ("urn:example:orders", "urn:example:Orders"),
    ("urn:example:orders", "urn:example:orders:archive"),
    ("spiffe://example.org/orders", "spiffe://EXAMPLE.org/orders"),
    ("ftp://example.org", "ftp://example.org/"),
    ("orders", "ORDERS"),
]

UNDER_ISSUER = [
    "https://auth.example",
    "https://auth.example/",
    "https://auth.example?a=1",
    "https://auth.example/oauth/token",
    "https://auth.example/oauth/token/",
    "https://auth.example/anything",
    "https://auth.example//oauth//token",
    "HTTPS://AUTH.EXAMPLE/oauth/token",
    "https://auth.example:443/oauth/token",
    "https://auth.example:/oauth/token",
    "https://auth.example:0443/oauth/token",
    "https://auth.example./oauth/token",
    "https://auth%2Eexample/oauth/token",
]

UNDER_ISSUER_WITH_PATH = [
    "https://auth.example/auth",
    "https://auth.example/auth/",
    "https://auth.example/auth?a=1",
    "https://auth.example/auth/oauth/token",
    "https://auth.example/AUTH/oauth/token",
    "https://auth.example/%61uth/oauth/token",
    "https://auth.example/%41uth",
    "https://auth.example/%2561uth/oauth/token",
    "https://auth.example/%252561uth",
    "https://auth.example/auth%2Foauth",
    "https://auth.example/auth%5Coauth",
    "https://auth.example//auth",
    "https://auth.example/./auth",
    "https://auth.example/%2e/auth",
    "https://auth.example/other/../auth",
    "https://auth.example/other/%2E%2e/auth",
    "https://auth.example/other%2f..%2fauth",
    "https://auth.example/../auth",
    "https://auth.example/auth;a=1/oauth/token",
    "https://auth.example/other/..;/auth",
]

ELSEWHERE = [
    "orders",
    "httpbin",
    "http-gateway",
    "http:orders",
    "urn:example:orders",
    "spiffe://auth.example/auth",
    "spiffe://%5Bx%5D/auth",
    "https://auth.example.evil.example/auth",
    "https://api.example/auth",
    "http://auth.example/auth",
    "https://auth.example:8443/auth",
    "https://auth.example",
    "https://auth.example/",
    "https://auth.example/au",
    "https://auth.example/authority",
    "https://auth.example/orders/auth",
    "https://auth.example/auth/../orders",
    "https://auth.example/orders?/auth",
]


@pytest.mark.parametrize("text", REGISTRABLE)
def test_an_identifier_is_registered_as_it_is_written(text):
    checked = identifiers.check_identifier(text)

    assert checked == text


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_identifier_is_refused(text):
    with pytest.raises(InvalidValue) as refused:
        identifiers.check_identifier(text)

    assert refused.value.detail


@pytest.mark.parametrize(("one", "other"), ONE_SPELLING)
def test_scheme_host_default_port_and_empty_path_are_folded(one, other):
    forms = {identifiers.comparison_form(one), identifiers.comparison_form(other)}

    assert forms == {other}


@pytest.mark.parametrize(("one", "other"), TWO_SPELLINGS)
def test_nothing_else_is_folded(one, other):
    assert identifiers.comparison_form(one) != identifiers.comparison_form(other)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_identifier_names_none(text):
    registered = {identifiers.comparison_form(identifier) for identifier in REGISTRABLE}

    assert identifiers.comparison_form(text) not in registered


@pytest.mark.parametrize(("one", "other"), [("orders", "ORDERS"), ("api3.app.com", "Api3.App.Com")])
def test_two_names_may_not_differ_in_case_alone(one, other):
    assert identifiers.canonical_form(one) == identifiers.canonical_form(other)


@pytest.mark.parametrize("text", REGISTRABLE)
def test_the_canonical_form_is_its_own(text):
    form = identifiers.canonical_form(text)

    assert identifiers.canonical_form(form) == form


@pytest.mark.parametrize("text", [text for text in REGISTRABLE if ":" in text])
def test_a_registered_uri_is_compared_in_its_canonical_form(text):
    assert identifiers.canonical_form(text) == identifiers.comparison_form(text)


def test_urns_with_a_common_prefix_are_two():
    """Hydra compared host and path prefix, so that any registered URN permitted every other."""
    forms = {identifiers.canonical_form(urn) for urn in ("urn:a", "urn:a:b", "urn:ab", "urn:A")}

    assert len(forms) == 4


@pytest.mark.parametrize("text", ["https://api.example/", "urn:example:orders", "spiffe://example.org/a"])
def test_a_resource_is_an_absolute_uri(text):
    """RFC 8707 §2."""
    assert identifiers.is_absolute_uri(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "orders",
        "/orders",
        "//api.example/orders",
        "https://api.example/#",
        "urn:example:orders#a",
        "https://user@api.example/",
        "https://api.example/ ",
        "https://api.example/\n",
        "https://api.example/\ud800",
        "https://api.example/" + "a" * 236,
    ],
)
def test_what_is_no_absolute_uri_without_fragment_is_no_resource(text):
    """RFC 8707 §2."""
    assert not identifiers.is_absolute_uri(text)


@pytest.mark.parametrize("text", UNDER_ISSUER)
def test_every_uri_at_the_origin_of_an_issuer_without_path_is_its_own(text):
    assert identifiers.is_under_issuer(text, ISSUER)


@pytest.mark.parametrize("text", UNDER_ISSUER_WITH_PATH)
def test_every_spelling_of_a_uri_under_the_issuers_path_is_its_own(text):
    assert identifiers.is_under_issuer(text, ISSUER_WITH_PATH)


@pytest.mark.parametrize("text", ELSEWHERE)
def test_what_lies_elsewhere_is_not_the_issuers(text):
    assert not identifiers.is_under_issuer(text, ISSUER_WITH_PATH)


@pytest.mark.parametrize("text", ["http://127.0.0.1:8000", "http://127.0.0.1:08000/oauth/token"])
def test_an_issuer_with_a_port_is_known_by_it(text):
    assert identifiers.is_under_issuer(text, "http://127.0.0.1:8000")


@pytest.mark.parametrize(
    "text", ["http://[0:0:0:0:0:0:0:1]:8000/", "http://[::0001]:8000/", "http://[::1]:8000"]
)
def test_an_issuer_with_an_ipv6_address_is_known_in_every_spelling(text):
    assert identifiers.is_under_issuer(text, "http://[::1]:8000")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("https://" + "a" * 100_000 + "/" + "b" * 100_000 + "<", id="authority-and-path"),
        pytest.param("https://a" + ":" * 200_000, id="colons"),
        pytest.param("https://[" + ":" * 200_000 + "]", id="colons-in-brackets"),
        pytest.param("https://a:" + "0" * 200_000 + "x", id="zeros-in-port"),
        pytest.param("https://a/" + "%41" * 70_000 + "%", id="percent-signs"),
        pytest.param("https://a/?" + "?" * 200_000 + "<", id="question-marks"),
        pytest.param("http" + "a" * 200_000, id="scheme"),
    ],
)
def test_a_long_spelling_is_read_in_one_pass(text):
    """A pattern that backtracks takes minutes here instead of milliseconds."""
    assert identifiers.comparison_form(text) == text
