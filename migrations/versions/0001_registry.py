"""the registry, the keys and what is remembered of tokens

Revision: 0001
Follows:
"""

import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


_EXACT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
_CANONICAL = sa.String(256).with_variant(sa.String(256, collation="C"), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_RESERVED = (
    ("access", "The default audience of a token that names no service."),
    ("refresh", "The token endpoint itself: what refresh tokens are addressed to."),
    ("urn:issuer:api:v1", "The admin REST API of this issuer."),
)


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor", _EXACT, nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("target_kind", sa.String(length=32), nullable=False),
        sa.Column("target", _EXACT, nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("request_id", _EXACT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_action"), "audit_event", ["action"], unique=False)
    op.create_index(op.f("ix_audit_event_at"), "audit_event", ["at"], unique=False)
    op.create_index(op.f("ix_audit_event_target"), "audit_event", ["target"], unique=False)

    op.create_table(
        "issuance",
        sa.Column("jti", _EXACT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("client_id", _EXACT, nullable=False),
        sa.Column("sub", _EXACT, nullable=False),
        sa.Column("aud", sa.JSON(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("grant_type", sa.String(length=64), nullable=False),
        sa.Column("kid", _EXACT, nullable=False),
        sa.Column("exp", sa.BigInteger(), nullable=False),
        sa.Column("request_id", _EXACT, nullable=False),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_issuance")),
    )
    op.create_index(op.f("ix_issuance_at"), "issuance", ["at"], unique=False)
    op.create_index(op.f("ix_issuance_client_id"), "issuance", ["client_id"], unique=False)

    op.create_table(
        "registry_change",
        sa.Column("id", _ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("concern", sa.String(length=16), nullable=False),
        sa.Column("client_key", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_change")),
    )
    op.create_index(op.f("ix_registry_change_version"), "registry_change", ["version"], unique=False)

    op.create_table(
        "registry_version",
        sa.Column("id", _ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_registry_version_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_version")),
    )
    op.create_table(
        "signing_key",
        sa.Column("kid", _EXACT, nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("alg", sa.String(length=16), nullable=False),
        sa.Column("public_jwk", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("master_key_id", _EXACT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("signs_from", sa.BigInteger(), nullable=False),
        sa.Column("signs_until", sa.BigInteger(), nullable=True),
        sa.Column("verify_until", sa.BigInteger(), nullable=True),
        sa.Column("compromised_at", sa.BigInteger(), nullable=True),
        sa.Column("longest_lifetime_seconds", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
    )
    op.create_index(
        op.f("ix_signing_key_one_open"),
        "signing_key",
        ["purpose", "alg"],
        unique=True,
        sqlite_where=sa.text("signs_until IS NULL"),
        postgresql_where=sa.text("signs_until IS NULL"),
    )

    op.create_table(
        "trust_group",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _EXACT, nullable=False),
        sa.Column("owner", _EXACT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trust_group")),
        sa.UniqueConstraint("name", name=op.f("uq_trust_group_name")),
    )
    op.create_table(
        "usage",
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("client_key", sa.BigInteger(), nullable=False),
        sa.Column("audience_id", sa.BigInteger(), nullable=False),
        sa.Column("grant_type", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("max_exp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "hour", "client_key", "audience_id", "grant_type", "outcome", name=op.f("pk_usage")
        ),
    )
    op.create_index(op.f("ix_usage_audience_id"), "usage", ["audience_id"], unique=False)
    op.create_index(op.f("ix_usage_client_key"), "usage", ["client_key"], unique=False)

    op.create_table(
        "service",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _EXACT, nullable=False),
        sa.Column("owner", _EXACT, nullable=False),
        sa.Column("trust_group_id", _ID, nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("is_builtin", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["trust_group_id"], ["trust_group.id"], name=op.f("fk_service_trust_group_id_trust_group")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service")),
        sa.UniqueConstraint("name", name=op.f("uq_service_name")),
    )
    op.create_index(op.f("ix_service_trust_group_id"), "service", ["trust_group_id"], unique=False)

    op.create_table(
        "audience",
        sa.Column("id", _ID, nullable=False),
        sa.Column("service_id", _ID, nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("successor_id", _ID, nullable=True),
        sa.Column("is_reserved", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("access_token_seconds", sa.BigInteger(), nullable=True),
        sa.Column("refresh_idle_seconds", sa.BigInteger(), nullable=True),
        sa.Column("refresh_absolute_seconds", sa.BigInteger(), nullable=True),
        sa.Column("signing_alg", sa.String(length=16), nullable=False),
        sa.Column("typ", sa.String(length=16), nullable=False),
        sa.Column("extra_claims", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_audience_service_id_service")),
        sa.ForeignKeyConstraint(
            ["successor_id"], ["audience.id"], name=op.f("fk_audience_successor_id_audience")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audience")),
    )
    op.create_index(op.f("ix_audience_service_id"), "audience", ["service_id"], unique=False)

    op.create_table(
        "client",
        sa.Column("key", _ID, nullable=False),
        sa.Column("client_id", _EXACT, nullable=False),
        sa.Column("name", _EXACT, nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("grant_types", sa.JSON(), nullable=False),
        sa.Column("auth_method", sa.String(length=32), nullable=False),
        sa.Column("may_use_offline_access", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("default_audience_id", _ID, nullable=True),
        sa.Column("tenant_id", _EXACT, nullable=True),
        sa.Column("access_token_max_seconds", sa.BigInteger(), nullable=True),
        sa.Column("service_id", _ID, nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["default_audience_id"], ["audience.id"], name=op.f("fk_client_default_audience_id_audience")
        ),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_client_service_id_service")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_client")),
        sa.UniqueConstraint("client_id", name=op.f("uq_client_client_id")),
    )
    op.create_index(op.f("ix_client_service_id"), "client", ["service_id"], unique=False)

    op.create_table(
        "identifier",
        sa.Column("id", _ID, nullable=False),
        sa.Column("identifier", _EXACT, nullable=False),
        sa.Column("canonical", _CANONICAL, nullable=False),
        sa.Column("audience_id", _ID, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_identifier_audience_id_audience")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identifier")),
        sa.UniqueConstraint("canonical", name=op.f("uq_identifier_canonical")),
        sa.UniqueConstraint("identifier", name=op.f("uq_identifier_identifier")),
    )
    op.create_index(op.f("ix_identifier_audience_id"), "identifier", ["audience_id"], unique=False)
    op.create_index(
        op.f("ix_identifier_one_primary"),
        "identifier",
        ["audience_id"],
        unique=True,
        sqlite_where=sa.text("role = 'primary'"),
        postgresql_where=sa.text("role = 'primary'"),
    )

    op.create_table(
        "scope",
        sa.Column("id", _ID, nullable=False),
        sa.Column("audience_id", _ID, nullable=False),
        sa.Column("name", _EXACT, nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["audience_id"], ["audience.id"], name=op.f("fk_scope_audience_id_audience")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scope")),
        sa.UniqueConstraint("audience_id", "name", name=op.f("uq_scope_audience_id_name")),
    )
    op.create_table(
        "client_secret",
        sa.Column("id", _EXACT, nullable=False),
        sa.Column("client_key", _ID, nullable=False),
        sa.Column("label", _EXACT, server_default="", nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_key"], ["client.key"], name=op.f("fk_client_secret_client_key_client")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_secret")),
    )
    op.create_index(op.f("ix_client_secret_client_key"), "client_secret", ["client_key"], unique=False)

    op.create_table(
        "family",
        sa.Column("id", _EXACT, nullable=False),
        sa.Column("client_key", _ID, nullable=False),
        sa.Column("sub", _EXACT, nullable=False),
        sa.Column("subject_kind", sa.String(length=16), nullable=False),
        sa.Column("tenant_id", _EXACT, nullable=True),
        sa.Column("granted_aud", sa.JSON(), nullable=False),
        sa.Column("granted_scopes", sa.JSON(), nullable=False),
        sa.Column("kid", _EXACT, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("rotated_at", sa.BigInteger(), nullable=False),
        sa.Column("idle_seconds", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.String(length=32), nullable=True),
        sa.CheckConstraint("generation >= 1", name=op.f("ck_family_generation")),
        sa.ForeignKeyConstraint(["client_key"], ["client.key"], name=op.f("fk_family_client_key_client")),
        sa.ForeignKeyConstraint(["kid"], ["signing_key.kid"], name=op.f("fk_family_kid_signing_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family")),
    )
    op.create_index(op.f("ix_family_client_key"), "family", ["client_key"], unique=False)
    op.create_index(op.f("ix_family_expires_at"), "family", ["expires_at"], unique=False)

    op.create_table(
        "permission",
        sa.Column("id", _ID, nullable=False),
        sa.Column("client_key", _ID, nullable=False),
        sa.Column("audience_id", _ID, nullable=False),
        sa.Column("subject", sa.String(length=16), nullable=False),
        sa.Column("is_revoked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_permission_audience_id_audience")
        ),
        sa.ForeignKeyConstraint(["client_key"], ["client.key"], name=op.f("fk_permission_client_key_client")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permission")),
        sa.UniqueConstraint("client_key", "audience_id", name=op.f("uq_permission_client_key_audience_id")),
    )
    op.create_index(op.f("ix_permission_audience_id"), "permission", ["audience_id"], unique=False)

    op.create_table(
        "revoked_token",
        sa.Column("jti", _EXACT, nullable=False),
        sa.Column("client_key", _ID, nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_key"], ["client.key"], name=op.f("fk_revoked_token_client_key_client")
        ),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_revoked_token")),
    )
    op.create_index(op.f("ix_revoked_token_expires_at"), "revoked_token", ["expires_at"], unique=False)

    op.create_table(
        "permission_scope",
        sa.Column("permission_id", _ID, nullable=False),
        sa.Column("scope_id", _ID, nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["permission.id"], name=op.f("fk_permission_scope_permission_id_permission")
        ),
        sa.ForeignKeyConstraint(["scope_id"], ["scope.id"], name=op.f("fk_permission_scope_scope_id_scope")),
        sa.PrimaryKeyConstraint("permission_id", "scope_id", name=op.f("pk_permission_scope")),
    )
    op.create_index(op.f("ix_permission_scope_scope_id"), "permission_scope", ["scope_id"], unique=False)
    _seed()


def downgrade() -> None:
    for table in (
        "permission_scope",
        "revoked_token",
        "permission",
        "family",
        "client_secret",
        "scope",
        "identifier",
        "client",
        "audience",
        "service",
        "usage",
        "trust_group",
        "signing_key",
        "registry_version",
        "registry_change",
        "issuance",
        "audit_event",
    ):
        op.drop_table(table)


def _seed() -> None:
    """Register the issuer itself and its reserved audiences.

    The admin API's audience is `<ISSUER_URL>/api/v1`; a migration does not know the URL, so it stands
    here under a name of its own until the first start (registry.first_start) writes the real one.
    """
    now = int(time.time())
    service = sa.table(
        "service",
        *map(sa.column, ("id", "name", "owner", "state", "is_builtin", "created_at")),
    )
    audience = sa.table(
        "audience",
        *map(sa.column, ("id", "service_id", "description", "state", "is_reserved", "signing_alg", "typ")),
        sa.column("extra_claims", sa.JSON),
        sa.column("created_at"),
    )
    identifier = sa.table(
        "identifier", *map(sa.column, ("id", "identifier", "canonical", "audience_id", "role"))
    )
    version = sa.table("registry_version", sa.column("id"), sa.column("version"))
    op.execute(
        service.insert().values(
            id=1, name="This issuer", owner="issuer", state="active", is_builtin=True, created_at=now
        )
    )
    for number, (name, description) in enumerate(_RESERVED, start=1):
        op.execute(
            audience.insert().values(
                id=number,
                service_id=1,
                description=description,
                state="active",
                is_reserved=True,
                signing_alg="RS256",
                typ="at+jwt",
                extra_claims={},
                created_at=now,
            )
        )
        op.execute(
            identifier.insert().values(
                id=number, identifier=name, canonical=name, audience_id=number, role="primary"
            )
        )
    op.execute(version.insert().values(id=1, version=1))
    if op.get_bind().dialect.name == "postgresql":
        # The rows above name their ids; the sequences must go on behind them.
        for table in ("service", "audience", "identifier"):
            rows = sa.table(table, sa.column("id"))
            highest = sa.select(sa.func.max(rows.c.id)).scalar_subquery()
            op.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table, "id"), highest)))
