"""All tables. Times are epoch seconds; names of constraints come from the convention.

Registry rows are never deleted: `removed` is a state, so no identifier is ever given away again.
"""

from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Compared byte for byte on both databases: SQLite's BINARY is the default, PostgreSQL is told.
_EXACT = String(255).with_variant(String(255, collation="C"), "postgresql")
# One longer: `http://host` gains a slash in its canonical form.
_CANONICAL = String(256).with_variant(String(256, collation="C"), "postgresql")
# What is larger fits into no column, and a driver would refuse it.
LARGEST_ID = 2**63 - 1
_ID = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """A plain declarative base: dataclass mapping breaks Flask-SQLAlchemy on SQLAlchemy 2.1."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger, str: _EXACT, bool: Boolean}


class TrustGroupRow(Base):
    """Services of one owner whose audiences may stand together in one token."""

    __tablename__ = "trust_group"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str]
    created_at: Mapped[int]


class ServiceRow(Base):
    """A registered party that receives tokens."""

    __tablename__ = "service"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str]
    trust_group_id: Mapped[int | None] = mapped_column(ForeignKey("trust_group.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    is_builtin: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[int]
    version: Mapped[int] = mapped_column(server_default="1")


class AudienceRow(Base):
    """One identifier of a service, with its token policy. Its spellings stand in `identifier`."""

    __tablename__ = "audience"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("service.id"), index=True)
    description: Mapped[str] = mapped_column(Text, server_default="")
    state: Mapped[str] = mapped_column(String(16))
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("audience.id"))
    is_reserved: Mapped[bool] = mapped_column(server_default=false())
    access_token_seconds: Mapped[int | None]
    refresh_idle_seconds: Mapped[int | None]
    refresh_absolute_seconds: Mapped[int | None]
    signing_alg: Mapped[str] = mapped_column(String(16))
    typ: Mapped[str] = mapped_column(String(16))
    extra_claims: Mapped[dict[str, Any]] = mapped_column(JSON)  # JSON of the admin's own making
    has_own_key: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[int]
    version: Mapped[int] = mapped_column(server_default="1")


class IdentifierRow(Base):
    """Every spelling an audience has or had: one table, so that no two audiences ever share one.

    canonical: what two spellings share if they are one (policy.identifiers); unique, too.
    role: primary, accept, dual, or retired (an alias taken away: kept, so that no other service gets it).
    """

    __tablename__ = "identifier"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    identifier: Mapped[str] = mapped_column(unique=True)
    canonical: Mapped[str] = mapped_column(_CANONICAL, unique=True)
    audience_id: Mapped[int] = mapped_column(ForeignKey("audience.id"), index=True)
    role: Mapped[str] = mapped_column(String(16))
    until: Mapped[int | None]


Index(
    "ix_identifier_one_primary",
    IdentifierRow.audience_id,
    unique=True,
    sqlite_where=IdentifierRow.role == "primary",
    postgresql_where=IdentifierRow.role == "primary",
)


class ScopeRow(Base):
    """A permission name that one audience defines."""

    __tablename__ = "scope"
    __table_args__ = (UniqueConstraint("audience_id", "name"),)

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    audience_id: Mapped[int] = mapped_column(ForeignKey("audience.id"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(Text, server_default="")


class ClientRow(Base):
    """A registered program that asks for tokens."""

    __tablename__ = "client"

    key: Mapped[int] = mapped_column(_ID, primary_key=True)
    client_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    type: Mapped[str] = mapped_column(String(16))
    grant_types: Mapped[list[str]] = mapped_column(JSON)
    auth_method: Mapped[str] = mapped_column(String(32))
    may_use_offline_access: Mapped[bool] = mapped_column(server_default=false())
    default_audience_id: Mapped[int | None] = mapped_column(ForeignKey("audience.id"))
    tenant_id: Mapped[str | None]
    access_token_max_seconds: Mapped[int | None]
    service_id: Mapped[int | None] = mapped_column(ForeignKey("service.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[int]
    version: Mapped[int] = mapped_column(server_default="1")


class ClientSecretRow(Base):
    """One secret of a client: its SHA-256, never the secret."""

    __tablename__ = "client_secret"

    id: Mapped[str] = mapped_column(primary_key=True)
    client_key: Mapped[int] = mapped_column(ForeignKey("client.key"), index=True)
    label: Mapped[str] = mapped_column(server_default="")
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[int]
    last_used_at: Mapped[int | None]
    expires_at: Mapped[int | None]
    revoked_at: Mapped[int | None]


class PermissionRow(Base):
    """A client may ask for an audience, for itself and/or for a user. Revoked is a state."""

    __tablename__ = "permission"
    # The index counts who may ask for an audience without looking at a row.
    __table_args__ = (
        UniqueConstraint("client_key", "audience_id"),
        Index(None, "audience_id", "is_revoked", "client_key"),
    )

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    client_key: Mapped[int] = mapped_column(ForeignKey("client.key"))
    audience_id: Mapped[int] = mapped_column(ForeignKey("audience.id"))
    subject: Mapped[str] = mapped_column(String(16))
    is_revoked: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[int]
    version: Mapped[int] = mapped_column(server_default="1")


class PermissionScopeRow(Base):
    """A scope that a permission holds; the row goes when the scope is taken away."""

    __tablename__ = "permission_scope"

    permission_id: Mapped[int] = mapped_column(ForeignKey("permission.id"), primary_key=True)
    scope_id: Mapped[int] = mapped_column(ForeignKey("scope.id"), primary_key=True, index=True)
    is_default: Mapped[bool] = mapped_column(server_default=false())


class SigningKeyRow(Base):
    """A signing key; its state follows from its timestamps (model.signing_key)."""

    __tablename__ = "signing_key"

    kid: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    alg: Mapped[str] = mapped_column(String(16))
    audience_id: Mapped[int | None] = mapped_column(ForeignKey("audience.id"))
    public_jwk: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    master_key_id: Mapped[str]
    created_at: Mapped[int]
    published_at: Mapped[int]
    signs_from: Mapped[int]
    signs_until: Mapped[int | None]
    verify_until: Mapped[int | None]
    compromised_at: Mapped[int | None]
    shared_until: Mapped[int] = mapped_column(server_default="0")
    erased_at: Mapped[int | None]
    longest_lifetime_seconds: Mapped[int]


# The key without an end: one per purpose and algorithm, whoever starts first; and one of an audience.
_IS_SHARED_AND_OPEN = SigningKeyRow.signs_until.is_(None) & SigningKeyRow.audience_id.is_(None)
Index(
    "ix_signing_key_one_open",
    SigningKeyRow.purpose,
    SigningKeyRow.alg,
    unique=True,
    sqlite_where=_IS_SHARED_AND_OPEN,
    postgresql_where=_IS_SHARED_AND_OPEN,
)
Index(
    "ix_signing_key_one_open_of_audience",
    SigningKeyRow.audience_id,
    unique=True,
    sqlite_where=SigningKeyRow.signs_until.is_(None),
    postgresql_where=SigningKeyRow.signs_until.is_(None),
)


class JwksFetchRow(Base):
    """Who has fetched the published keys. document: 0 for the set of all, else an audience's id."""

    __tablename__ = "jwks_fetch"

    document: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_agent: Mapped[str] = mapped_column(primary_key=True)
    first_at: Mapped[int]
    last_at: Mapped[int] = mapped_column(index=True)
    count: Mapped[int]


