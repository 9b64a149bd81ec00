"""the last refusals are kept with their particulars, and the last hour of a use is found at once

Revision: 0006
Follows: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_EXACT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
_MAY_ASK = "ix_permission_audience_id_is_revoked_client_key"
_PAIR = "ix_usage_client_key_audience_id_outcome_hour"
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    for key in ("client_key", "audience_id"):
        # The new one begins with the same column, so it serves what the old one served.
        op.drop_index(op.f(f"ix_usage_{key}"), "usage")
        op.create_index(op.f(f"ix_usage_{key}_outcome_hour"), "usage", [key, "outcome", "hour"])
    # A count that goes up changes no index: only the first use in an hour costs more.
    op.create_index(op.f(_PAIR), "usage", ["client_key", "audience_id", "outcome", "hour"])
    op.drop_index(op.f("ix_permission_audience_id"), "permission")
    op.create_index(op.f(_MAY_ASK), "permission", ["audience_id", "is_revoked", "client_key"])
    op.create_table(
        "refusal",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("client_key", sa.BigInteger, nullable=False),
        sa.Column("audience_id", sa.BigInteger, nullable=True),
        sa.Column("asked", sa.JSON, nullable=False),
        sa.Column("grant_type", sa.String(64), nullable=False),
        sa.Column("error", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("request_id", _EXACT, nullable=False),
        sa.Column("address", _EXACT, nullable=False),
        sa.Column("left_out", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusal")),
    )
    op.create_index(op.f("ix_refusal_at"), "refusal", ["at"])
    op.create_index(op.f("ix_refusal_client_key_id"), "refusal", ["client_key", "id"])
    op.create_index(op.f("ix_refusal_audience_id_id"), "refusal", ["audience_id", "id"])


def downgrade() -> None:
    op.drop_table("refusal")
    op.drop_index(op.f(_MAY_ASK), "permission")
    op.create_index(op.f("ix_permission_audience_id"), "permission", ["audience_id"])
    op.drop_index(op.f(_PAIR), "usage")
    for key in ("client_key", "audience_id"):
        op.drop_index(op.f(f"ix_usage_{key}_outcome_hour"), "usage")
        op.create_index(op.f(f"ix_usage_{key}"), "usage", [key])
