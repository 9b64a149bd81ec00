"""Markup in every text that somebody else may write, on every page of the console, in a real browser.

CWE-79 and CWE-1336. What is registered refuses some of it already; here it stands in the rows all the same,
so that no page relies on that. Columns and pages are those that there are: a new one cannot be forgotten.
"""

import base64
import json
import re
from dataclasses import dataclass
from html import unescape
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import JSON, String, Table, select, update

from issuer import parts
from issuer.model.jwks_fetch import MAIN_DOCUMENT, FetchKey, FetchSum
from issuer.model.refusal_note import RefusalNote
from issuer.model.signing_key import KeyLine, KeyPurpose
from issuer.model.usage import UsageKey, UsageSum
from issuer.model.user import Role
from issuer.store import audit, db, jwks_fetches, refusals, signing_keys, usage
from issuer.store.tables import Base
from tests.browser import sound_pages
from tests.browser.browsing import OpenConsole, Visit, visiting
from tests.conftest import START
from tests.oauth.world import World
from tests.pages.client_town import BILLING, ORDERS, Town
from tests.pages.signed_in import add_user, open_session, sign_in_as

TYPED: Final = """<script>window.ran = 1</script>"'><img src=x onerror=window.ran=1>{{ 7*7 }}{% raw %}"""
# With a text that is read from right to left behind it.
PAYLOAD: Final = f"{TYPED}\N{RIGHT-TO-LEFT OVERRIDE}moc.live"

# Free text, and what a stranger sends: each is to be seen on some page.
HOSTILE: Final = {
    "audience": {"description", "extra_claims"},
    "audit_event": {"actor", "action", "target", "before", "after", "request_id"},
    "client": {"name", "tenant_id"},
    "client_secret": {"label"},
    "family": {"rotated_from"},
    "incident": {"address", "request_id", "rotated_from"},
    "jwks_fetch": {"user_agent"},
    "refusal": {"asked", "error", "reason", "request_id"},
    "scope": {"name", "description"},
    "service": {"name", "owner"},
    "trust_group": {"name"},
    "web_session": {"address", "user_agent"},
}
# Of a few letters each, or shown on no page; identifiers, ids and names of users take no markup at all.
TAME: Final = {
    "audience": {"state", "signing_alg", "typ"},
    "audit_event": {"actor_kind", "target_kind"},
    "auth_failure": {"network"},
    "client": {"client_id", "type", "grant_types", "auth_method", "state"},
    "client_secret": {"id"},
    "family": {
        *("id", "sub", "subject_kind", "tenant_id", "granted_aud", "granted_scopes", "issuer_scopes", "kid"),
        "end_reason",
    },
    "identifier": {"identifier", "canonical", "role"},
    "incident": {"family_id"},
    "issuance": {"jti", "client_id", "sub", "aud", "scope", "grant_type", "kid", "request_id"},
    "lease": {"name", "holder"},
    "permission": {"subject"},
    "refusal": {"grant_type", "address"},
    "registry_change": {"concern"},
    "revoked_token": {"jti"},
    "service": {"state"},
    "sign_in_failure": {"canonical", "network"},
    "signing_key": {"kid", "purpose", "alg", "public_jwk", "master_key_id"},
    "trust_group": {"owner"},
    "usage": {"grant_type", "outcome"},
    "usage_total": {"grant_type", "outcome"},
    "user_account": {"name", "canonical", "password_hash", "role", "state"},
}  # fmt: skip
_STATES: Final = {"admin.sign_in": 200, "admin.setup": 404}
_SETTLE: Final = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
_TEXT = """() => document.body.textContent
  + [...document.querySelectorAll("input, textarea, option")].map(e => e.value).join("\\n")"""
_FORGED = """() => [...document.querySelectorAll("img, script:not([src]), [onerror], [onclick]")]
  .map(e => e.outerHTML)"""


# What stands in every text field of a form goes with it, also where its script or its kind would not let it.
_SUBMIT: Final = """([action, typed]) => {
  const form = [...document.querySelectorAll("main form")].find(e => e.getAttribute("action") === action);
  for (const each of form.elements) {
    if (!each.matches("textarea, input:not([type=hidden], [type=checkbox], [type=radio])")) continue;
    if (each.matches("input")) each.type = "text";
    each.value = typed;
  }
  const button = [...form.elements].findLast(e => e.matches("button:not(.plain)[name]"));
  if (button) form.append(Object.assign(document.createElement("input"),
    {type: "hidden", name: button.name, value: button.value}));
  HTMLFormElement.prototype.submit.call(form);
}"""
_FORM: Final = re.compile(r"<form ([^>]*)>(.*?)</form>", re.DOTALL)
_TEXT_FIELD: Final = re.compile(r'<textarea|<input (?![^>]*type="(?:hidden|checkbox|radio)")')
_ACTION: Final = re.compile(r'action="([^"]*)"')
_METHOD: Final = re.compile(r'method="([^"]*)"')
# A password, or what is typed to confirm an act, is in no answer.
SWALLOWED: Final = {
    *("admin.step_up", "admin.own_password", "admin.set_password"),
    *("admin.compromise_key", "admin.remove_service", "admin.remove_audience", "admin.remove_client"),
}
# Nothing is typed into the first two; the last is only there as long as nobody can sign in.
UNTYPED: Final = {"admin.grant_caller", "admin.revoke_caller", "admin.setup"}
# Who has signed in is sent on.
OUTSIDE: Final = "admin.sign_in"


