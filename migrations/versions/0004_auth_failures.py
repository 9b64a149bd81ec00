"""failed client authentications are counted by client and network

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_EXACT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "auth_failure",
        sa.Column("client_key", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("network", _EXACT, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("client_key", "network", name=op.f("pk_auth_failure")),
    )
    op.create_index(op.f("ix_auth_failure_last_at"), "auth_failure", ["last_at"])


def downgrade() -> None:
    op.drop_table("auth_failure")
