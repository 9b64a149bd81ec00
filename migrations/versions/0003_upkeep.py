"""what is swept by age has one, the lease of who sweeps, and the sums that only grow

Revision: 0003
Follows: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_EXACT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("registry_change") as change:
        # 0: older than anything, so what stands there already is swept first.
        change.add_column(sa.Column("at", sa.BigInteger, server_default="0", nullable=False))
    op.create_index(op.f("ix_registry_change_at"), "registry_change", ["at"])
    has_ended = sa.text("ended_at IS NOT NULL")
    op.create_index(
        "ix_family_ended", "family", ["ended_at"], sqlite_where=has_ended, postgresql_where=has_ended
    )
    op.create_table(
        "lease",
        sa.Column("name", _EXACT, nullable=False),
        sa.Column("holder", _EXACT, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("succeeded_at", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "usage_total",
        sa.Column("audience_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("grant_type", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("audience_id", "grant_type", "outcome", name=op.f("pk_usage_total")),
    )
    op.create_table(
        "token_duration",
        sa.Column("up_to_microseconds", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("sum_microseconds", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("up_to_microseconds", name=op.f("pk_token_duration")),
    )


def downgrade() -> None:
    op.drop_table("token_duration")
    op.drop_table("usage_total")
    op.drop_table("lease")
    op.drop_index("ix_family_ended", "family")
    op.drop_index(op.f("ix_registry_change_at"), "registry_change")
    with op.batch_alter_table("registry_change") as change:
        change.drop_column("at")
