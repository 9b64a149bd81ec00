"""What in an identifier looks like a tenant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer.policy import tenants


@pytest.mark.parametrize(
    ("identifier", "part"),
    [
        ("https://x.example/tenants/acme", "tenants/acme"),
        ("https://x.example/tenant/acme/api", "tenant/acme"),
        ("https://x.example/orgs/acme", "orgs/acme"),
        ("https://x.example/organisations/acme", "organisations/acme"),
        ("https://x.example/customers/acme", "customers/acme"),
        ("urn:example:tenant:acme", "tenant:acme"),
        ("https://x.example/12345", "12345"),
        ("https://x.example/123/orders", "123"),
        ("https://x.example/?tenant=acme", "tenant=acme"),
        ("https://x.example/?tenant_id=acme&a=b", "tenant_id=acme"),
        ("https://x.example/{tenant}/orders", "{tenant}"),
        ("https://x.example/<tenant>", "<tenant>"),
        ("https://x.example/%7Btenant%7D", "%7Btenant%7D"),
        (
            "https://x.example/0b7f0b56-1111-2222-3333-444455556666/orders",
            "0b7f0b56-1111-2222-3333-444455556666",
        ),
    ],
)
def test_a_tenant_is_found(identifier, part):
    assert tenants.find_tenant_part(identifier) == part


@pytest.mark.parametrize(
    "identifier",
    [
        "https://x.example",
        "https://x.example:8443/v1",
        "https://x.example/tenants/v1",
        "https://x.example/tenants",
        "https://tenants.example/api",
        "https://127.0.0.1/api",
        "https://x.example/42",
        "urn:isbn:12345",
        "tenants",
    ],
)
def test_what_is_none_is_left_alone(identifier):
    assert tenants.find_tenant_part(identifier) is None


@given(st.text(max_size=2000))
def test_no_text_raises(text):
    assert tenants.find_tenant_part(text) is None or tenants.find_tenant_part(text) in text
