"""Forms: each refusal stands at its field, and what was typed stays."""

import re

import pytest

from issuer.pages import forms
from tests.oauth.world import OpenWorld
from tests.pages.conftest import Visitor
from tests.pages.signed_in import sign_in_as

FORM = "/admin/showroom/form"
# Of what is searched for, a page is only shown as much as an address takes.
_CUTS = re.compile(r"<(?!input[^>]*type=.search)[^>]*maxlength")


def test_a_refused_field_says_why_and_keeps_what_was_typed(visitor: Visitor):
    answer = visitor.send(
        FORM, name="Orders", identifier="taken", description="kept text", alg="ES256", kind="web"
    )

    assert answer.status_code == 422
    assert '<a href="#identifier">Identifier</a>: The identifier is taken.' in answer.text
    assert 'id="identifier-error"><span>The identifier is taken.</span>' in answer.text
    assert 'aria-describedby="identifier-hint identifier-error"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert all(
        text in answer.text for text in ('value="Orders"', "kept text", '<option selected value="ES256">')
    )


def test_several_problems_are_counted_above_the_form(visitor: Visitor):
    answer = visitor.send(FORM, alg="RS256", kind="nothing like it")

    assert answer.status_code == 422
    assert "2 things were not accepted" in answer.text
    assert "Give the audience a name." in answer.text


def test_what_was_accepted_is_told_once_on_the_next_page(visitor: Visitor):
    answer = visitor.send(FORM, name="<b>Orders</b>", identifier="free", kind="web", alg="RS256")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/showroom")
    assert "&lt;b&gt;Orders&lt;/b&gt; was registered." in visitor.open("/admin/showroom").text
    assert "was registered." not in visitor.open("/admin/showroom").text


def test_too_large_a_form_is_a_page(visitor: Visitor):
    answer = visitor.send(FORM, name="x" * 300_000)

    assert answer.status_code == 413
    assert "That is too large" in answer.text


def test_no_browser_cuts_what_is_typed_or_pasted(open_world: OpenWorld):
    """A name that is silently cut is another one: the registry says that it is too long."""
    world = open_world()
    owner = sign_in_as(world)
    audience = world.add_audience("https://shop.example", "read").id
    client = world.add_client("Robot", "https://shop.example").client_id
    paths = [
        *(f"/admin/{each}/new" for each in ("services", "audiences", "clients", "users")),
        *(f"/admin/audiences/{audience}/{each}" for each in ("edit", "scopes/new", "aliases/new", "rename")),
        *(f"/admin/clients/{client}/{each}" for each in ("edit", "credentials")),
        "/admin/services/2/edit",
    ]

    sent = {
        path: re.findall(r'<form class="form.*?</form>', owner.open(path).text, re.DOTALL) for path in paths
    }

    assert all(sent.values())
    assert [path for path in paths if _CUTS.search("".join(sent[path]))] == []


@pytest.mark.parametrize(
    ("detail", "typed", "sentence"),
    [
        ("the name is taken", "shop", "The name is taken."),
        ("https://shop.example is taken", "x", "https://shop.example is taken."),
        ("access is reserved for the issuer itself", "access", "access is reserved for the issuer itself."),
        ("a.b is taken", "", "a.b is taken."),
        ("an identifier holds no space", "an id", "An identifier holds no space."),
        ("is that so?", "", "Is that so?"),
    ],
)
def test_what_a_refusal_quotes_keeps_its_small_letter(detail: str, typed: str, sentence: str):
    """Identifiers are compared byte for byte: one with a capital is another."""
    assert forms.as_sentence(detail, typed) == sentence
