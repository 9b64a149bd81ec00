"""Whether a database is whole: what its constraints promise holds, asked anew of every row."""

from sqlalchemy import ForeignKeyConstraint, Table, and_, exists, select, text

from issuer.store.db import Connection, Engine, reading
from issuer.store.tables import Base, FamilyRow, IncidentRow

_TIMES = FamilyRow.rotated_at >= FamilyRow.created_at
_END = FamilyRow.ended_at.is_(None) == FamilyRow.end_reason.is_(None)


def find_faults(engine: Engine) -> list[str]:
    """Return what is wrong: the file itself, orphans, families that cannot be."""
    with reading(engine) as connection:
        faults = _of_file(connection) if engine.dialect.name == "sqlite" else []
        for table in Base.metadata.sorted_tables:
            faults += [
                f"orphans of {key.name}"
                for key in table.foreign_key_constraints
                if _has_orphans(connection, table, key)
            ]
            # Whole rows, by their pages and not by an index: what is torn cannot be read.
            connection.execute(select(table)).all()
        impossible = select(FamilyRow.id).where(~and_(FamilyRow.generation >= 1, _TIMES, _END))
        faults += [f"impossible family {each}" for each in connection.execute(impossible).scalars()]
        reused = connection.execute(select(IncidentRow.family_id)).scalars()
        return [*faults, *(f"incident of {each}" for each in reused)]


def _of_file(connection: Connection) -> list[str]:
    found = connection.execute(text("PRAGMA integrity_check")).scalars().all()
    return [line for line in found if line != "ok"]


def _has_orphans(connection: Connection, table: Table, key: ForeignKeyConstraint) -> bool:
    # Under another name, for a table that refers to itself.
    parent = key.referred_table.alias("parent")
    pairs = [(element.parent, parent.c[element.column.name]) for element in key.elements]
    is_set = and_(*(child.is_not(None) for child, _ in pairs))
    has_parent = exists().where(*(child == referred for child, referred in pairs))
    return bool(connection.execute(select(exists(select(table).where(is_set, ~has_parent)))).scalar())
