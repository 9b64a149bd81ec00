"""The times of a token: whether it is still good, and already."""

from collections.abc import Mapping
from typing import Final, TypeGuard

from issuer.issuing.verdict.shown import LAST_SECOND, Shown, show_time
from issuer.model.audience import JsonValue
from issuer.model.verdict import Check, CheckName, Outcome

# Clocks of two machines differ: what is ahead by no more is still taken.
SKEW_SECONDS: Final = 30

_NOT_AHEAD: Final = f"no later than in {SKEW_SECONDS} seconds"


def check_exp(claims: Mapping[str, JsonValue], now: int, shown: Shown) -> Check:
    """Return whether the token is still good, without leeway (RFC 7519 §4.1.4)."""
    name, expected = CheckName.EXP, f"later than {show_time(now, now).partition(',')[0]}"
    if "exp" not in claims:
        return Check(
            name, Outcome.FAILED, expected, "none", "The token never expires: this issuer makes none so."
        )
    exp = claims["exp"]
    if not _is_time(exp):
        return Check(name, Outcome.FAILED, expected, shown.short(exp), _no_seconds("exp"))
    if exp > now:
        return Check(name, Outcome.PASSED, expected, show_time(exp, now))
    leeway = " (some verifiers still take it, with a leeway)" if now - exp < SKEW_SECONDS else ""
    advice = f"The token has expired{leeway}: ask for a new one, and keep it for expires_in seconds at most."
    return Check(name, Outcome.FAILED, expected, show_time(exp, now), advice)


def check_iat(claims: Mapping[str, JsonValue], now: int, shown: Shown) -> Check:
    """Return whether the token is already good: `iat`, and `nbf` where there is one."""
    if "iat" not in claims:
        advice = "The token does not say when it was issued."
        return Check(CheckName.IAT, Outcome.FAILED, _NOT_AHEAD, "none", advice)
    made = [_check_begun(claim, claims[claim], now, shown) for claim in ("nbf", "iat") if claim in claims]
    return next((check for check in made if check.outcome is Outcome.FAILED), made[-1])


def _check_begun(claim: str, value: JsonValue, now: int, shown: Shown) -> Check:
    name = CheckName.IAT
    if not _is_time(value):
        return Check(name, Outcome.FAILED, _NOT_AHEAD, shown.short(value), _no_seconds(claim))
    if value > now + SKEW_SECONDS:
        advice = f"{claim} lies in the future: the clocks of two machines differ; set them by NTP."
        return Check(name, Outcome.FAILED, _NOT_AHEAD, show_time(value, now), advice)
    return Check(name, Outcome.PASSED, _NOT_AHEAD, show_time(value, now))


def _is_time(value: JsonValue) -> TypeGuard[int]:
    # bool is an int to Python, and true would be the second 1.
    return type(value) is int and 0 <= value <= LAST_SECOND


def _no_seconds(claim: str) -> str:
    return f"{claim} is not whole seconds since 1970 (RFC 7519 section 2): this issuer makes none so."
