"""What `issuer serve --demo` says of refresh tokens: lines to paste after those of `issuer.cli.demo`."""

import sys
from dataclasses import dataclass
from pathlib import Path

from issuer.cli import output
from issuer.config import Settings
from issuer.registry.demo import ORDERS, Demo, DemoClient

# The python that runs this: others may lack PyJWT.
_PYTHON = output.quote(sys.executable)
_AUDIENCES = (
    "import jwt, sys; tokens = sys.stdin.read().split(); "
    'print(*(jwt.decode(token, options={"verify_signature": False})["aud"] for token in tokens))'
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo is: the issuer's URL, paths below it, and the settings of this server."""

    issuer: str
    token_path: str
    introspection_path: str
    jwks_path: str
    settings: Settings


def as_text(registered: Demo, place: Place) -> str:
    """Return the text: paste its lines after those that left a token for Orders in TOKEN."""
    asker, orders = registered.refreshing, registered.orders
    token, introspect = place.issuer + place.token_path, place.issuer + place.introspection_path
    rotation = _curl(asker, token, "grant_type=refresh_token", 'refresh_token="$REFRESH"')
    return f"""
5. A client that is switched to refresh tokens asks for offline_access and gets two tokens. The `aud`
   of the first is access, of the second refresh:

PAIR=$({_curl(asker, token, "grant_type=client_credentials", "scope=offline_access")})
ACCESS=$(echo "$PAIR" | {_pick("access_token")})
REFRESH=$(echo "$PAIR" | {_pick("refresh_token")})
echo "$ACCESS $REFRESH" | {_PYTHON} -c '{_AUDIENCES}'

6. The refresh token gets its successor, once, and an access token with it:

REFRESH=$({rotation} | {_pick("refresh_token")})

7. Neither goes where the other belongs. The access token is refused as a refresh token, with
   invalid_grant. The refresh token is refused by Orders: no key in the JWKS has signed it.

{_curl(asker, token, "grant_type=refresh_token", 'refresh_token="$ACCESS"')}
echo "$REFRESH" | {_PYTHON} -c '{_verification(place)}'

8. Orders may ask the issuer instead: its own token is active, a refresh token is not.

{_curl(orders, introspect, 'token="$TOKEN"')}
{_curl(orders, introspect, 'token="$REFRESH"')}

9. What is this token, and why does Orders refuse it?

echo "$REFRESH" | {_issuer(place)} token explain --audience {ORDERS}
"""


def _curl(client: DemoClient, address: str, *parameters: str) -> str:
    sent = " ".join(f"-d {parameter}" for parameter in parameters)
    return f"curl -sS -u {client.client_id}:{client.client_secret} {sent} {address}"


def _pick(member: str) -> str:
    return f"""python3 -c 'import json, sys; print(json.load(sys.stdin)["{member}"])'"""


def _verification(place: Place) -> str:
    return (
        "import jwt, sys; token = sys.stdin.read().strip(); "
        f'key = jwt.PyJWKClient("{place.issuer}{place.jwks_path}").get_signing_key_from_jwt(token); '
        f'print(jwt.decode(token, key, algorithms=["RS256"], audience="{ORDERS}", issuer="{place.issuer}"))'
    )


def _issuer(place: Place) -> str:
    """Return this program as another terminal calls it, which stands elsewhere and has no settings."""
    words = [f"ISSUER_URL={output.quote(place.issuer)}"]
    if place.settings.is_embedded:
        words.append(f"ISSUER_DATA_DIR={output.quote(str(place.settings.data_dir))}")
    return " ".join([*words, output.quote(str(Path(sys.argv[0]).absolute()))])