class FamilyRow(Base):
    """One refresh token and all its successors. No token is stored, hashed or not."""

    __tablename__ = "family"
    __table_args__ = (CheckConstraint("generation >= 1", name="generation"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    client_key: Mapped[int] = mapped_column(ForeignKey("client.key"), index=True)
    sub: Mapped[str]
    subject_kind: Mapped[str] = mapped_column(String(16))
    tenant_id: Mapped[str | None]
    granted_aud: Mapped[list[str]] = mapped_column(JSON)
    granted_scopes: Mapped[list[str]] = mapped_column(JSON)
    issuer_scopes: Mapped[list[str]] = mapped_column(JSON, server_default="[]")
    kid: Mapped[str] = mapped_column(ForeignKey("signing_key.kid"))
    generation: Mapped[int]
    created_at: Mapped[int]
    rotated_at: Mapped[int]
    rotated_from: Mapped[str] = mapped_column(server_default="")
    idle_seconds: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
    ended_at: Mapped[int | None]
    end_reason: Mapped[str | None] = mapped_column(String(32))


# For sweeping. Of the ended ones only, so that a refresh changes no index.
Index(
    "ix_family_ended",
    FamilyRow.ended_at,
    sqlite_where=FamilyRow.ended_at.is_not(None),
    postgresql_where=FamilyRow.ended_at.is_not(None),
)


class IncidentRow(Base):
    """A refresh token that came back after it was spent. family_id: no foreign key, families are swept."""

    __tablename__ = "incident"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    at: Mapped[int] = mapped_column(index=True)
    family_id: Mapped[str] = mapped_column(index=True)
    client_key: Mapped[int] = mapped_column(ForeignKey("client.key"), index=True)
    presented: Mapped[int]
    stored: Mapped[int]
    address: Mapped[str]
    request_id: Mapped[str]
    rotated_at: Mapped[int]
    rotated_from: Mapped[str]


class RevokedTokenRow(Base):
    """An access token that was revoked before its end, by its jti."""

    __tablename__ = "revoked_token"

    jti: Mapped[str] = mapped_column(primary_key=True)
    client_key: Mapped[int] = mapped_column(ForeignKey("client.key"))
    revoked_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)


class UsageRow(Base):
    """Counts by hour. No foreign keys: key 0 stands for a client or audience that is not registered."""

    __tablename__ = "usage"
    # So that the last hour of a use is found without looking at all the others.
    __table_args__ = (
        Index(None, "client_key", "outcome", "hour"),
        Index(None, "client_key", "audience_id", "outcome", "hour"),
        Index(None, "audience_id", "outcome", "hour"),
    )

    hour: Mapped[int] = mapped_column(primary_key=True)
    client_key: Mapped[int] = mapped_column(primary_key=True)
    audience_id: Mapped[int] = mapped_column(primary_key=True)
    grant_type: Mapped[str] = mapped_column(String(64), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(32), primary_key=True)
    count: Mapped[int]
    last_at: Mapped[int]
    max_exp: Mapped[int]


class UsageTotalRow(Base):
    """Counts since ever, which never go down: of `usage` without hour and client, and never swept."""

    __tablename__ = "usage_total"

    audience_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    grant_type: Mapped[str] = mapped_column(String(64), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(32), primary_key=True)
    count: Mapped[int]
    first_at: Mapped[int]


class TokenDurationRow(Base):
    """How long token requests took, since ever: one row for each bound (model.duration), 0 for longer."""

    __tablename__ = "token_duration"

    up_to_microseconds: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]
    sum_microseconds: Mapped[int]


