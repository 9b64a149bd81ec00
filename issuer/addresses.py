"""The addresses among the settings: the public URL, what to listen on, the database.

Nothing is put right silently: a spelling that is not exact is refused with a sentence that says
what to write instead. Sentences continue the name of the setting ("ISSUER_URL must …"), come as
ValueError, which is what pydantic collects, and never hold a user name, password, query or fragment.
"""

import ipaddress
import re
from urllib.parse import parse_qsl, urlencode

_URL_LENGTH = 200  # leaves room for /api/v1 and the like: an audience has at most 255 characters
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535
_EMPTY_PARTS = frozenset({"", ".", ".."})

_URL = re.compile(
    r"(?P<scheme>https?)://(?:(?P<userinfo>[^/?#]*)@)?(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[a-z0-9._~-]*)*)(?P<rest>[?#].*)?",
    re.IGNORECASE | re.ASCII,
)
_BIND = re.compile(r"(?:(?P<four>[0-9.]+)|\[(?P<six>[0-9A-Fa-f:.]+)\]):(?P<port>[1-9][0-9]{0,4})")
_SQLITE = re.compile(r"sqlite(?:\+pysqlite)?:///(?P<path>[^?]+)")
_POSTGRESQL = re.compile(
    r"(?P<scheme>postgres(?:ql(?:\+psycopg)?)?)://(?:(?P<user>[^:/@]*)(?P<password>:[^@]*)?@)?"
    r"(?P<place>(?:\[[0-9A-Fa-f:.]+\]|[^/:?@\[\]]*)(?::[0-9]{1,5})?(?:/[^?@]*)?)(?:\?(?P<query>.*))?"
)


def parse_url(text: str) -> str:
    """Return the public URL as it stands, the `iss` of every token (RFC 8414 §2).

    Raises ValueError unless it is https (http on loopback hosts only), in lower case up to the
    path, without default port, user-info, trailing slash, query and fragment.
    """
    match = _URL.fullmatch(text)
    if match is None or not _is_place(match["host"], match["port"]):
        raise ValueError(
            "must be a URL such as https://id.example.com or https://example.com/auth: https, a host "
            "in ASCII, a path of letters, digits and . _ ~ - only."
        )
    if len(text) > _URL_LENGTH:
        raise ValueError(f"must have at most {_URL_LENGTH} characters.")
    better = _spell(match)
    if text != better:
        raise ValueError(f"{_objection(match)}; write {better}")
    return text


def derive_url(host: str, port: int) -> str:
    """Return the URL of a server that listens on a loopback address; host: without brackets."""
    shown_host = f"[{host}]" if ":" in host else host
    return f"http://{shown_host}" if port == _DEFAULT_PORTS["http"] else f"http://{shown_host}:{port}"


def is_loopback(host: str) -> bool:
    """Return whether the host is 127.0.0.0/8, ::1 or localhost; host: lower case, without brackets."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _LOOPBACK)


def split_bind(text: str) -> tuple[str, int]:
    """Return the address to listen on, without brackets, and the port; raises ValueError.

    Names are refused, localhost too: the server takes addresses only.
    """
    match = _BIND.fullmatch(text)
    host = _find_address(match["four"] or match["six"]) if match else None
    if match is None or host is None or int(match["port"]) > _HIGHEST_PORT:
        raise ValueError(
            "must be an IP address and a port from 1 to 65535, such as 127.0.0.1:8000 (this machine), "
            "0.0.0.0:8000 (everywhere) or [::1]:8000."
        )
    return host, int(match["port"])


def parse_database_url(text: str) -> str:
    """Return the database URL as it stands; raises ValueError if it is neither SQLite nor PostgreSQL."""
    sqlite = _SQLITE.fullmatch(text)
    if sqlite and sqlite["path"].startswith((":memory:", "file:")):
        raise ValueError("must name a file, which the workers share: sqlite:///path/to/issuer.db.")
    if not sqlite and not _POSTGRESQL.fullmatch(text):
        raise ValueError(
            "must be sqlite:///path/to/issuer.db or postgresql://user:password@host:5432/name; "
            "in user and password write % as %25, : as %3A, / as %2F, ? as %3F and @ as %40."
        )
    return text


def mask_database_url(text: str) -> str:
    """Return the database URL with *** for its password; text: as `parse_database_url` returned it."""
    match = _POSTGRESQL.fullmatch(text)
    if match is None:
        return text
    password = ":***" if match["password"] else ""
    credentials = "" if match["user"] is None else f"{match['user']}{password}@"
    query = "" if match["query"] is None else f"?{_mask_query(match['query'])}"
    return f"{match['scheme']}://{credentials}{match['place']}{query}"


def _mask_query(query: str) -> str:
    # The driver takes a password here as well: password=…, sslpassword=…
    pairs = parse_qsl(query, keep_blank_values=True)
    masked = [(key, "***" if "password" in key.lower() else value) for key, value in pairs]
    return urlencode(masked, safe="*/:,@")


def _is_place(host: str, port: str | None) -> bool:
    is_host = not host.startswith("[") or _find_address(host[1:-1]) is not None
    return is_host and (port is None or 0 < int(port) <= _HIGHEST_PORT)


def _find_address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _spell(match: re.Match[str]) -> str:
    """Return the URL that is meant, in the only spelling that is taken."""
    scheme, host = match["scheme"].lower(), match["host"].lower()
    bare_host = _find_address(host.strip("[]")) or host
    shown_host = f"[{bare_host}]" if host.startswith("[") else bare_host
    has_port = match["port"] and int(match["port"]) != _DEFAULT_PORTS[scheme]
    port = f":{int(match['port'])}" if has_port else ""
    path = "".join(f"/{part}" for part in match["path"].split("/") if part not in _EMPTY_PARTS)
    return f"{scheme if is_loopback(bare_host) else 'https'}://{shown_host}{port}{path}"


def _objection(match: re.Match[str]) -> str:
    """Return the first thing that is wrong with a URL that is not spelled as it must be."""
    scheme, host, path = match["scheme"], match["host"], match["path"]
    objections = (
        (match["userinfo"] is not None, "must not hold a user name or password"),
        (match["rest"] is not None, "must not have a query or fragment"),
        (scheme.lower() == "http" and not is_loopback(host.strip("[]").lower()), "must be https"),
        (f"{scheme}{host}" != f"{scheme}{host}".lower(), "must be in lower case up to the path"),
        (path.endswith("/"), "must not end in a slash"),
        (_EMPTY_PARTS & {*path.split("/")[1:]}, "must not have empty parts, . or .. in its path"),
    )
    return next((why for is_wrong, why in objections if is_wrong), "must be in its shortest spelling")
