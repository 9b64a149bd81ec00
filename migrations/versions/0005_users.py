"""people sign in: users, their sessions and failures, and the link that makes the first owner

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_EXACT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TABLES = ("user_account", "user_service", "web_session", "setup_link", "sign_in_failure")


def upgrade() -> None:
    op.create_table(
        "user_account",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _EXACT, nullable=False),
        sa.Column("canonical", _EXACT, nullable=False),
        sa.Column("password_hash", _EXACT, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_sign_in_at", sa.BigInteger, nullable=True),
        sa.Column("password_changed_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("canonical", name=op.f("uq_user_account_canonical")),
    )
    op.create_table(
        "user_service",
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("service_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_user_service_user_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name=op.f("fk_user_service_service_id_service")
        ),
        sa.PrimaryKeyConstraint("user_id", "service_id", name=op.f("pk_user_service")),
    )
    op.create_index(op.f("ix_user_service_service_id"), "user_service", ["service_id"])
    op.create_table(
        "web_session",
        sa.Column("id", _ID, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
        sa.Column("stepped_up_at", sa.BigInteger, nullable=False),
        sa.Column("address", _EXACT, nullable=False),
        sa.Column("user_agent", _EXACT, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_web_session_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_session")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_web_session_secret_hash")),
    )
    op.create_index(op.f("ix_web_session_user_id"), "web_session", ["user_id"])
    op.create_index(op.f("ix_web_session_created_at"), "web_session", ["created_at"])
    op.create_table(
        "setup_link",
        sa.Column("id", _ID, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger, nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_setup_link_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setup_link")),
    )
    op.create_table(
        "sign_in_failure",
        sa.Column("canonical", _EXACT, nullable=False),
        sa.Column("network", _EXACT, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("canonical", "network", name=op.f("pk_sign_in_failure")),
    )
    op.create_index(op.f("ix_sign_in_failure_last_at"), "sign_in_failure", ["last_at"])


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
