"""Addressees: every spelling by which a token can be addressed, light enough to read all of them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from issuer.model.audience import RESERVED_REFRESH, AudienceId, AudienceState
from issuer.model.service import ServiceState
from issuer.model.spelling import SpellingRole
from issuer.store.tables import AudienceRow, IdentifierRow, ServiceRow


@dataclass(frozen=True, slots=True)
class Addressee:
    """A spelling that an audience bears. is_primary: or an alias.

    is_expected: whether a service is there that may expect it: not where audience or service is
    removed, nor the service disabled, nor of the audience of refresh tokens. is_for_refresh: of that one,
    which the token endpoint expects.
    """

    audience_id: AudienceId
    spelling: str
    is_primary: bool
    is_expected: bool
    is_for_refresh: bool
    service: str


def list_addressees(connection: Connection) -> tuple[Addressee, ...]:
    """Return all spellings that are not taken away, in order of their registration; one statement."""
    rows = connection.execute(
        select(
            IdentifierRow.audience_id,
            IdentifierRow.identifier,
            IdentifierRow.role,
            AudienceRow.state,
            AudienceRow.is_reserved,
            ServiceRow.name.label("service"),
            ServiceRow.state.label("service_state"),
        )
        .join_from(IdentifierRow, AudienceRow, IdentifierRow.audience_id == AudienceRow.id)
        .join(ServiceRow, AudienceRow.service_id == ServiceRow.id)
        .where(IdentifierRow.role != SpellingRole.RETIRED.value)
        .order_by(IdentifierRow.id)
    )
    return tuple(
        Addressee(
            audience_id=AudienceId(row.audience_id),
            spelling=row.identifier,
            is_primary=row.role == SpellingRole.PRIMARY.value,
            is_expected=row.state != AudienceState.REMOVED.value
            and row.service_state == ServiceState.ACTIVE.value
            and not _is_for_refresh(row),
            is_for_refresh=_is_for_refresh(row),
            service=row.service,
        )
        for row in rows
    )


def _is_for_refresh(row: Row[*tuple[Any, ...]]) -> bool:  # Any: columns of several types
    return bool(row.is_reserved) and row.identifier == RESERVED_REFRESH
