"""The record of every answer of the token endpoint: one log line, a count, and a row where asked for."""

import re
from dataclasses import dataclass, field

from issuer.errors import Refusal, TemporarilyUnavailable
from issuer.issuing.usage import UsageCounter
from issuer.logs import EventLog, LogValue
from issuer.model.client import SECRET_PREFIX, Client, GrantType
from issuer.model.family import Family, Incident
from issuer.model.issuance import Issuance
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

    def __init__(self, log: EventLog, usage: UsageCounter, rows: Engine | None) -> None:
        self._log = log
        self._usage = usage
        self._rows = rows

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
        scope = " ".join(plan.scopes)
        if self._rows is not None:
            row = Issuance(
                jti=jti,
                at=now,
                client_id=plan.client.client_id,
                sub=plan.subject.sub,
                aud=plan.aud,
                scope=scope,
                grant_type=context.grant_type,
                kid=kid,
                exp=exp,
                request_id=context.request_id,
            )
            _write_row(row, self._rows, step)
        self._write(
            "token.issued",
            request_id=context.request_id,
            client_id=plan.client.client_id,
            grant_type=context.grant_type,
            aud=list(plan.aud),
            scope=scope,
            sub=plan.subject.sub,
            jti=jti,
            kid=kid,
            exp=exp,
            ip=context.address,
            **_of_family(step),
        )
        ids = [audience.id for audience in plan.audiences]
        self._usage.count(now, plan.client.key, ids, context.grant_type, ISSUED, exp)

    def refused(self, refusal: Refusal, now: int, context: Context) -> None:
        """Record a refused request with the detail that its answer does not tell."""
        self._write(
            "token.refused",
            request_id=context.request_id,
            client_id=context.client.client_id if context.client is not None else "",
            grant_type=_withhold(context.grant_type),
            asked=[_withhold(target) for target in context.asked],
            error=refusal.code,
            reason=_withhold(refusal.detail)[:_LONGEST_DETAIL],
            ip=context.address,
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
        try:
            self._log.write(event, **fields)
        except OSError as error:
            raise TemporarilyUnavailable("the log cannot be written") from error


def _write_row(row: Issuance, engine: Engine, step: Step | None) -> None:
    if step is not None:
        # In one transaction with the step: neither without the other.
        issuance.add_issuance(step.connection, row)
        return
    with writing(engine) as connection:
        issuance.add_issuance(connection, row)


def _of_family(step: Step | None) -> dict[str, LogValue]:
    return {} if step is None else {"family": step.family.id, "generation": step.family.generation}


def _withhold(text: str) -> str:
    # Whoever puts a secret or a token in the wrong field must not find it in our log.
    return _SECRETS.sub("(withheld)", text)
