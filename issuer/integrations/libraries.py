"""What libraries and gateways that verify tokens do about `aud` and `typ` when nobody tells them more.

Facts of November 2026, each with where it comes from. `aud` is checked byte for byte or not at all, and
which of the two it is depends on an option that is easily forgotten.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CHECKED: Final = "November 2026"


class Evidence(StrEnum):
    """From where a fact is known."""

    RUN = "run against live tokens"
    SOURCE = "read in its source"
    DOCS = "read in its documentation"
    THREAD = "told in its issue tracker"


class Habit(StrEnum):
    """What a library does with a token that the service should refuse."""

    ACCEPTS = "accepts"
    REFUSES = "refuses"
    DOES_NOT_START = "does not start"
    DEPENDS = "depends on an option"


@dataclass(frozen=True, slots=True)
class Library:
    """One library or gateway. version: as far as known.

    untold: what it does with a token for somebody else when no audience is configured. lacking: with a
    token that has no `aud`, though an audience is configured. can_be_told: whether one can be configured.
    takes_typ: the only `typ` that it takes by default, "" for any. checks_expiry: by default.
    """

    name: str
    version: str
    language: str
    untold: Habit
    lacking: Habit
    evidence: Evidence
    note: str = ""
    can_be_told: bool = True
    takes_typ: str = ""
    checks_expiry: bool = True


_ACCEPTS, _REFUSES = Habit.ACCEPTS, Habit.REFUSES
_RUN, _SOURCE, _DOCS = Evidence.RUN, Evidence.SOURCE, Evidence.DOCS

LIBRARIES: Final = (
    Library(
        "jsonwebtoken", "9.0.3", "Node", _ACCEPTS, _REFUSES, _RUN, "audience: undefined switches it off."
    ),
    Library("jose", "6.2.17", "Node", _ACCEPTS, _REFUSES, _RUN, "audience: undefined switches it off."),
    Library(
        "fast-jwt, @fastify/jwt", "6.3.6", "Node", _ACCEPTS, _ACCEPTS, _RUN, "Set requiredClaims as well."
    ),
    Library("express-jwt", "8.5.1", "Node", _ACCEPTS, _REFUSES, _RUN, "It has jsonwebtoken inside."),
    Library("passport-jwt", "4.0.1", "Node", _ACCEPTS, _REFUSES, _RUN, "It has jsonwebtoken inside."),
    Library(
        "express-oauth2-jwt-bearer",
        "1.10.0",
        "Node",
        Habit.DOES_NOT_START,
        _REFUSES,
        _RUN,
        "Takes any typ unless strict is set.",
    ),
    Library(
        "aws-jwt-verify",
        "5.2.1",
        "Node",
        Habit.DOES_NOT_START,
        _REFUSES,
        _RUN,
        "null must be set to skip it.",
    ),
    Library("PyJWT", "2.15.1", "Python", _REFUSES, _REFUSES, _RUN, "iss is not checked unless it is given."),
    Library(
        "Authlib JWTBearerTokenValidator",
        "1.9.9",
        "Python",
        _REFUSES,
        _REFUSES,
        _RUN,
        "The audience is a required argument.",
        takes_typ="at+jwt",
    ),
    Library(
        "joserfc",
        "1.8.0",
        "Python",
        _ACCEPTS,
        _ACCEPTS,
        _RUN,
        "decode checks no claim, not even exp; a JWTClaimsRegistry does, with essential set.",
        checks_expiry=False,
    ),
    Library("authlib.jose", "deprecated", "Python", _ACCEPTS, _ACCEPTS, _RUN, "Even after validate()."),
    Library("python-jose", "3.5.0", "Python", _REFUSES, _ACCEPTS, _RUN, "Better avoided."),
    Library(
        "Spring Security",
        "Boot 4",
        "Java",
        _ACCEPTS,
        _REFUSES,
        _SOURCE,
        "audiences is off unless set; at+jwt is refused unless a JwtTypeValidator takes it.",
        takes_typ="JWT",
    ),
    Library("jose4j", "", "Java", _REFUSES, Habit.DEPENDS, Evidence.THREAD),
    Library(
        ".NET JwtBearer", "", ".NET", _REFUSES, _REFUSES, _DOCS, "Many samples set ValidateAudience = false."
    ),
    Library(
        "go-oidc",
        "3",
        "Go",
        Habit.DOES_NOT_START,
        _REFUSES,
        _SOURCE,
        "ClientID is the audience that it expects; typ is never checked.",
    ),
    Library("golang-jwt", "5", "Go", _ACCEPTS, _REFUSES, _SOURCE, "exp is optional unless demanded."),
    Library("lestrrat jwx", "3", "Go", _ACCEPTS, _REFUSES, _SOURCE),
    Library("jsonwebtoken", "10", "Rust", _REFUSES, _ACCEPTS, _SOURCE, "Put aud among the required claims."),
    Library(
        "firebase/php-jwt",
        "",
        "PHP",
        _ACCEPTS,
        _ACCEPTS,
        _SOURCE,
        "It never looks at iss and aud: compare them yourself.",
        can_be_told=False,
    ),
    Library(
        "ruby-jwt", "", "Ruby", _ACCEPTS, _REFUSES, _SOURCE, "aud does nothing without verify_aud: true."
    ),
    Library("Envoy jwt_authn, Istio", "", "Gateway", _ACCEPTS, _REFUSES, _DOCS),
    Library(
        "Kong, open-source jwt plugin",
        "",
        "Gateway",
        _ACCEPTS,
        _ACCEPTS,
        _DOCS,
        "It can be told to check exp and nbf, and nothing else.",
        can_be_told=False,
        checks_expiry=False,
    ),
    Library("Traefik Hub JWT", "", "Gateway", _ACCEPTS, Habit.DEPENDS, _DOCS, "By a claims expression."),
    Library("NGINX Plus auth_jwt", "", "Gateway", _ACCEPTS, Habit.DEPENDS, _DOCS, "By auth_jwt_require."),
    Library("oauth2-proxy", "", "Gateway", _REFUSES, _REFUSES, _SOURCE, "Without aud it answers 500."),
    Library("Kubernetes API server", "1.34", "Gateway", Habit.DOES_NOT_START, _REFUSES, _DOCS),
    Library("PostgREST", "", "Gateway", _ACCEPTS, _ACCEPTS, _DOCS),
)