def _list_columns() -> dict[str, set[str]]:
    """Return the columns of text of every table, lists and objects included."""
    return {
        table.name: names
        for table in Base.metadata.sorted_tables
        if (names := {column.name for column in table.columns if isinstance(column.type, String | JSON)})
    }


@pytest.fixture(scope="module")
def town(open_console: OpenConsole) -> Town:
    """Give a town in which every text is hostile, served to browsers, for tests that change nothing in it."""
    return _make_town(open_console())


@pytest.fixture
def own_town(open_console: OpenConsole) -> Town:
    """Give a town as it is at first, to be changed."""
    return _make_town(open_console())


def _make_town(world: World) -> Town:
    world.add_service("Orders", trust_group="Family")
    world.add_service("Stock", trust_group="Family")
    world.add_audience(ORDERS, "read", "write", service="Orders", extra_claims={"a": "b"})
    world.add_audience(BILLING, "pay", service="Billing")
    robot = world.add_client("Robot", ORDERS, BILLING, tenant_id="acme", service="Orders", default=ORDERS)
    town = Town(world, sign_in_as(world), robot)
    _use(town)
    _spoil(town)
    return town


def _use(town: Town) -> None:
    """Let every table that a page shows have a row."""
    town.grow("family-1")
    town.note_reuse("family-2")
    open_session(town.world, add_user(town.world, "victim", Role.SERVICE_OWNER, ("Orders",)))
    parts.make_key_acts(town.world.parts).rotate(town.world.registrar, KeyLine(KeyPurpose.TOKEN, "ES256"))
    key, audience_id = town.client().key, town.audience_id(ORDERS)
    note = RefusalNote(START - 9, key, (ORDERS,), "client_credentials", "x", "y", "request-7", "192.0.2.9", 3)
    with db.writing(town.world.parts.engine) as connection:
        refusals.add_refusals(connection, [(note, audience_id)], 1)
        counted = UsageKey(START - START % 3600, key, audience_id, "client_credentials", "issued")
        fetch = {FetchKey(MAIN_DOCUMENT, "x"): FetchSum(START, START, 1)}
        jwks_fetches.add_fetches(connection, fetch)
        usage.add_counts(connection, {counted: UsageSum(7, START - 9, START + 600)})
        audit.add_event(
            connection, town.world.registrar.actor, "x", "client", "y", at=START, before={}, after={}
        )


def _spoil(town: Town) -> None:
    """Put the payload into every hostile column of every row, under the names of table and column."""
    with db.writing(town.world.parts.engine) as connection:
        for name, columns in HOSTILE.items():
            table = Base.metadata.tables[name]
            keys = list(table.primary_key.columns)
            for number, row in enumerate(connection.execute(select(*keys)).all()):
                values = {column: _hostile(table, column, number) for column in columns}
                here = [key == value for key, value in zip(keys, row, strict=True)]
                connection.execute(update(table).where(*here).values(values))
    town.world.look()


def _hostile(table: Table, column: str, number: int) -> Any:
    text = f"{table.name}.{column}={PAYLOAD}{number}"
    if not isinstance(table.columns[column].type, JSON):
        return text
    return [text] if column == "asked" else {text: text}


def _list_pages(town: Town) -> dict[str, str]:
    """Return the address of every page that can be opened, by endpoint; a new argument fails here."""
    with db.reading(town.world.parts.engine) as connection:
        events = Base.metadata.tables["audit_event"]
        event_id = connection.execute(select(events.c.id).order_by(events.c.id.desc())).scalars().first()
    values = {
        "audience_id": town.audience_id(ORDERS),
        "client_id": town.robot.client_id,
        "event_id": event_id,
        "kid": _find_kid(town),
        "name": "victim",
        "service_id": _find_service_id(town),
    }
    more = {
        "admin.edit_scope": {"name": f"scope.name={PAYLOAD}0"},
        "admin.grant_caller": {"client": town.robot.client_id},
        "admin.revoke_caller": {"client": town.robot.client_id},
        "admin.preview": {"client_id": town.robot.client_id, "resource": TYPED, "scope": TYPED},
        "admin.audit": {"actor": TYPED, "q": TYPED},
        "admin.list_clients": {"q": "client.name"},
        "admin.rotation": {"alg": "ES256"},
    }
    app = town.world.app
    with app.test_request_context(base_url=town.world.parts.settings.url):
        return {
            rule.endpoint: app.url_for(
                rule.endpoint,
                **{name: values[name] for name in rule.arguments},
                **more.get(rule.endpoint, {}),
            )
            for rule in app.url_map.iter_rules()
            if sound_pages.is_page(rule)
        }


