"""What `issuer serve --demo` says: lines to paste that get a token, are refused one, and verify one."""

import sys
from dataclasses import dataclass

from issuer.cli import output
from issuer.cli.output import Document
from issuer.registry.demo import BILLING, ORDERS, Demo, DemoClient

# The python that runs this: others may lack PyJWT, and many systems' own refuse to install it.
_PYTHON = output.quote(sys.executable)
_PICK = """python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])'"""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the demo is: the issuer's URL, its token endpoint, its JWKS."""

    issuer: str
    token_endpoint: str
    jwks_uri: str


def as_document(registered: Demo) -> Document:
    """Return the clients of the demo with their secrets."""
    clients = (registered.orders_only, registered.both, registered.refreshing, registered.orders)
    return {
        "clients": [
            {
                "client_id": client.client_id,
                "client_secret": client.client_secret,
                "audiences": list(client.audiences),
            }
            for client in clients
        ]
    }


def as_text(registered: Demo, addresses: Addresses) -> str:
    """Return the text: paste its lines into another terminal."""
    only, both = registered.orders_only, registered.both
    return f"""
The demo: services Orders and Billing. Paste these lines into another terminal; the secrets in them
are new at every start.

1. A token for Orders. Its `aud` is {ORDERS} and nothing else:

{_curl(only, addresses, ORDERS)}

2. The same client asks for Billing and is refused, with invalid_target:

{_curl(only, addresses, BILLING)}

3. Another client may have one token for both: they are of one trust group.

{_curl(both, addresses, ORDERS, BILLING)}

4. What Orders does with a token, and what Billing does with the same one, by the library PyJWT:

{_PYTHON} -m pip install 'pyjwt[crypto]'
TOKEN=$({_curl(only, addresses, ORDERS)} | {_PICK})
{_verify(addresses, ORDERS)}
{_verify(addresses, BILLING)}

   The last line ends in InvalidAudienceError: a token for Orders never opens Billing.
"""


def _curl(client: DemoClient, addresses: Addresses, *resources: str) -> str:
    targets = " ".join(f"--data-urlencode resource={resource}" for resource in resources)
    return (
        f"curl -sS -u {client.client_id}:{client.client_secret} -d grant_type=client_credentials "
        f"{targets} {addresses.token_endpoint}"
    )


def _verify(addresses: Addresses, audience: str) -> str:
    program = (
        "import jwt, sys; "
        f'key = jwt.PyJWKClient("{addresses.jwks_uri}").get_signing_key_from_jwt(sys.argv[1]); '
        f'print(jwt.decode(sys.argv[1], key, algorithms=["RS256"], audience="{audience}", '
        f'issuer="{addresses.issuer}"))'
    )
    return f"{_PYTHON} -c '{program}' \"$TOKEN\""
