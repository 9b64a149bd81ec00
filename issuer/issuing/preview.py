"""The preview: what the token endpoint would sign for a client, by the endpoint's own decision."""

from collections.abc import Callable, Iterable

from issuer.errors import InvalidClient, InvalidTarget
from issuer.issuing.mint import Mint, Unsigned
from issuer.model.client import ClientState
from issuer.model.permission import ClientRecord
from issuer.model.token_plan import TargetRequest


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
