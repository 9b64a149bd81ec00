"""The form of a document: what its keys may hold, and where the mistake is if they hold something else."""

import pytest

from issuer.errors import InvalidValue
from issuer.model.audience import AliasMode, AudienceState, Scope, SigningAlg, TokenTyp
from issuer.model.client import AuthMethod, ClientState, ClientType, GrantType
from issuer.model.permission import PermittedSubject
from issuer.model.service import ServiceState
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.document import form
from issuer.registry.document.entries import (
    AliasEntry,
    AudienceEntry,
    ClientEntry,
    Document,
    ServiceEntry,
    TrustGroupEntry,
)
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService

SERVICE = {"name": "Orders", "owner": "shop"}
AUDIENCE = {"identifier": "orders", "service": "Orders"}
CLIENT = {"client_id": "robot", "name": "Robot", "grant_types": ["client_credentials"]}
PERMISSION = {"client_id": "robot", "audience": "orders"}


def with_one(section, entry):
    """Return a document with one entry behind another, right one, so that its path has a 1 in it."""
    first = {
        "trust_groups": {"name": "first", "owner": "shop"},
        "services": {**SERVICE, "name": "first"},
        "audiences": {**AUDIENCE, "identifier": "first"},
        "clients": {**CLIENT, "client_id": "first"},
        "permissions": {**PERMISSION, "client_id": "first"},
    }
    return {"version": 1, section: [first[section], entry]}


def test_what_is_left_out_has_its_default():
    document = form.read(
        {
            "version": 1,
            "services": [SERVICE],
            "audiences": [AUDIENCE],
            "clients": [CLIENT],
            "permissions": [PERMISSION],
        }
    )

    assert document == Document(
        services=(ServiceEntry(NewService("Orders", "shop")),),
        audiences=(AudienceEntry(NewAudience("orders", "Orders")),),
        clients=(ClientEntry("robot", NewClient("Robot")),),
        permissions=(NewPermission("robot", "orders"),),
        sections=frozenset({"services", "audiences", "clients", "permissions"}),
    )


FULL = Document(
    trust_groups=(TrustGroupEntry("shop", "team"),),
    services=(ServiceEntry(NewService("Orders", "team", "shop"), ServiceState.DISABLED),),
    audiences=(
        AudienceEntry(
            NewAudience(
                identifier="https://orders.example",
                service="Orders",
                description="What is bought",
                scopes=(Scope("read", "Look"), Scope("write")),
                access_token_seconds=60,
                refresh_idle_seconds=3600,
                refresh_absolute_seconds=7200,
                signing_alg=SigningAlg.ES256,
                typ=TokenTyp.JWT,
                extra_claims={"tier": {"level": 1, "is_gold": True, "none": None, "empty": []}},
            ),
            (AliasEntry("orders", AliasMode.DUAL, 1_800_000_000), AliasEntry("o", AliasMode.ACCEPT)),
            AudienceState.DEPRECATED,
            "next",
        ),
    ),
    clients=(
        ClientEntry(
            "robot",
            NewClient(
                name="Robot",
                type=ClientType.WEB,
                grant_types=frozenset(GrantType),
                auth_method=AuthMethod.CLIENT_SECRET_POST,
                may_use_offline_access=True,
                tenant_id="acme",
                access_token_max_seconds=120,
                service="Orders",
            ),
            "https://orders.example",
            ClientState.DISABLED,
        ),
    ),
    permissions=(
        NewPermission(
            "robot",
            "https://orders.example",
            frozenset({"read", "write"}),
            frozenset({"read"}),
            PermittedSubject.BOTH,
        ),
    ),
)


def test_what_is_written_is_read_again():
    assert form.read(form.write(FULL)) == FULL


