"""What a client gets that asks for itself (RFC 6749 §4.4): the decision, before anything is signed."""

from issuer.errors import UnauthorizedClient
from issuer.model.client import Client, GrantType
from issuer.model.permission import ClientRecord, SubjectKind
from issuer.model.token_plan import Subject, TargetRequest, TokenPlan
from issuer.policy import scopes, token_plan
from issuer.policy.lifetimes import Lifetimes


def plan(request: TargetRequest, record: ClientRecord, now: int, bounds: Lifetimes) -> TokenPlan:
    """Return the plan of the token; the client is its own subject (RFC 9068 §2.2).

    Raises UnauthorizedClient if the client is not registered for this grant type, and what
    `token_plan.plan_token` raises. Does not authenticate the client, nor look at its state.
    """
    client = record.client
    if GrantType.CLIENT_CREDENTIALS not in client.grant_types:
        raise UnauthorizedClient(f"{client.client_id} is not registered for client_credentials")
    subject = Subject(SubjectKind.CLIENT, client.client_id, client.tenant_id)
    return token_plan.plan_token(
        request, record, subject, now, bounds=bounds, issuer_scopes=_issuer_scopes(client)
    )


def _issuer_scopes(client: Client) -> frozenset[str]:
    # Beyond RFC 6749 §4.4.3, which says SHOULD NOT: an admin switched this client to it.
    if client.may_use_offline_access and GrantType.REFRESH_TOKEN in client.grant_types:
        return frozenset({scopes.OFFLINE_ACCESS})
    return frozenset()
