"""an audience may have a signing key of its own, and private parts are erased once they are of no use

Revision: 0007
Follows: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_ONE_OPEN = "ix_signing_key_one_open"
_ONE_OPEN_OWN = "ix_signing_key_one_open_of_audience"
_OPEN = "signs_until IS NULL"


def upgrade() -> None:
    op.drop_index(_ONE_OPEN, "signing_key")
    with op.batch_alter_table("signing_key") as key:
        key.add_column(sa.Column("audience_id", _ID, nullable=True))
        key.add_column(sa.Column("shared_until", sa.BigInteger, server_default="0", nullable=False))
        key.add_column(sa.Column("erased_at", sa.BigInteger, nullable=True))
        key.create_foreign_key(
            op.f("fk_signing_key_audience_id_audience"), "audience", ["audience_id"], ["id"]
        )
    shared = sa.text(f"{_OPEN} AND audience_id IS NULL")
    op.create_index(
        _ONE_OPEN,
        "signing_key",
        ["purpose", "alg"],
        unique=True,
        sqlite_where=shared,
        postgresql_where=shared,
    )
    op.create_index(
        _ONE_OPEN_OWN,
        "signing_key",
        ["audience_id"],
        unique=True,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )
    with op.batch_alter_table("audience") as audience:
        audience.add_column(sa.Column("has_own_key", sa.Boolean, server_default=sa.false(), nullable=False))


def downgrade() -> None:
    # The program before this one would sign everybody's tokens with a key that one service trusts.
    op.execute("DELETE FROM signing_key WHERE audience_id IS NOT NULL")
    with op.batch_alter_table("audience") as audience:
        audience.drop_column("has_own_key")
    op.drop_index(_ONE_OPEN_OWN, "signing_key")
    op.drop_index(_ONE_OPEN, "signing_key")
    with op.batch_alter_table("signing_key") as key:
        key.drop_constraint(op.f("fk_signing_key_audience_id_audience"), type_="foreignkey")
        key.drop_column("erased_at")
        key.drop_column("shared_until")
        key.drop_column("audience_id")
    op.create_index(
        _ONE_OPEN,
        "signing_key",
        ["purpose", "alg"],
        unique=True,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )
