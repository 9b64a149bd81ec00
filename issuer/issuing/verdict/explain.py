"""Explain: what a text is, which services would accept it as a token, and what to change.

Nothing is logged, stored or sent: the text is looked at and forgotten. What comes back holds no
signature and nothing that anybody could use.
"""

from collections.abc import Iterable
from typing import Final

from issuer.errors import NotFound
from issuer.issuing import refresh_token
from issuer.issuing.verdict import checks, evidence, reading, signed
from issuer.issuing.verdict.evidence import Evidence, Grounds
from issuer.model.audience import RESERVED_REFRESH, Audience, AudienceState
from issuer.model.service import ServiceState
from issuer.model.signing_key import KeyPurpose
from issuer.model.verdict import Expectation, Explanation, TokenKind, Verdict
from issuer.policy import identifiers, resemblance

_ID_TOKEN_CLAIMS: Final = frozenset({"nonce", "at_hash", "c_hash"})
_SENTENCES: Final = {
    TokenKind.ACCESS_TOKEN: "An access token of this issuer.",
    TokenKind.REFRESH_TOKEN: (
        "A refresh token of this issuer: it belongs at the token endpoint with grant_type=refresh_token "
        "and opens no service. Send the access token that came with it."
    ),
    TokenKind.ID_TOKEN: (
        "An ID token: it tells a client who signed in and opens no service. Send the access token."
    ),
    TokenKind.TRUNCATED: reading.CUT_OFF,
    TokenKind.UNKNOWN: "A JWT that does not say who issued it, or that no key of this issuer signed.",
}


def explain(text: str, grounds: Grounds, expectations: Iterable[Expectation]) -> Explanation:
    """Return what a text is and, for each expectation, the verdict; no text raises.

    text: whatever was pasted, of any length.
    """
    found = evidence.gather(text, grounds)
    kind = _identify(found)
    shown = found.shown
    header, claims = found.reading.header, found.reading.claims
    return Explanation(
        kind=kind,
        sentence=_describe(found, kind),
        header=None if header is None else shown.members(header),
        claims=None if claims is None else shown.members(claims),
        verdicts=tuple(Verdict(each, checks.make_checks(found, each)) for each in expectations),
    )


def list_expectations(audiences: Iterable[Audience]) -> tuple[Expectation, ...]:
    """Return what every service expects: each audience of the active services, under its identifier.

    Audiences that are removed are left out, and so is `refresh`, which is no service's.
    """
    return tuple(
        Expectation(audience, audience.identifier)
        for audience in audiences
        if audience.state is not AudienceState.REMOVED
        and audience.service.state is ServiceState.ACTIVE
        and not (audience.is_reserved and audience.identifier == RESERVED_REFRESH)
    )


def find_expectation(audiences: Iterable[Audience], spelling: str) -> Expectation:
    """Return what a service expects whose verifier compares `aud` with this very spelling.

    spelling: any of an audience that is registered, whatever its state. Raises NotFound.
    """
    form = identifiers.comparison_form(spelling) if ":" in spelling else None
    registered = tuple(audiences)
    for audience in registered:
        identifiers_of = {audience.identifier, *(alias.identifier for alias in audience.aliases)}
        forms = {audience.canonical, *(alias.canonical for alias in audience.aliases)}
        # Registered forms are unique, so no other audience could be meant.
        if spelling in identifiers_of or form in forms:
            return Expectation(audience, spelling)
    there = [one.identifier for one in registered if one.state is not AudienceState.REMOVED]
    raise NotFound(f"no audience {spelling} is registered{resemblance.suggest(spelling, there)}")


def _identify(found: Evidence) -> TokenKind:
    """Return the kind of what was pasted; of a token that can be read, by what it says and who signed."""
    if found.reading.kind is not TokenKind.UNKNOWN:
        return found.reading.kind
    if signed.is_cut(found):
        return TokenKind.TRUNCATED
    iss, own = found.claims.get("iss"), found.grounds.issuer_url
    if isinstance(iss, str) and iss != own:
        return TokenKind.OTHER_ISSUER
    typ = found.header.get("typ")
    is_refresh_key = found.key is not None and found.key.purpose is KeyPurpose.REFRESH
    if typ == refresh_token.TYP or is_refresh_key:
        return TokenKind.REFRESH_TOKEN
    is_id_token = "client_id" not in found.claims and (typ is None or typ == "JWT") and iss == own
    if is_id_token or not _ID_TOKEN_CLAIMS.isdisjoint(found.claims):
        return TokenKind.ID_TOKEN
    return TokenKind.ACCESS_TOKEN if iss == own and found.is_signed else TokenKind.UNKNOWN


def _describe(found: Evidence, kind: TokenKind) -> str:
    if kind is TokenKind.OTHER_ISSUER:
        iss = found.shown.short(found.claims["iss"])
        known = "" if found.key is None else ", though its kid is that of a key of this issuer"
        return f"A token of another issuer, {iss}{known}. This issuer is {found.grounds.issuer_url}."
    return _SENTENCES.get(kind, found.reading.advice)
