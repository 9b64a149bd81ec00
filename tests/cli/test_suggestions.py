"""A name that is nearly a registered one is refused with that one: at the terminal, to the admin alone."""

import pytest

ORDERS = "https://orders.example.com"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (("service", "show", "Oders"), "no service Oders is registered; did you mean Orders?"),
        (
            ("audience", "add", "https://x.example.com", "--service", "orders"),
            "no service orders is registered; did you mean Orders?",
        ),
        (
            ("audience", "show", f"{ORDERS}/x/../"),
            f"no audience {ORDERS}/x/../ is registered",
        ),
        (
            ("audience", "show", "http://orders.example.com"),
            f"no audience http://orders.example.com is registered; did you mean {ORDERS}?",
        ),
        (
            ("token", "explain", "--audience", "http://orders.example.com"),
            f"no audience http://orders.example.com is registered; did you mean {ORDERS}?",
        ),
        (("client", "show", "nobody"), "no client nobody is registered"),
    ],
)
def test_a_near_name_is_suggested(shop, line: tuple[str, ...], reason: str):
    ran = shop(*line, "--json")

    assert (ran.status, ran.document) == (1, {"error": "not_found", "reason": reason})


@pytest.mark.parametrize("asked", ["Reports", "reports", "Report"])
def test_a_client_is_suggested_by_its_name_as_well(shop, client_id: str, asked: str):
    ran = shop("client", "show", asked, "--json")

    reason = f"no client {asked} is registered; did you mean {client_id}?"
    assert (ran.status, ran.document) == (1, {"error": "not_found", "reason": reason})


def test_a_client_is_suggested_by_its_client_id(shop, client_id: str):
    ran = shop("client", "show", client_id.upper(), "--json")

    assert ran.document["reason"].endswith(f"; did you mean {client_id}?")


def test_what_is_removed_is_not_suggested(shop, client_id: str):
    for line in (("client", "remove", client_id), ("service", "remove", "Orders")):
        assert shop(*line).status == 0

    client = shop("client", "show", "Reports", "--json").document
    service = shop("service", "show", "orders", "--json").document
    audience = shop("audience", "show", "http://orders.example.com", "--json").document

    assert client["reason"] == "no client Reports is registered"
    assert service["reason"] == "no service orders is registered"
    assert audience["reason"] == "no audience http://orders.example.com is registered"


def test_a_document_is_told_what_it_perhaps_means(shop, tmp_path):
    file = tmp_path / "registry.yaml"
    file.write_text(
        "version: 1\naudiences:\n- {identifier: 'https://new.example.com', service: Oders}\n",
        encoding="utf-8",
    )

    ran = shop("registry", "apply", str(file), "--json")

    assert (ran.status, ran.document["error"]) == (1, "not_found")
    assert ran.document["reason"] == (
        "audiences[0].service: no service Oders is in the document, nor registered to stay beside it; "
        "did you mean Orders?"
    )