def test_a_document_is_written_with_the_words_of_the_glossary():
    assert form.write(FULL) == {
        "version": 1,
        "trust_groups": [{"name": "shop", "owner": "team"}],
        "services": [{"name": "Orders", "owner": "team", "trust_group": "shop", "state": "disabled"}],
        "audiences": [
            {
                "identifier": "https://orders.example",
                "service": "Orders",
                "description": "What is bought",
                "scopes": [{"name": "read", "description": "Look"}, {"name": "write"}],
                "aliases": [
                    {"identifier": "orders", "mode": "dual", "until": "2027-01-15T08:00:00Z"},
                    {"identifier": "o", "mode": "accept"},
                ],
                "access_token_seconds": 60,
                "refresh_idle_seconds": 3600,
                "refresh_absolute_seconds": 7200,
                "signing_alg": "ES256",
                "typ": "JWT",
                "extra_claims": {"tier": {"level": 1, "is_gold": True, "none": None, "empty": []}},
                "state": "deprecated",
                "successor": "next",
            }
        ],
        "clients": [
            {
                "client_id": "robot",
                "name": "Robot",
                "type": "web",
                "grant_types": ["client_credentials", "refresh_token"],
                "auth_method": "client_secret_post",
                "may_use_offline_access": True,
                "default_audience": "https://orders.example",
                "tenant_id": "acme",
                "access_token_max_seconds": 120,
                "service": "Orders",
                "state": "disabled",
            }
        ],
        "permissions": [
            {
                "client_id": "robot",
                "audience": "https://orders.example",
                "scopes": ["read", "write"],
                "default_scopes": ["read"],
                "subject": "both",
            }
        ],
    }


@pytest.mark.parametrize(
    ("until", "at"),
    [
        ("2027-01-15", 1_799_971_200),
        ("2027-01-15T08:00:00Z", 1_800_000_000),
        ("2027-01-15T09:00:00+01:00", 1_800_000_000),
        ("2001-09-09T01:46:40", 1_000_000_000),
    ],
)
def test_dates_are_utc_unless_they_say_otherwise(until, at):
    aliases = [{"identifier": "old", "mode": "accept", "until": until}]

    document = form.read(with_one("audiences", {**AUDIENCE, "aliases": aliases}))

    assert document.audiences[1].aliases == (AliasEntry("old", AliasMode.ACCEPT, at),)


