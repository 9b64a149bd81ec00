"""Every address has a policy: who may call it. A new one fails here until it is written down.

An alternative path that skips authentication: smallstep CVE-2026-30836, Vault CVE-2026-4525.
"""

import re

import pytest

from issuer.pages import gate
from issuer.registry import client_rules
from issuer.registry.powers import Power
from tests.oauth.world import FORM, World

# Address: (methods that do anything, who may call).
POLICIES = {
    "/oauth/token": ({"POST"}, "client authentication"),
    "/oauth/introspect": ({"POST"}, "client authentication"),
    "/oauth/revoke": ({"POST"}, "client authentication"),
    "/.well-known/jwks.json": ({"GET", "HEAD"}, "public"),
    "/.well-known/oauth-authorization-server": ({"GET", "HEAD"}, "public"),
    "/.well-known/openid-configuration": ({"GET", "HEAD"}, "public"),
    "/healthz": ({"GET", "HEAD"}, "public"),
    "/readyz": ({"GET", "HEAD"}, "public"),
}
# The key set of an audience that has keys of its own: the one address for machines of which a part varies.
OWN_JWKS = "/.well-known/jwks/<int:audience_id>.json"
_READ, _FORM = {"GET", "HEAD"}, {"GET", "HEAD", "POST"}
_SERVICES, _AUDIENCES = gate.needs(Power.SERVICES.value), gate.needs(Power.AUDIENCES.value)
_PERMISSIONS = gate.needs(Power.PERMISSIONS.value)
_KEYS = gate.needs(Power.KEYS.value)
_SERVICE, _AUDIENCE = "/admin/services/<int:service_id>", "/admin/audiences/<int:audience_id>"
CLIENT = "/admin/clients/<client_id>"
PERMITTED = f"{CLIENT}/access/<int(max=9223372036854775807):audience_id>"
CLIENTS, PERMISSIONS, SECRETS, FAMILIES = (
    gate.needs(power.value)
    for power in (Power.CLIENTS, Power.PERMISSIONS, Power.CLIENT_SECRETS, Power.FAMILIES)
)
# What people open, answered by Flask alone: (endpoint, methods, who may call).
PAGES = {
    "/": ("landing", {"GET", "HEAD"}, gate.PUBLIC),
    "/static/<digest>/<path:name>": ("asset", {"GET", "HEAD"}, gate.PUBLIC),
    "/admin/theme": ("admin.choose_theme", {"POST"}, gate.PUBLIC),
    "/admin": ("admin.front", {"GET", "HEAD"}, gate.SIGNED_IN),
    "/admin/refusals": ("admin.list_refusals", {"GET", "HEAD"}, gate.SIGNED_IN),
    "/admin/account": ("admin.account", {"GET", "HEAD"}, gate.SIGNED_IN),
    "/admin/account/password": ("admin.own_password", {"GET", "HEAD", "POST"}, gate.SIGNED_IN),
    "/admin/account/sessions/<int(max=2147483647):session_id>/end": (
        "admin.end_own_session",
        {"POST"},
        gate.SIGNED_IN,
    ),
    "/admin/account/end-others": ("admin.end_other_sessions", {"POST"}, gate.SIGNED_IN),
    "/admin/setup": ("admin.setup", {"GET", "HEAD", "POST"}, gate.PUBLIC),
    "/admin/sign-in": ("admin.sign_in", {"GET", "HEAD", "POST"}, gate.PUBLIC),
    "/admin/sign-out": ("admin.sign_out", {"POST"}, gate.SIGNED_IN),
    "/admin/step-up": ("admin.step_up", {"GET", "HEAD", "POST"}, gate.SIGNED_IN),
}
_READS_USERS = gate.needs(Power.READ_USERS.value)
_READS_AUDIT = gate.needs(Power.READ_AUDIT.value)
_CHANGES_USERS = gate.needs(Power.USERS.value)
_USER = "/admin/users/by-name/<name>"
PAGES |= {
    "/admin/users": ("admin.users", {"GET", "HEAD"}, _READS_USERS),
    "/admin/users/new": ("admin.new_user", {"GET", "HEAD", "POST"}, _CHANGES_USERS),
    _USER: ("admin.user", {"GET", "HEAD"}, _READS_USERS),
    f"{_USER}/edit": ("admin.edit_user", {"GET", "HEAD", "POST"}, _CHANGES_USERS),
    f"{_USER}/password": ("admin.set_password", {"GET", "HEAD", "POST"}, _CHANGES_USERS),
    f"{_USER}/disable": ("admin.disable_user", {"POST"}, _CHANGES_USERS),
    f"{_USER}/enable": ("admin.enable_user", {"POST"}, _CHANGES_USERS),
    f"{_USER}/remove": ("admin.remove_user", {"POST"}, _CHANGES_USERS),
    f"{_USER}/sign-out": ("admin.sign_user_out", {"POST"}, _CHANGES_USERS),
    f"{_USER}/sessions/<int(max=2147483647):session_id>/end": (
        "admin.end_session",
        {"POST"},
        _CHANGES_USERS,
    ),
    "/admin/audit": ("admin.audit", {"GET", "HEAD"}, _READS_AUDIT),
    "/admin/audit/export": ("admin.audit_export", {"GET", "HEAD"}, _READS_AUDIT),
    "/admin/audit/<int:event_id>": ("admin.audit_event", {"GET", "HEAD"}, _READS_AUDIT),
    "/admin/inspector": ("admin.inspector", {"GET", "HEAD", "POST"}, gate.SIGNED_IN),
    "/admin/preview": ("admin.preview", {"GET", "HEAD"}, gate.SIGNED_IN),
    "/admin/keys": ("admin.keys", {"GET", "HEAD"}, gate.SIGNED_IN),
    "/admin/keys/rotation": ("admin.rotation", _READ, _KEYS),
    "/admin/keys/rotation/publish": ("admin.rotate_key", {"POST"}, _KEYS),
    "/admin/keys/rotation/sign-now": ("admin.rotate_key_now", {"POST"}, _KEYS),
    "/admin/keys/by-id/<kid>": ("admin.key", _READ, gate.SIGNED_IN),
    "/admin/keys/by-id/<kid>/public": ("admin.export_key", _READ, gate.SIGNED_IN),
    "/admin/keys/by-id/<kid>/retire": ("admin.retire_key", {"POST"}, _KEYS),
    "/admin/keys/by-id/<kid>/compromise": ("admin.compromise_key", {"POST"}, _KEYS),
    "/admin/services": ("admin.list_services", _READ, gate.SIGNED_IN),
    "/admin/services/export": ("admin.export_services", _READ, gate.SIGNED_IN),
    "/admin/services/new": ("admin.add_service", _FORM, _SERVICES),
    f"{_SERVICE}": ("admin.show_service", _READ, gate.SIGNED_IN),
    f"{_SERVICE}/edit": ("admin.edit_service", _FORM, _SERVICES),
    f"{_SERVICE}/disable": ("admin.disable_service", {"POST"}, _SERVICES),
    f"{_SERVICE}/enable": ("admin.enable_service", {"POST"}, _SERVICES),
    f"{_SERVICE}/remove": ("admin.remove_service", {"POST"}, gate.needs(Power.SERVICE_REMOVAL.value)),
    "/admin/audiences": ("admin.list_audiences", _READ, gate.SIGNED_IN),
    "/admin/audiences/export": ("admin.export_audiences", _READ, gate.SIGNED_IN),
    "/admin/audiences/new": ("admin.add_audience", _FORM, gate.needs(Power.NEW_AUDIENCES.value)),
    "/admin/audiences/check": ("admin.check_audience", {"POST"}, gate.needs(Power.NEW_AUDIENCES.value)),
    f"{_AUDIENCE}": ("admin.show_audience", _READ, gate.SIGNED_IN),
    f"{_AUDIENCE}/edit": ("admin.edit_audience", _FORM, _AUDIENCES),
    f"{_AUDIENCE}/scopes": ("admin.show_scopes", _READ, gate.SIGNED_IN),
    f"{_AUDIENCE}/scopes/new": ("admin.add_scope", _FORM, _AUDIENCES),
    f"{_AUDIENCE}/scopes/edit": ("admin.edit_scope", _FORM, _AUDIENCES),
    f"{_AUDIENCE}/scopes/remove": ("admin.remove_scope", {"POST"}, _AUDIENCES),
    f"{_AUDIENCE}/clients": ("admin.show_callers", _READ, gate.SIGNED_IN),
    f"{_AUDIENCE}/clients/export": ("admin.export_callers", _READ, gate.SIGNED_IN),
    f"{_AUDIENCE}/clients/pick": ("admin.pick_caller", _READ, _PERMISSIONS),
    f"{_AUDIENCE}/clients/grant": ("admin.grant_caller", _FORM, _PERMISSIONS),
    f"{_AUDIENCE}/clients/revoke": ("admin.revoke_caller", _FORM, _PERMISSIONS),
    f"{_AUDIENCE}/token-policy": ("admin.show_token_policy", _READ, gate.SIGNED_IN),
    f"{_AUDIENCE}/token-policy/edit": ("admin.edit_token_policy", _FORM, _AUDIENCES),
    f"{_AUDIENCE}/aliases": ("admin.show_aliases", _READ, gate.SIGNED_IN),
    f"{_AUDIENCE}/aliases/new": ("admin.add_alias", _FORM, _AUDIENCES),
    f"{_AUDIENCE}/aliases/remove": ("admin.remove_alias", {"POST"}, _AUDIENCES),
    f"{_AUDIENCE}/rename": ("admin.rename_audience", _FORM, _AUDIENCES),
    f"{_AUDIENCE}/activity": ("admin.show_audience_activity", _READ, gate.SIGNED_IN),
    f"{_AUDIENCE}/danger": ("admin.show_audience_danger", _READ, gate.SIGNED_IN),
    f"{_AUDIENCE}/disable": ("admin.disable_audience", {"POST"}, _AUDIENCES),
    f"{_AUDIENCE}/enable": ("admin.enable_audience", {"POST"}, _AUDIENCES),
    f"{_AUDIENCE}/deprecate": ("admin.deprecate_audience", _FORM, _AUDIENCES),
    f"{_AUDIENCE}/key/own": ("admin.give_own_key", {"POST"}, gate.needs(Power.KEYS.value)),
    f"{_AUDIENCE}/key/shared": ("admin.give_up_own_key", {"POST"}, gate.needs(Power.KEYS.value)),
    f"{_AUDIENCE}/remove": ("admin.remove_audience", {"POST"}, gate.needs(Power.AUDIENCE_REMOVAL.value)),
    "/admin/clients": ("admin.list_clients", {"GET", "HEAD"}, gate.SIGNED_IN),
    "/admin/clients/export": ("admin.export_clients", {"GET", "HEAD"}, gate.SIGNED_IN),
    "/admin/clients/new": ("admin.add_client", {"GET", "HEAD", "POST"}, CLIENTS),
    CLIENT: ("admin.show_client", {"GET", "HEAD"}, gate.SIGNED_IN),
    f"{CLIENT}/edit": ("admin.edit_client", {"GET", "HEAD", "POST"}, CLIENTS),
    f"{CLIENT}/danger": ("admin.show_client_danger", {"GET", "HEAD"}, gate.SIGNED_IN),
    f"{CLIENT}/disable": ("admin.disable_client", {"POST"}, CLIENTS),
    f"{CLIENT}/enable": ("admin.enable_client", {"POST"}, CLIENTS),
    f"{CLIENT}/remove": ("admin.remove_client", {"POST"}, gate.needs(Power.CLIENT_REMOVAL.value)),
    f"{CLIENT}/activity": ("admin.show_client_activity", {"GET", "HEAD"}, gate.SIGNED_IN),
    f"{CLIENT}/access": ("admin.show_client_access", {"GET", "HEAD"}, gate.SIGNED_IN),
    f"{CLIENT}/access/export": ("admin.export_client_access", {"GET", "HEAD"}, gate.SIGNED_IN),
    f"{CLIENT}/access/new": ("admin.pick_audience", {"GET", "HEAD"}, PERMISSIONS),
    f"{CLIENT}/access/no-default": ("admin.clear_default_audience", {"POST"}, CLIENTS),
    PERMITTED: ("admin.show_permission", {"GET", "HEAD"}, gate.SIGNED_IN),
    f"{PERMITTED}/permit": ("admin.permit_audience", {"POST"}, PERMISSIONS),
    f"{PERMITTED}/revoke": ("admin.revoke_audience", {"POST"}, PERMISSIONS),
    f"{PERMITTED}/default": ("admin.choose_default_audience", {"POST"}, CLIENTS),
    f"{CLIENT}/credentials": ("admin.show_credentials", {"GET", "HEAD"}, gate.SIGNED_IN),
    f"{CLIENT}/credentials/new": ("admin.add_secret", {"POST"}, SECRETS),
    f"{CLIENT}/credentials/<secret_id>/revoke": ("admin.revoke_secret", {"POST"}, SECRETS),
    f"{CLIENT}/env": ("admin.send_client_env", {"POST"}, CLIENTS),
    f"{CLIENT}/families": ("admin.show_families", {"GET", "HEAD"}, gate.SIGNED_IN),
    f"{CLIENT}/families/end": ("admin.end_families", {"POST"}, FAMILIES),
    f"{CLIENT}/families/<family_id>/end": ("admin.end_family", {"POST"}, FAMILIES),
}
INSERTED = {
    "/.well-known/oauth-authorization-server/auth",
    "/.well-known/openid-configuration/auth",
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def test_flask_has_the_addresses_that_have_a_policy_and_no_other(town: World):
    rules = {rule.rule for rule in town.app.url_map.iter_rules()}

    assert rules == set(POLICIES) | set(PAGES) | {OWN_JWKS}


def test_every_page_has_the_methods_and_the_policy_that_are_written_down(town: World):
    rules = {rule.rule: rule for rule in town.app.url_map.iter_rules() if rule.rule in PAGES}
    guard = gate.gate_of(town.app)

    found = {
        path: (rule.endpoint, rule.methods - {"OPTIONS"}, guard.find_policy(rule.endpoint))
        for path, rule in rules.items()
    }

    assert found == PAGES


def test_every_endpoint_has_a_policy_and_every_policy_an_endpoint(town: World):
    """What has none is refused at run time; see tests/pages/test_gate.py."""
    assert set(gate.gate_of(town.app).list_endpoints()) == set(town.app.view_functions)


def test_no_rule_but_the_first_ends_in_a_slash(town: World):
    """Flask would redirect what lacks it, to the host that the request names."""
    assert [rule.rule for rule in town.app.url_map.iter_rules() if rule.rule.endswith("/")] == ["/"]


def test_the_short_cut_has_the_addresses_that_have_a_policy_and_no_other(towns: dict[str, World]):
    assert set(towns["true"].app.wsgi_app._exact) == set(POLICIES)
    assert set(towns["false"].app.wsgi_app._exact) == set()


@pytest.mark.parametrize("way", ["true", "false"])
def test_an_issuer_with_a_path_has_the_inserted_ones_and_no_other(open_world, way: str):
    world = open_world(url="https://x.example/auth", short_cut=way)

    short = {f"/auth{path}" for path in POLICIES} if way == "true" else set()

    assert set(world.app.wsgi_app._exact) == short | INSERTED


def test_no_rule_for_machines_has_a_part_that_varies(town: World):
    """Nothing of their addresses is ever read as a value, but the number of an audience."""
    varying = {rule.rule for rule in town.app.url_map.iter_rules() if rule.arguments}

    assert varying <= {*PAGES, OWN_JWKS}


@pytest.mark.parametrize(
    "path", [path for path, (_, who) in POLICIES.items() if who == "client authentication"]
)
@pytest.mark.parametrize("method", METHODS)
def test_what_needs_a_client_gives_nothing_without_one(town: World, path: str, method: str):
    answer = town.send(method, path, data=b"grant_type=client_credentials&token=x", content_type=FORM)

    assert answer.status in {401, 405}


@pytest.mark.parametrize("path", [path for path, (_, who) in POLICIES.items() if who == "public"])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_public_answers_its_methods_only(town: World, path: str, method: str):
    """Health is asked for by monitors of every kind, so it does not look at the method."""
    answer = town.send(method, path)

    expected = 200 if method in POLICIES[path][0] or path in {"/healthz", "/readyz"} else 405
    assert answer.status == expected


@pytest.mark.parametrize("method", METHODS)
def test_where_no_audience_has_a_key_set_there_is_none(town: World, method: str):
    statuses = {number: town.send(method, f"/.well-known/jwks/{number}.json").status for number in (1, 10**6)}

    assert statuses == {1: 404, 10**6: 404}


@pytest.mark.parametrize("path", [*POLICIES, "/", "/nowhere"])
def test_no_answer_sets_a_cookie(town: World, path: str):
    """Nobody signs in on these: whatever set one would be a leak."""
    assert "Set-Cookie" not in town.send("GET", path).headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
@pytest.mark.parametrize("path", [*POLICIES, "/", "/admin/theme", "/nowhere"])
def test_no_origin_is_reflected_and_none_gets_credentials(town: World, path: str, origin: str):
    """CORS: Casdoor CVE-2024-41657; RFC 9700 §2.6."""
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}

    answers = [town.send(method, path, headers=preflight) for method in ("GET", "OPTIONS", "POST")]

    allowed = {answer.headers.get("Access-Control-Allow-Origin") for answer in answers}
    assert allowed <= {None, "*"}
    assert not any("Access-Control-Allow-Credentials" in answer.headers for answer in answers)
    if path.startswith("/oauth/"):
        assert allowed == {None}


def test_no_page_stands_where_the_page_of_a_client_or_user_would(town: World):
    """Who is given such a name could never be looked at."""
    rules = [rule.rule for rule in town.app.url_map.iter_rules()]
    varying = [
        path.rpartition("/")[0] for path in rules if re.search(r"/<(client_id|name|secret_id)>$", path)
    ]
    beside = {
        path.rpartition("/")[2] for path in rules if path.rpartition("/")[0] in varying and "<" not in path
    }

    assert len(varying) > 1
    assert beside == client_rules.NOT_CLIENT_IDS