class IssuanceRow(Base):
    """One issued token, where ISSUER_AUDIT_ISSUANCE asks for rows beside log lines."""

    __tablename__ = "issuance"

    jti: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(index=True)
    client_id: Mapped[str] = mapped_column(index=True)
    sub: Mapped[str]
    aud: Mapped[list[str]] = mapped_column(JSON)
    scope: Mapped[str] = mapped_column(Text)
    grant_type: Mapped[str] = mapped_column(String(64))
    kid: Mapped[str]
    exp: Mapped[int]
    request_id: Mapped[str]


class RefusalRow(Base):
    """A refused token request of a client that had proved who it is; the newest are kept.

    asked: targets as sent, cut. audience_id: the registered one among them, if any. No foreign keys: rows
    are written beside the requests, and swept. left_out: refusals of that client just before this one that
    were too many to be kept.
    """

    __tablename__ = "refusal"
    __table_args__ = (Index(None, "client_key", "id"), Index(None, "audience_id", "id"))

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    at: Mapped[int] = mapped_column(index=True)
    client_key: Mapped[int]
    audience_id: Mapped[int | None]
    asked: Mapped[list[str]] = mapped_column(JSON)
    grant_type: Mapped[str] = mapped_column(String(64))
    error: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    request_id: Mapped[str]
    address: Mapped[str]
    left_out: Mapped[int]


class AuditEventRow(Base):
    """Who changed what, what it was before and after; written in the transaction of the change."""

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    at: Mapped[int] = mapped_column(index=True)
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str]
    action: Mapped[str] = mapped_column(String(64), index=True)
    target_kind: Mapped[str] = mapped_column(String(32))
    target: Mapped[str] = mapped_column(index=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # fields of any type
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # fields of any type
    request_id: Mapped[str | None]


class RegistryVersionRow(Base):
    """One row that every admin transaction raises first: admin writes are serial, workers see a change."""

    __tablename__ = "registry_version"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    version: Mapped[int]


class RegistryChangeRow(Base):
    """Which part of the registry a version concerns: one client, all of them, or the signing keys."""

    __tablename__ = "registry_change"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    version: Mapped[int] = mapped_column(index=True)
    concern: Mapped[str] = mapped_column(String(16))
    client_key: Mapped[int | None]
    at: Mapped[int] = mapped_column(server_default="0", index=True)


class LeaseRow(Base):
    """Who does what only one may do at a time, until when, and when it was last done."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    until: Mapped[int]
    succeeded_at: Mapped[int | None]


class AuthFailureRow(Base):
    """Failed client authentications in a row, by client (0: anyone's) and network; swept by age."""

    __tablename__ = "auth_failure"

    client_key: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    network: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[int] = mapped_column(index=True)


class UserRow(Base):
    """A person who may sign in. Removed ones stay, so that no name is ever given to another person.

    Not named `user`: PostgreSQL would answer that unquoted word with the database's own user.
    """

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    name: Mapped[str]
    canonical: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[int]
    last_sign_in_at: Mapped[int | None]
    password_changed_at: Mapped[int]
    version: Mapped[int] = mapped_column(server_default="1")


class UserServiceRow(Base):
    """A service that a service owner owns."""

    __tablename__ = "user_service"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("service.id"), primary_key=True, index=True)


class WebSessionRow(Base):
    """A browser in which a user has signed in, by the hash of what the browser holds."""

    __tablename__ = "web_session"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[int] = mapped_column(index=True)
    last_seen_at: Mapped[int]
    stepped_up_at: Mapped[int]
    address: Mapped[str]
    user_agent: Mapped[str]
    ended_at: Mapped[int | None]


class SetupLinkRow(Base):
    """The one link that makes the first owner: a newer one takes its place."""

    __tablename__ = "setup_link"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[int]
    expires_at: Mapped[int]
    used_at: Mapped[int | None]


class SignInFailureRow(Base):
    """Wrong passwords in a row, by canonical name and network (empty: from anywhere); swept by age."""

    __tablename__ = "sign_in_failure"

    canonical: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[int] = mapped_column(index=True)
