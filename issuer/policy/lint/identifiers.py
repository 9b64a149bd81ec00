"""Rules on single identifiers: what is allowed, and still a bad name for what opens a door."""

from collections.abc import Callable, Iterator
from typing import Final

from issuer import addresses
from issuer.errors import InvalidValue
from issuer.model.finding import Finding, Severity
from issuer.policy import identifiers, tenants
from issuer.policy.identifiers import Uri
from issuer.policy.lint.registered import Registered
from issuer.policy.lint.wording import command

_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_GENERIC: Final = frozenset(
    {
        *("api", "apis", "app", "application", "audience", "auth", "backend", "client", "data", "default"),
        *("demo", "dev", "example", "frontend", "gateway", "internal", "local", "localhost", "main"),
        *("microservice", "mobile", "platform", "private", "prod", "production", "public", "resource"),
        *("rest", "server", "service", "services", "staging", "system", "test", "token", "user", "users"),
        *("web", "website"),
    }
)


def judge_all(registered: Registered) -> Iterator[Finding]:
    """Yield what is wrong with the identifiers of all audiences that are issued for."""
    for audience in registered.list_issuing():
        yield from judge(audience.identifier)


def judge_tenant(identifier: str) -> Finding | None:
    """Return a finding if a part of an identifier looks like a tenant; any text may be given."""
    return _tenant(identifier, None)


def judge(identifier: str) -> Iterator[Finding]:
    """Yield what is wrong with an identifier by itself.

    identifier: one that passed `identifiers.check_identifier`.
    """
    for rule in _RULES:
        finding = rule(identifier, _find_uri(identifier))
        if finding is not None:
            yield finding


def _http(identifier: str, uri: Uri | None) -> Finding | None:
    if uri is None or uri.scheme.lower() != "http" or addresses.is_loopback(uri.host.lower().strip("[]")):
        return None
    return _finding(
        "http-off-loopback",
        Severity.WARNING,
        identifier,
        "It is an http address: who sends tokens there sends them in clear, for anybody on the way to use.",
        f"Serve it by https and rename it: {_rename(identifier, 'https' + identifier[4:])}.",
    )


def _query(identifier: str, uri: Uri | None) -> Finding | None:
    if uri is None or not uri.query:
        return None
    return _finding(
        "query-part",
        Severity.WARNING,
        identifier,
        "It has a query: libraries drop or reorder it, and RFC 8707 section 2 advises against it.",
        f"Name it without: {_rename(identifier, identifier.partition('?')[0])}.",
    )


def _tenant(identifier: str, _uri: Uri | None) -> Finding | None:
    part = tenants.find_tenant_part(identifier)
    if part is None:
        return None
    return _finding(
        "tenant-part",
        Severity.WARNING,
        identifier,
        f"{part} looks like a tenant: with one audience for each, every verifier has a list that grows.",
        "Take one audience for all tenants and name the tenant of each client, for the claim tenant_id: "
        f"{command('client', 'change', 'CLIENT_ID', '--tenant-id', 'TENANT')}.",
    )


def _generic(identifier: str, uri: Uri | None) -> Finding | None:
    if uri is not None or identifier.lower() not in _GENERIC:
        return None
    return _finding(
        "generic-name",
        Severity.WARNING,
        identifier,
        "Every team calls something so: a second service will be set to it, and take the tokens of this one.",
        f"Name the service: {_rename(identifier, f'https://{identifier.lower()}.example.com')}.",
    )


def _punycode(identifier: str, uri: Uri | None) -> Finding | None:
    host = uri.host.lower() if uri is not None else identifier.lower()
    if not any(label.startswith("xn--") for label in host.split(".")):
        return None
    return _finding(
        "punycode-host",
        Severity.WARNING,
        identifier,
        "Its host is an internationalised name: people see letters that may look like those of another host.",
        f"Take a name in plain letters: {_rename(identifier, 'NEW')}.",
    )


def _spelling(identifier: str, uri: Uri | None) -> Finding | None:
    if uri is None or not uri.has_authority or uri.scheme.lower() not in _DEFAULT_PORTS:
        return None
    has_default_port = uri.port == _DEFAULT_PORTS[uri.scheme.lower()]
    if uri.scheme + uri.host == (uri.scheme + uri.host).lower() and not has_default_port:
        return None
    return _finding(
        "unusual-spelling",
        Severity.INFO,
        identifier,
        "It has a default port or capital letters in its host: libraries drop them, services compare bytes.",
        f"Set every verifier to exactly what {command('audience', 'show', identifier)} prints.",
    )


def _plain(identifier: str, uri: Uri | None) -> Finding | None:
    if uri is not None:
        return None
    return _finding(
        "plain-name",
        Severity.INFO,
        identifier,
        "It is no URI, so clients that only know the parameter resource (RFC 8707) cannot ask for it.",
        "Let clients send audience=…, or add a URI beside it: "
        f"{command('audience', 'alias', 'add', identifier, 'URI', '--mode', 'accept')}.",
    )


def _client_like(identifier: str, uri: Uri | None) -> Finding | None:
    if uri is not None or not identifier.lower().replace("_", "-").endswith("-client"):
        return None
    return _finding(
        "named-like-client",
        Severity.INFO,
        identifier,
        "It is called a client, and an audience is who receives tokens, not who asks for them.",
        f"Name the service that verifies: {_rename(identifier, 'NEW')}.",
    )


_Rule = Callable[[str, Uri | None], Finding | None]
_RULES: Final[tuple[_Rule, ...]] = (
    _http,
    _query,
    _tenant,
    _generic,
    _punycode,
    _spelling,
    _plain,
    _client_like,
)


def _find_uri(identifier: str) -> Uri | None:
    try:
        return identifiers.parse_uri(identifier)
    except InvalidValue:
        return None


def _rename(identifier: str, new: str) -> str:
    return command("audience", "rename", identifier, new, "--until", "DATE")


def _finding(code: str, severity: Severity, identifier: str, why: str, mend: str) -> Finding:
    return Finding(code, severity, "audience", identifier, why, mend, frozenset({identifier}))
