"""who has fetched the published keys

Revision: 0008
Follows: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_EXACT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "jwks_fetch",
        sa.Column("document", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("user_agent", _EXACT, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("document", "user_agent", name=op.f("pk_jwks_fetch")),
    )
    op.create_index(op.f("ix_jwks_fetch_last_at"), "jwks_fetch", ["last_at"])


def downgrade() -> None:
    op.drop_table("jwks_fetch")