def _find_kid(town: Town) -> str:
    with db.reading(town.world.parts.engine) as connection:
        return next(key.kid for key in signing_keys.list_keys(connection) if key.public_jwk)


def _find_service_id(town: Town) -> int:
    with db.reading(town.world.parts.engine) as connection:
        table = Base.metadata.tables["audience"]
        mine = table.c.id == town.audience_id(ORDERS)
        return connection.execute(select(table.c.service_id).where(mine)).scalar_one()


def _enter(visit: Visit, town: Town) -> str:
    url = town.world.parts.settings.url
    name, value = town.owner.cookie
    visit.page.context.add_cookies([{"name": name, "value": value, "url": url}])
    return url


def _check(visit: Visit, where: str) -> str:
    """Return all that a page says; assert that it says it and does nothing of it."""
    page = visit.page
    # Images and scripts of the page were waited for; this waits for what they left to be done at once.
    page.evaluate(_SETTLE)
    assert page.evaluate("window.ran") is None, where
    assert page.evaluate("window.__reports") == [], where
    assert page.evaluate(_FORGED) == [], where
    assert visit.complaints == [], (where, visit.complaints)
    text = page.evaluate(_TEXT)
    assert "49{%" not in text, where
    return text


def test_every_column_of_text_is_hostile_here_or_known_to_be_tame():
    known = {name: HOSTILE.get(name, set()) | TAME.get(name, set()) for name in {*HOSTILE, *TAME}}

    assert known == _list_columns()


def test_nothing_that_somebody_wrote_runs_on_any_page(browser: Browser, town: Town):
    said: list[str] = []
    with visiting(browser) as visit:
        url = _enter(visit, town)
        visit.page.on("dialog", lambda dialog: visit.complaints.append(f"dialog: {dialog.message}"))
        for endpoint, address in _list_pages(town).items():
            visit.open(url + address, _STATES.get(endpoint, 200))
            said.append(_check(visit, endpoint))
            visit.keep_picture(f"hostile-{endpoint}")

    every = "\n".join(said)
    shown = {
        table: {column for column in columns if f"{table}.{column}={TYPED[:20]}" in every}
        for table, columns in HOSTILE.items()
    }
    assert shown == HOSTILE


def test_nothing_of_a_pasted_token_runs(browser: Browser, town: Town):
    header, claims = (dict.fromkeys(names, PAYLOAD) for names in (("alg", "kid", "typ"), ("aud", "sub", "x")))
    parts = [
        base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in (header, claims)
    ]
    with visiting(browser) as visit:
        visit.open(f"{_enter(visit, town)}/admin/inspector")
        for text in (".".join([*parts, "c2ln"]), PAYLOAD):
            _write(visit.page, text)
            _check(visit, "inspector")


def _write(page: Page, text: str) -> None:
    page.get_by_label("Token", exact=True).fill(text)
    page.get_by_role("button", name="Inspect").click()
    expect(page.get_by_role("region", name="What it is")).to_be_visible()
    page.get_by_label("Token", exact=True).fill("")


def test_nothing_that_is_typed_into_any_form_runs_when_it_comes_back(browser: Browser, own_town: Town):
    forms = _find_forms(own_town)
    here = f"{TYPED} typed here"
    said: dict[str, str] = {}
    with visiting(browser) as visit:
        url = _enter(visit, own_town)
        for endpoint, form in forms.items():
            if endpoint == OUTSIDE:
                visit.page.context.clear_cookies()
            visit.open(url + form.page)
            with visit.page.expect_navigation(wait_until="load"):
                visit.page.evaluate(_SUBMIT, [form.action, here])
            # Fields for numbers and days say so of what is none.
            visit.complaints[:] = [each for each in visit.complaints if "The specified value" not in each]
            said[endpoint] = _check(visit, endpoint)

    assert {endpoint for endpoint, text in said.items() if here not in text} == SWALLOWED
    takes_form = {
        rule.endpoint
        for rule in own_town.world.app.url_map.iter_rules()
        if sound_pages.is_page(rule) and "POST" in rule.methods
    }
    assert takes_form - forms.keys() == UNTYPED


@dataclass(frozen=True, slots=True)
class Form:
    """A form with a field for text. page: where it stands. action: its address, as it stands there."""

    page: str
    action: str


def _find_forms(town: Town) -> dict[str, Form]:
    """Return a form with a field for text for each endpoint that takes one from any page."""
    app = town.world.app
    addresses = app.url_map.bind(urlsplit(town.world.parts.settings.url).netloc)
    found: dict[str, Form] = {}
    pages = _list_pages(town)
    outside = pages.pop(OUTSIDE)
    texts = [(page, town.owner.open(page).text) for page in pages.values()]
    texts.append((outside, town.world.http.open(outside).text))
    for page, text in texts:
        for attributes, fields in _FORM.findall(text):
            if not _TEXT_FIELD.search(fields):
                continue
            action = unescape(_ACTION.search(attributes)[1])
            method = _METHOD.search(attributes)[1].upper()
            endpoint, _ = addresses.match(action.partition("?")[0], method)
            found.setdefault(endpoint, Form(page, action))
    return found
