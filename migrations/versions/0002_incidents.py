"""incidents of refresh tokens, and from where a generation was made

Revision: 0002
Follows: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_EXACT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("family") as family:
        family.add_column(sa.Column("issuer_scopes", sa.JSON, server_default="[]", nullable=False))
        family.add_column(sa.Column("rotated_from", _EXACT, server_default="", nullable=False))
    op.create_table(
        "incident",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("family_id", _EXACT, nullable=False),
        sa.Column("client_key", _ID, nullable=False),
        sa.Column("presented", sa.BigInteger, nullable=False),
        sa.Column("stored", sa.BigInteger, nullable=False),
        sa.Column("address", _EXACT, nullable=False),
        sa.Column("request_id", _EXACT, nullable=False),
        sa.Column("rotated_at", sa.BigInteger, nullable=False),
        sa.Column("rotated_from", _EXACT, nullable=False),
        sa.ForeignKeyConstraint(["client_key"], ["client.key"], name=op.f("fk_incident_client_key_client")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(op.f("ix_incident_at"), "incident", ["at"])
    op.create_index(op.f("ix_incident_client_key"), "incident", ["client_key"])
    op.create_index(op.f("ix_incident_family_id"), "incident", ["family_id"])


def downgrade() -> None:
    op.drop_table("incident")
    with op.batch_alter_table("family") as family:
        family.drop_column("rotated_from")
        family.drop_column("issuer_scopes")
