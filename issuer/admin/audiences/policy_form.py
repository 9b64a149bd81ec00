"""The fields of a token policy, in the form of a new audience and in that of one that is there."""

import json
from typing import Final

from wtforms import Form, SelectField, TextAreaField
from wtforms.validators import Optional

from issuer.admin.checks import Checked
from issuer.errors import InvalidValue, RegistryRefusal
from issuer.model.audience import Audience, JsonValue, SigningAlg, TokenTyp
from issuer.pages import forms
from issuer.pages.forms import NumberField, PageForm
from issuer.policy import extra_claims

# How a refusal of the registry begins that is about one field.
_FIELDS: Final = {
    "an access token's life": "access_token_seconds",
    "a refresh token's idle life": "refresh_idle_seconds",
    "a refresh token's absolute life": "refresh_absolute_seconds",
}
NAMES: Final = (*_FIELDS.values(), "signing_alg", "typ", "extra_claims")

_ALGS: Final = forms.make_choices(
    (SigningAlg.RS256.value, "RS256: every verifier knows it"),
    (SigningAlg.ES256.value, "ES256: smaller and faster to sign"),
)
_TYPS: Final = forms.make_choices(
    (TokenTyp.AT_JWT.value, "at+jwt: says that it is an access token (RFC 9068)"),
    (TokenTyp.JWT.value, "JWT: for verifiers that refuse at+jwt"),
)


def read_claims(text: str) -> dict[str, JsonValue]:
    """Return the extra claims in a text, none in an empty one; raises InvalidValue."""
    if not text.strip():
        return {}
    try:
        claims = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidValue('this is no JSON object such as {"region": "eu"}') from error
    if not isinstance(claims, dict):
        raise InvalidValue('this is no JSON object such as {"region": "eu"}')
    extra_claims.check_extra_claims(claims)
    return claims


class PolicyFields(Form):
    """Lifetimes in seconds, empty for the server's own; algorithm, typ and extra claims."""

    access_token_seconds = NumberField("Access token lives (seconds)", [Optional()])
    refresh_idle_seconds = NumberField("Refresh token may lie unused (seconds)", [Optional()])
    refresh_absolute_seconds = NumberField("Refresh token family lives (seconds)", [Optional()])
    signing_alg = SelectField("Signed with", choices=_ALGS)
    typ = SelectField("typ in the header", choices=_TYPS)
    extra_claims = TextAreaField("Extra claims", [Checked(read_claims)])


def read_signature(form: PolicyFields) -> tuple[SigningAlg, TokenTyp]:
    """Return algorithm and typ, the usual ones where nothing was sent.

    Raises InvalidValue for what no form of ours offers.
    """
    try:
        return (
            SigningAlg(form.signing_alg.data or SigningAlg.RS256),
            TokenTyp(form.typ.data or TokenTyp.AT_JWT),
        )
    except ValueError as error:
        raise InvalidValue("this algorithm or typ cannot be chosen") from error


def describe(audience: Audience) -> dict[str, object]:
    """Return the token policy of an audience as the fields show it."""
    policy = audience.policy
    return {
        "access_token_seconds": policy.access_token_seconds,
        "refresh_idle_seconds": policy.refresh_idle_seconds,
        "refresh_absolute_seconds": policy.refresh_absolute_seconds,
        "signing_alg": policy.signing_alg.value,
        "typ": policy.typ.value,
        "extra_claims": write_claims(policy.extra_claims),
    }


def write_claims(claims: object) -> str:
    """Return extra claims as people read them, "" for none."""
    return json.dumps(claims, indent=2, ensure_ascii=False) if claims else ""


def find_field(refusal: RegistryRefusal, otherwise: str | None = None) -> str | None:
    """Return the field that a refusal is about; `otherwise` where it does not say."""
    return next((name for start, name in _FIELDS.items() if refusal.detail.startswith(start)), otherwise)


def refuse(form: PageForm, refusal: RegistryRefusal, otherwise: str | None = None) -> None:
    """Put a refusal at the field that it is about."""
    form.refuse(refusal, find_field(refusal, otherwise))
