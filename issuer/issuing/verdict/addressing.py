"""Addressing: why a token's `aud` is not the one that a service expects, and what to change."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from issuer.issuing.verdict.shown import Shown
from issuer.model.audience import RESERVED_ACCESS, RESERVED_REFRESH, Audience, AudienceState, JsonValue
from issuer.model.verdict import Expectation
from issuer.policy import resemblance, tenants

# A stranger's token may name hundreds, and each is compared with every audience, character by character.
_MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class Addressed:
    """To whom a token is addressed. aud: the claim, in any shape. client_id: the claim, in any shape."""

    aud: JsonValue
    client_id: JsonValue
    issuer_url: str

    def list_named(self) -> tuple[str, ...]:
        """Return the names in `aud`; empty where it is no text or list of texts (RFC 7519 §4.1.3)."""
        names = [self.aud] if isinstance(self.aud, str) else self.aud
        if not isinstance(names, list):
            return ()
        texts = tuple(name for name in names if isinstance(name, str))
        return texts if len(texts) == len(names) else ()


def advise(
    addressed: Addressed, expectation: Expectation, audiences: Sequence[Audience], shown: Shown
) -> str:
    """Return one sentence that says why `aud` does not name the expected spelling, and what to change.

    audiences: all that are registered, whatever their states. Nothing is looked at but these values; of
    very many names in `aud` only the first ones are compared with what they resemble.
    """
    all_names = addressed.list_named()
    wanted = expectation.spelling
    if not all_names:
        return _say_nobody(addressed.aud, wanted)
    names = all_names[:_MOST_NAMES]
    advised = (
        _own_spelling(all_names, expectation),
        _nearly(names, expectation, audiences, shown),
        _another(names, wanted, audiences),
        _client(names, addressed.client_id, wanted, shown),
        _issuer(names, addressed.issuer_url, wanted),
        _tenant(names, wanted, shown),
    )
    return next(filter(None, advised), f"The token is for somebody else: {_ask(wanted)}.")


def _say_nobody(aud: JsonValue, wanted: str) -> str:
    if aud is None or aud == []:
        return f"The token names no audience, so it is for nobody: {_ask(wanted)}."
    return f"aud is neither a text nor a list of texts, so it is for nobody: {_ask(wanted)}."


def _own_spelling(names: tuple[str, ...], expectation: Expectation) -> str:
    """Say which other spelling of this very audience the token bears, "" if it bears none."""
    audience, wanted = expectation.audience, expectation.spelling
    if audience.identifier in names:
        return (
            f"This audience is registered as {audience.identifier} and tokens carry that spelling: "
            f"let the service expect it instead of {wanted}{_only(audience.identifier, wanted)}."
        )
    for alias in audience.aliases:
        if alias.identifier in names:
            return (
                f"aud is {alias.identifier}, an alias of this audience: introspection takes it, a service "
                f"that compares with {wanted} does not; let it expect both, or ask for a new token."
            )
    return ""


def _nearly(
    names: tuple[str, ...], expectation: Expectation, audiences: Sequence[Audience], shown: Shown
) -> str:
    for name in names:
        differences = resemblance.find_differences(name, expectation.spelling)
        if not differences:
            continue
        owner = _find_bearer(name, audiences)
        belongs = f", which is another audience, of {owner.service.name}" if owner is not None else ""
        is_spelling = owner is None and resemblance.SPELLING_DIFFERENCES.issuperset(differences)
        mend = "register an alias or change the client" if is_spelling else _ask(expectation.spelling)
        return (
            f"aud is {shown.short(name)}{belongs}, this service is {expectation.spelling}: "
            f"only {resemblance.join_words(differences)} {_verb(differences)}; {mend}."
        )
    return ""


def _another(names: tuple[str, ...], wanted: str, audiences: Sequence[Audience]) -> str:
    for name in names:
        owner = _find_bearer(name, audiences)
        if owner is None:
            continue
        if owner.is_reserved and owner.identifier == RESERVED_REFRESH:
            return "It is addressed to the token endpoint alone: send the access token that came with it."
        if owner.is_reserved and owner.identifier == RESERVED_ACCESS:
            return f"The client named no audience and got the default, {RESERVED_ACCESS}: {_ask(wanted)}."
        was = "was" if owner.state is AudienceState.REMOVED else "is"
        return f"{name} {was} the audience of another service, {owner.service.name}: {_ask(wanted)}."
    return ""


def _client(names: tuple[str, ...], client_id: JsonValue, wanted: str, shown: Shown) -> str:
    if client_id not in names:
        return ""
    return (
        f"aud is the client_id {shown.short(client_id)}, as in an ID token or from a server without "
        f"audiences: {_ask(wanted)} and send the access_token."
    )


def _issuer(names: tuple[str, ...], issuer_url: str, wanted: str) -> str:
    if not any(name == issuer_url or name.startswith(f"{issuer_url}/") for name in names):
        return ""
    return f"aud is the issuer itself, not a service: {_ask(wanted)}."


def _tenant(names: tuple[str, ...], wanted: str, shown: Shown) -> str:
    for name in names:
        part = tenants.find_tenant_part(name)
        if part is not None:
            return (
                f"aud holds what looks like a tenant, {shown.short(part)}: a tenant goes into the claim "
                f"tenant_id; {_ask(wanted)}."
            )
    return ""


def _find_bearer(name: str, audiences: Iterable[Audience]) -> Audience | None:
    """Return the audience that bears this very spelling, as its identifier or an alias."""
    for audience in audiences:
        if name == audience.identifier or any(name == alias.identifier for alias in audience.aliases):
            return audience
    return None


def _only(one: str, other: str) -> str:
    differences = resemblance.find_differences(one, other)
    if not differences:
        return ""
    return f" (only {resemblance.join_words(differences)} {_verb(differences)})"


def _verb(differences: Sequence[object]) -> str:
    return "differs" if len(differences) == 1 else "differ"


def _ask(wanted: str) -> str:
    parameter = "resource" if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", wanted) else "audience"
    return f"ask for the token with {parameter}={wanted}"
