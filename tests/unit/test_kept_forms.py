"""Kept forms: what is parsed once is not parsed again, and nothing secret is kept."""

import pytest

from issuer.oauth import form
from issuer.oauth.form import Form, KeptForms

ASK = b"grant_type=client_credentials&resource=https%3A%2F%2Forders.example&audience=a&scope=read+write"


def answer(forms: KeptForms, body: bytes) -> Form:
    """Parse a body as for a request that is answered, and return its form."""
    made = forms.parse(body)
    forms.keep(body, made)
    return made


def test_a_kept_form_is_what_parsing_gives() -> None:
    forms = KeptForms()

    first = answer(forms, ASK)
    again = forms.parse(bytes(bytearray(ASK)))

    assert first == form.parse_form(ASK)
    assert again is first


def test_a_form_that_was_not_answered_is_not_kept() -> None:
    forms = KeptForms()

    assert forms.parse(ASK) is not forms.parse(ASK)


@pytest.mark.parametrize(
    "more",
    [
        b"&client_id=shop&client_secret=isr_x",
        b"&client%5Fsecret=isr_x",
        b"&refresh_token=x",
        b"&token=x",
        b"&client_assertion=x",
        b"&anything=x",
    ],
)
def test_a_form_that_may_hold_a_secret_is_not_kept(more: bytes) -> None:
    forms = KeptForms()

    assert answer(forms, ASK + more) is not forms.parse(ASK + more)


def test_a_form_that_is_too_long_is_not_kept() -> None:
    forms = KeptForms()
    body = b"scope=" + b"x" * form.LONGEST_KEPT

    assert answer(forms, body) is not forms.parse(body)


def test_what_is_kept_has_a_bound() -> None:
    forms = KeptForms()
    first = answer(forms, ASK)

    for number in range(form.MOST_KEPT):
        answer(forms, b"scope=%d" % number)

    assert forms.parse(ASK) is not first
