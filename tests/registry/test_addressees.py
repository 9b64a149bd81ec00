"""Addressees: every spelling by which a token can be addressed."""

from issuer.registry import aliases, audiences, services
from issuer.registry.aliases import AliasMode
from issuer.registry.audiences import NewAudience
from issuer.registry.services import NewService
from issuer.store.addressees import list_addressees


def _list(registrar) -> dict[str, tuple[bool, bool, str]]:
    with registrar.reading() as connection:
        found = list_addressees(connection)
    return {
        one.spelling: (one.is_primary, one.is_expected, one.service)
        for one in found
        if one.spelling == "refresh" or one.service != "This issuer"
    }


def test_all_spellings_are_listed_with_whether_a_service_expects_them(registrar):
    for name in ("Shop", "Bank"):
        services.add_service(registrar, NewService(name, "team"))
    for identifier, service in (("orders", "Shop"), ("gone", "Shop"), ("billing", "Bank")):
        audiences.add_audience(registrar, NewAudience(identifier, service))
    aliases.add_alias(registrar, "orders", "ordering", AliasMode.DUAL, None)
    aliases.add_alias(registrar, "orders", "taken-away", AliasMode.ACCEPT, None)
    aliases.remove_alias(registrar, "orders", "taken-away")
    audiences.remove_audience(registrar, "gone")
    services.disable_service(registrar, "Bank")

    assert _list(registrar) == {
        "refresh": (True, False, "This issuer"),
        "orders": (True, True, "Shop"),
        "ordering": (False, True, "Shop"),
        "gone": (True, False, "Shop"),
        "billing": (True, False, "Bank"),
    }
