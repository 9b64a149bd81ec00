"""The preview: what the token endpoint would sign for a client, by the endpoint's own decision."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from issuer.errors import InvalidClient, InvalidTarget
from issuer.issuing.mint import Mint, Unsigned
from issuer.model.audience import Audience, AudienceState
from issuer.model.client import ClientId, ClientState, GrantType
from issuer.model.permission import ClientRecord, Permission, PermittedSubject
from issuer.model.service import ServiceState
from issuer.model.token_plan import TargetRequest
from issuer.policy import stand_ins

# Stands for whoever will ask, in an example.
EXAMPLE_CLIENT_ID: Final = ClientId("some-client")


def preview(
    client_id: str,
    request: TargetRequest,
    mint: Mint,
    find_record: Callable[[str], ClientRecord | None],
    describe_targets: Callable[[Iterable[str]], str],
) -> Unsigned:
    """Return header and claims that this client, had it proved itself, would get signed now.

    Raises what the token endpoint answers, with the detail that it logs. Signs and records nothing.
    """
    record = find_record(client_id)
    if record is None:
        raise InvalidClient(f"no client {client_id} is registered")
    if record.client.state is not ClientState.ACTIVE:
        raise InvalidClient(f"the client {client_id} is {record.client.state}")
    try:
        return mint.preview_for_client(request, record)
    except InvalidTarget as refusal:
        asked = (*request.resources, *request.audiences)
        if asked:
            refusal.detail = f"{refusal.detail}; {describe_targets(asked)}"
        raise


def preview_draft(audience: Audience, mint: Mint) -> Unsigned:
    """Return header and claims that a client which may ask for an audience, with all its scopes, would get.

    audience: registered or not, whatever its state; what it holds is not checked. Signs and records
    nothing.
    """
    service = replace(audience.service, state=ServiceState.ACTIVE)
    audience = replace(audience, state=AudienceState.ACTIVE, service=service)
    permission = Permission(
        EXAMPLE_CLIENT_ID,
        audience,
        frozenset(scope.name for scope in audience.scopes),
        frozenset(),
        PermittedSubject.CLIENT,
        version=0,
    )
    return mint.preview_for_client(TargetRequest(), ClientRecord(_EXAMPLE, (permission,)))


_EXAMPLE: Final = replace(
    stand_ins.make_client(EXAMPLE_CLIENT_ID),
    name="Some client",
    grant_types=frozenset({GrantType.CLIENT_CREDENTIALS}),
)
