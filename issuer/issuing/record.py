"""The record of every answer of the token endpoint: one log line, a count, and a row where asked for."""

import re
from dataclasses import dataclass, field

from issuer import logs
from issuer.errors import Refusal, TemporarilyUnavailable
from issuer.issuing.refusals import RefusalNotes
from issuer.issuing.usage import UsageCounter
from issuer.logs import EventLog, LogValue
from issuer.model.client import SECRET_PREFIX, Client, GrantType
from issuer.model.family import Family, Incident
from issuer.model.issuance import Issuance
from issuer.model.refusal_note import RefusalNote
from issuer.model.token_plan import TokenPlan
from issuer.model.usage import ISSUED
from issuer.store import issuance
from issuer.store.db import Connection, Engine, writing

_GRANT_TYPES = frozenset(grant_type.value for grant_type in GrantType)
_LONGEST_DETAIL = 500
# Our client secrets, and every JWT: it begins with a header, and that with `{"`.
_SECRETS = re.compile(rf"{SECRET_PREFIX}[\w-]{{8,}}|(?<![A-Za-z0-9])eyJ[\w.-]{{8,}}", re.ASCII)


@dataclass(slots=True)
class Context:
    """What is known of a token request while it is answered; grows step by step.

    grant_type: as sent. client: None until it is authenticated. asked: the targets as sent.
    """

    request_id: str
    address: str
    grant_type: str = ""
    client: Client | None = None
    asked: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Step:
    """A family in the generation that goes along with a token, and the transaction that makes it so."""

    family: Family
    connection: Connection


class Recorder:
    """Writes the record of issued and refused tokens.

    rows: the engine for `ISSUER_AUDIT_ISSUANCE=database`, None where log lines are enough.
    """

    def __init__(
        self, log: EventLog, usage: UsageCounter, rows: Engine | None, refusals: RefusalNotes
    ) -> None:
        self._log = log
        self._usage = usage
        self._rows = rows
        self._refusals = refusals

    def issued(
        self,
        plan: TokenPlan,
        jti: str,
        kid: str,
        now: int,
        context: Context,
        step: Step | None = None,
    ) -> None:
        """Record an issued token; it may be handed out once this returns and what is open has committed.

        step: None where no refresh token goes along.
        Raises TemporarilyUnavailable if the record cannot be written: no token without a record.
        """
        exp = now + plan.lifetime_seconds
        if self._rows is not None:
            row = Issuance(
                jti=jti,
                at=now,
                client_id=plan.client.client_id,
                sub=plan.subject.sub,
                aud=plan.aud,
                scope=" ".join(plan.scopes),
                grant_type=context.grant_type,
                kid=kid,
                exp=exp,
                request_id=context.request_id,
            )
            _write_row(row, self._rows, step)
        self._write_members("token.issued", _members_of_issued(plan, jti, kid, exp, context, step))
        ids = [audience.id for audience in plan.audiences]
        self._usage.count(now, plan.client.key, ids, context.grant_type, ISSUED, exp)

    def refused(self, refusal: Refusal, now: int, context: Context) -> None:
        """Record a refused request with the detail that its answer does not tell."""
        asked = [_withhold(target) for target in context.asked]
        sent_grant_type = _withhold(context.grant_type)
        reason = _withhold(refusal.detail)[:_LONGEST_DETAIL]
        self._write(
            "token.refused",
            request_id=context.request_id,
            client_id=context.client.client_id if context.client is not None else "",
            grant_type=sent_grant_type,
            asked=asked,
            error=refusal.code,
            reason=reason,
            ip=context.address,
        )
        if context.client is not None:
            self._refusals.note(
                RefusalNote(
                    at=now,
                    client_key=context.client.key,
                    asked=tuple(asked),
                    grant_type=sent_grant_type,
                    error=refusal.code,
                    reason=reason,
                    request_id=context.request_id,
                    address=context.address,
                )
            )
        # Only names of ours become keys: what is sent must not grow the table.
        grant_type = context.grant_type if context.grant_type in _GRANT_TYPES else ""
        key = context.client.key if context.client is not None else 0
        self._usage.count(now, key, (), grant_type, refusal.code)

    def reused(self, incident: Incident, client: Client) -> None:
        """Record that a spent refresh token came back and its family has ended."""
        self._write(
            "refresh.reused",
            request_id=incident.request_id,
            client_id=client.client_id,
            family=incident.family_id,
            presented=incident.presented,
            stored=incident.stored,
            rotated_at=incident.rotated_at,
            rotated_from=incident.rotated_from,
            ip=incident.address,
        )

    def revoked(self, kind: str, identifier: str, context: Context) -> None:
        """Record a revocation. kind: family or access_token. identifier: family or jti."""
        self._write(
            "token.revoked",
            request_id=context.request_id,
            client_id=context.client.client_id if context.client is not None else "",
            kind=kind,
            identifier=identifier,
            ip=context.address,
        )

    def _write(self, event: str, **fields: LogValue) -> None:
        self._write_members(event, logs.encode_members(fields))

    def _write_members(self, event: str, members: str) -> None:
        try:
            self._log.write_members(event, members)
        except OSError as error:
            raise TemporarilyUnavailable("the log cannot be written") from error


def _members_of_issued(
    plan: TokenPlan, jti: str, kid: str, exp: int, context: Context, step: Step | None
) -> str:
    # By hand: to make a dict and an encoder for it costs a tenth of an ES256 signature.
    members = (
        f'"request_id":{logs.encode_text(context.request_id)},'
        f'"client_id":{logs.encode_text(plan.client.client_id)},'
        f'"grant_type":{logs.encode_text(context.grant_type)},'
        f'"aud":[{",".join(map(logs.encode_text, plan.aud))}],'
        f'"scope":{logs.encode_text(" ".join(plan.scopes))},'
        f'"sub":{logs.encode_text(plan.subject.sub)},'
        f'"jti":{logs.encode_text(jti)},'
        f'"kid":{logs.encode_text(kid)},'
        f'"exp":{exp},'
        f'"ip":{logs.encode_text(context.address)}'
    )
    if step is None:
        return members
    return f'{members},"family":{logs.encode_text(step.family.id)},"generation":{step.family.generation}'


def _write_row(row: Issuance, engine: Engine, step: Step | None) -> None:
    if step is not None:
        # In one transaction with the step: neither without the other.
        issuance.add_issuance(step.connection, row)
        return
    with writing(engine) as connection:
        issuance.add_issuance(connection, row)


def _withhold(text: str) -> str:
    # Whoever puts a secret or a token in the wrong field must not find it in our log.
    return _SECRETS.sub("(withheld)", text)