@pytest.mark.parametrize(
    ("section", "entry", "path"),
    [
        ("trust_groups", {"name": "g"}, "trust_groups[1].owner"),
        ("services", "Orders", "services[1]"),
        ("services", None, "services[1]"),
        ("services", [SERVICE], "services[1]"),
        ("services", {**SERVICE, "owner": 12}, "services[1].owner"),
        ("services", {**SERVICE, "owner": "a\nb"}, "services[1].owner"),
        ("services", {**SERVICE, "owner": "\ud800"}, "services[1].owner"),
        ("services", {**SERVICE, "state": "deprecated"}, "services[1].state"),
        ("services", {**SERVICE, "state": "removed"}, "services[1].state"),
        ("services", {**SERVICE, "name": "first"}, "services[1].name"),
        ("audiences", {"identifier": "a"}, "audiences[1].service"),
        ("audiences", {**AUDIENCE, "state": "removed"}, "audiences[1].state"),
        ("audiences", {**AUDIENCE, "successor": "first"}, "audiences[1].successor"),
        ("audiences", {**AUDIENCE, "identifier": "FIRST"}, "audiences[1].identifier"),
        ("audiences", {**AUDIENCE, "scopes": ["read"]}, "audiences[1].scopes[0]"),
        ("audiences", {**AUDIENCE, "scopes": {"read": ""}}, "audiences[1].scopes"),
        ("audiences", {**AUDIENCE, "scopes": [{"name": "a"}, {"name": "a"}]}, "audiences[1].scopes[1].name"),
        ("audiences", {**AUDIENCE, "access_token_seconds": "60"}, "audiences[1].access_token_seconds"),
        ("audiences", {**AUDIENCE, "access_token_seconds": 60.0}, "audiences[1].access_token_seconds"),
        ("audiences", {**AUDIENCE, "access_token_seconds": True}, "audiences[1].access_token_seconds"),
        ("audiences", {**AUDIENCE, "access_token_seconds": 2**63}, "audiences[1].access_token_seconds"),
        ("audiences", {**AUDIENCE, "signing_alg": "none"}, "audiences[1].signing_alg"),
        ("audiences", {**AUDIENCE, "typ": "jwt"}, "audiences[1].typ"),
        ("audiences", {**AUDIENCE, "extra_claims": ["a"]}, "audiences[1].extra_claims"),
        ("audiences", {**AUDIENCE, "extra_claims": {"aud": "a"}}, "audiences[1].extra_claims"),
        ("audiences", {**AUDIENCE, "extra_claims": {"a": float("inf")}}, "audiences[1].extra_claims"),
        ("audiences", {**AUDIENCE, "aliases": [{"identifier": "a"}]}, "audiences[1].aliases[0].mode"),
        (
            "audiences",
            {**AUDIENCE, "aliases": [{"identifier": "a", "mode": "dual", "until": "soon"}]},
            "audiences[1].aliases[0].until",
        ),
        (
            "audiences",
            {**AUDIENCE, "aliases": [{"identifier": "a", "mode": "dual", "until": 1_800_000_000}]},
            "audiences[1].aliases[0].until",
        ),
        *(
            (
                "audiences",
                {**AUDIENCE, "aliases": [{"identifier": "a", "mode": "dual", "until": until}]},
                "audiences[1].aliases[0].until",
            )
            for until in ("9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "1969-12-31")
        ),
        ("audiences", {**AUDIENCE, "extra_claims": {"a\x1b[2J": 1}}, "audiences[1].extra_claims"),
        (
            "audiences",
            {**AUDIENCE, "aliases": [{"identifier": "First", "mode": "dual"}]},
            "audiences[1].aliases[0].identifier",
        ),
        ("clients", {**CLIENT, "grant_types": "client_credentials"}, "clients[1].grant_types"),
        ("clients", {**CLIENT, "grant_types": ["password"]}, "clients[1].grant_types"),
        ("clients", {**CLIENT, "grant_types": [1]}, "clients[1].grant_types[0]"),
        ("clients", {**CLIENT, "grant_types": ["client_credentials"] * 2}, "clients[1].grant_types[1]"),
        ("clients", {"client_id": "a", "name": "A"}, "clients[1].grant_types"),
        ("clients", {**CLIENT, "may_use_offline_access": "no"}, "clients[1].may_use_offline_access"),
        ("clients", {**CLIENT, "auth_method": "none"}, "clients[1].auth_method"),
        ("clients", {**CLIENT, "state": "removed"}, "clients[1].state"),
        ("permissions", {**PERMISSION, "scopes": "read"}, "permissions[1].scopes"),
        ("permissions", {**PERMISSION, "subject": "nobody"}, "permissions[1].subject"),
        ("permissions", {**PERMISSION, "client_id": "first"}, "permissions[1]"),
    ],
    ids=repr,
)
def test_a_mistake_is_told_with_its_path(section, entry, path):
    with pytest.raises(InvalidValue) as refused:
        form.read(with_one(section, entry))

    assert refused.value.detail.startswith((f"{path}: ", f"{path} "))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"version": 1, "client": []}, "there is no key 'client'; did you mean clients?"),
        ({"version": 1, "zzz": []}, "known are version, trust_groups, services"),
        (with_one("clients", {**CLIENT, "grants": []}), "clients[1]: there is no key 'grants'; did you mean"),
        (with_one("clients", {**CLIENT, "secret": "x"}), "clients[1]: there is no key 'secret'"),
        (with_one("audiences", {**AUDIENCE, "scope": []}), "did you mean scopes?"),
        ({"version": 2}, "version: this is 1"),
        ({"version": "1"}, "version: here stands a whole number"),
        ({}, "version: this is 1"),
        ([], "the document: here stand version"),
        (None, "the document: here stand version"),
        ({"version": 1, "clients": {}}, "clients: here stands a list, not a mapping"),
    ],
    ids=repr,
)
def test_keys_that_are_not_known_are_told_with_what_is_meant(document, said):
    with pytest.raises(InvalidValue) as refused:
        form.read(document)

    assert said in refused.value.detail
