"""What holds for any registry and any request, tried with generated ones.

The ordinary run draws the same few hundred examples each time; `pytest -m soak` draws many new ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issuer.errors import InvalidGrant, InvalidScope, InvalidTarget, InvalidValue, TokenRefusal
from issuer.model.audience import AliasMode, Audience, AudienceState, SigningAlg, TokenTyp
from issuer.model.permission import ClientRecord, Permission, PermittedSubject, SubjectKind
from issuer.model.service import ServiceState
from issuer.model.token_plan import Grant, TargetRequest, TokenPlan
from issuer.policy import identifiers, scopes
from tests.unit.policy.builders import (
    CLIENT_ID,
    NOW,
    alias,
    audience,
    permission,
    plan,
    record,
    service,
    token_policy,
)

ORDINARY = settings(
    derandomize=True,
    max_examples=200,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
SOAK = settings(ORDINARY, derandomize=False, max_examples=2000)

# Of no two of these are the canonical forms equal; many are nearly another one.
SPELLINGS = [
    "orders",
    "orders.archive",
    "Billing",
    "access2",
    "urn:example:orders",
    "urn:example:orders:archive",
    "URN:example:orders",
    "spiffe://example.org/orders",
    "https://api.example",
    "http://api.example/",
    "https://api.example//",
    "https://api.example/mcp",
    "https://api.example/mcp/",
    "https://api.example/mcp?",
    "https://api.example/mc%70",
    "https://api.example/MCP",
    "HTTPS://B.Example:443/Orders?b=1&a=2",
    "https://b.example:8443/",
    "http://[::1]:8080/",
]
RESERVED = ["access", "refresh", "https://auth.example/api/v1"]
NEAR_MISSES = [
    "",
    "ORDERS",
    "billing",
    "order",
    "orders ",
    "orders#refresh",
    "REFRESH",
    "https://api.example/#",
    "https://user@api.example/",
    "https://api.example./",
    "https://api.example:0443/",
    "https://api.example/mcp/..",
    "https://*/",
    "https://",
    "urn:",
    "urn:example:",
    "\u212aeys",
    "\ud800",
    "orders\x00",
]
SCOPES = ["read", "write", "orders:read", "pay"]
OFF = [AudienceState.DISABLED, AudienceState.REMOVED]
Outcome = TokenPlan | str

MOMENTS = [None, NOW - 1, NOW, NOW + 1, NOW + 1]
ISSUER_SCOPES = ["offline_access", "openid"]

# Surrogates, too: hypothesis leaves them out unless told.
garbage = st.text(st.characters(exclude_categories=()), max_size=12)
seeds = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Case:
    """A question: who asks for what, for which kind of subject, under which grant."""

    record: ClientRecord
    request: TargetRequest
    kind: SubjectKind
    issuer_scopes: frozenset[str]
    grant: Grant | None = None

    def answer(self, **changed: object) -> Outcome:
        """Return the plan, or the code of the refusal; anything else that is raised fails the test."""
        asked = replace(self, **changed)
        try:
            return plan(
                asked.record,
                asked.request,
                kind=asked.kind,
                issuer_scopes=" ".join(asked.issuer_scopes),
                held=asked.grant,
            )
        except (InvalidTarget, InvalidScope, InvalidGrant) as refusal:
            return refusal.code


def mostly(chance, usual, others):
    """Return `usual` in 19 of 20 cases, else one of the others: most parts of a registry are in order."""
    return usual if chance.random() < 0.95 else chance.choice(list(others))


def some_scopes(chance):
    """Return names of scopes."""
    return " ".join(chance.sample(SCOPES, chance.randint(0, 3)))


def some_audiences(chance):
    """Return audiences as a registry may hold them: no spelling is of two; reserved ones among them."""
    owners = [
        service(
            number,
            trust_group=chance.choice(["shop", "shop", "shop", None]),
            state=mostly(chance, ServiceState.ACTIVE, ServiceState),
        )
        for number in (1, 2, 3)
    ]
    reserved = [
        audience(name, number, of=service(9, trust_group="shop"), reserved=True)
        for number, name in enumerate(RESERVED, start=1)
        if chance.random() < 0.3
    ]
    spellings = chance.sample(SPELLINGS, len(SPELLINGS))
    return reserved + [
        audience(
            spellings.pop(),
            number,
            scopes=some_scopes(chance),
            of=chance.choice(owners),
            aliases=[
                alias(spellings.pop(), chance.choice(list(AliasMode)), chance.choice(MOMENTS))
                for _ in range(chance.randint(0, 2))
            ],
            policy=some_policy(chance),
            state=mostly(chance, AudienceState.ACTIVE, AudienceState),
        )
        for number in range(4, chance.randint(5, 8))
    ]


def some_policy(chance):
    """Return a token policy."""
    return token_policy(
        seconds=chance.choice([None, 60, 900, 100_000]),
        alg=mostly(chance, SigningAlg.RS256, SigningAlg),
        typ=mostly(chance, TokenTyp.AT_JWT, TokenTyp),
        claims=mostly(chance, {}, [{"tier": True}, {"tier": 1}]),
    )


def some_record(chance, registered):
    """Return a client that may ask for most of what is registered, with scopes that may be gone."""
    permitted = [
        Permission(
            CLIENT_ID,
            one,
            frozenset(some_scopes(chance).split()) | {scope.name for scope in one.scopes[:2]},
            frozenset(mostly(chance, "", SCOPES).split()),
            mostly(chance, PermittedSubject.BOTH, PermittedSubject),
            version=1,
        )
        for one in registered
        if chance.random() < 0.9
    ]
    default = chance.choice([None, *registered])
    return record(*permitted, default=default, max_seconds=chance.choice([None, 30, 10**9]))


@st.composite
def respelled(draw, uri):
    """Draw another spelling of the same http or https URI; anything else comes back as it stands."""
    if uri[:4].lower() != "http":
        return uri
    parts = identifiers.parse_uri(uri)
    default = {"http": "80", "https": "443"}[parts.scheme.lower()]
    ports = ["", ":", f":{default}"] if parts.port in {"", default} else [f":{parts.port}"]
    paths = ["", "/"] if parts.path in {"", "/"} else [parts.path]
    place = recased(parts.host, draw(st.integers(0, 2 ** len(parts.host) - 1)))
    place += draw(st.sampled_from(ports)) + draw(st.sampled_from(paths))
    return f"{recased(parts.scheme, draw(st.integers(0, 31)))}://{place}{parts.query}"


def recased(text, mask):
    """Return the text with the letters in upper case that the bits of the mask tell."""
    return "".join(one.upper() if mask >> n & 1 else one.lower() for n, one in enumerate(text))


def targets(registered):
    """Give what somebody may ask for: most often a spelling of what is registered."""
    known = [name for one in registered for name in names_of(one)]
    usual = st.sampled_from(known).flatmap(respelled)
    unusual = st.sampled_from([*SPELLINGS, *NEAR_MISSES, *RESERVED])
    return st.one_of(*[usual] * 28, *[st.sampled_from(RESERVED)] * 2, unusual, garbage)


@st.composite
def requests(draw, registered):
    """Draw a request: any number of targets under either name, repeated or not, and scopes."""
    asked = draw(st.lists(targets(registered), max_size=4))
    uris = [name for name in asked if ":" in name]
    resources = draw(st.sampled_from([*[[]] * 6, uris, uris[::-1], asked, asked[:1]]))
    defined = [scope.name for one in registered for scope in one.scopes] or SCOPES
    names = st.lists(st.sampled_from([*defined * 8, *SCOPES, *ISSUER_SCOPES, "unknown"]), max_size=2)
    scope = draw(st.one_of(*[st.none()] * 8, *[names.map(" ".join)] * 7, garbage))
    return TargetRequest(tuple(resources), tuple(asked), scope)


@st.composite
def cases(draw):
    """Draw a question without a grant."""
    chance = Random(draw(seeds))
    registered = some_audiences(chance)
    return Case(
        some_record(chance, registered),
        draw(requests(registered)),
        chance.choice(list(SubjectKind)),
        frozenset(chance.sample(ISSUER_SCOPES, 1)),
    )


@st.composite
def granted_cases(draw):
    """Draw a question under a grant, made when the registry may have been another."""
    case, chance = draw(cases()), Random(draw(seeds))
    known = [name for one in case.record.permissions for name in names_of(one.audience)] or SPELLINGS
    held = chance.choices(known, k=chance.choice([0, 1, 1, 1, 1, 2, 2, 3]))
    granted = Grant(
        tuple(mostly(chance, name, SPELLINGS) for name in held),
        frozenset(chance.sample([*SCOPES, "gone"], chance.randint(0, 5))),
        frozenset(chance.sample(ISSUER_SCOPES, chance.randint(0, 2))),
    )
    whole = replace(case.request, resources=(), audiences=())
    return replace(case, grant=granted, request=chance.choice([case.request, whole]))


@st.composite
def shuffled(draw, values):
    """Draw the same values in another order, each once or more."""
    more = draw(st.lists(st.sampled_from(values), max_size=4)) if values else []
    return tuple(draw(st.permutations([*values, *more])))


@st.composite
def friends(draw):
    """Draw audiences of one trust group, all of which one token may hold, each with a scope of its own."""
    names = Random(draw(seeds)).sample(SPELLINGS, draw(st.integers(1, 8)))
    return [
        audience(name, n + 1, scopes=f"scope-{n}", of=service(n + 1, trust_group="shop"))
        for n, name in enumerate(names)
    ]


def names_of(one: Audience) -> list[str]:
    """Return every spelling of an audience that is registered, whatever its date."""
    return [one.identifier, *(other.identifier for other in one.aliases)]


def names_now(one: Audience) -> list[str]:
    """Return every spelling under which an audience may be asked for now."""
    ended = {
        other.identifier
        for other in one.aliases
        if other.mode is AliasMode.ACCEPT and other.until is not None and other.until <= NOW
    }
    return [name for name in names_of(one) if name not in ended]


def may_be_given(one: Permission, kind: SubjectKind) -> bool:
    """Return whether a token may hold this audience, told independently of the policy."""
    return (
        one.audience.identifier != "refresh"
        and one.audience.state in {AudienceState.ACTIVE, AudienceState.DEPRECATED}
        and one.audience.service.state is ServiceState.ACTIVE
        and one.subject.value in {"both", kind.value}
    )


def holds(body: Callable[..., None], **strategies: st.SearchStrategy[object]) -> tuple[object, object]:
    """Return the ordinary test of a rule and its soak."""
    return ORDINARY(given(**strategies)(body)), pytest.mark.soak(SOAK(given(**strategies)(body)))


def a_plan_is_sound(case):
    """Every plan keeps every rule that does not depend on what was asked."""
    planned = case.answer()
    if isinstance(planned, str):
        return

    only_what_is_permitted(planned, case)
    only_registered_spellings(planned)
    only_what_may_stand_together(planned)
    the_shortest_lifetime(planned, case)


def only_what_is_permitted(planned, case):
    """No audience and no scope that this client may not have for this kind of subject."""
    permitted = {one.audience.id: one for one in case.record.permissions}
    chosen = [permitted[one.id] for one in planned.audiences]
    assert chosen
    assert all(may_be_given(one, case.kind) for one in chosen)
    for name in planned.scopes:
        owners = [one for one in chosen if name in {scope.name for scope in one.audience.scopes}]
        assert len(owners) == 1
        assert name in owners[0].scopes
    assert not scopes.ISSUER_SCOPES & set(planned.scopes)
    assert planned.issuer_scopes <= case.issuer_scopes


def only_registered_spellings(planned):
    """`aud` holds each identifier once, and beside it the aliases that are dual now, in order."""
    expected = [
        name
        for one in sorted(planned.audiences, key=lambda one: one.id)
        for name in [
            one.identifier,
            *(
                other.identifier
                for other in one.aliases
                if other.mode is AliasMode.DUAL and (other.until is None or other.until > NOW)
            ),
        ]
    ]
    assert list(planned.aud) == expected
    assert len(set(planned.aud)) == len(planned.aud)


def only_what_may_stand_together(planned):
    """Several audiences are of one service or group, agree, and none of them is the issuer's own."""
    several = planned.audiences
    assert len(several) == 1 or not any(one.is_reserved for one in several)
    assert len({one.service.id for one in several}) == 1 or {one.service.trust_group for one in several} == {
        "shop"
    }
    assert {one.policy.signing_alg for one in several} == {planned.signing_alg}
    assert {one.policy.typ for one in several} == {planned.typ}
    assert len({repr(one.policy.extra_claims["tier"]) for one in several if one.policy.extra_claims}) <= 1


def exactly_what_was_asked(case):
    """Every target asked for is in the token under a name that holds now, and nothing else is."""
    planned = case.answer()
    if isinstance(planned, str):
        return

    for named in (case.request.resources, case.request.audiences):
        forms = {identifiers.comparison_form(name) for name in named}
        for one in planned.audiences if named else ():
            spellings = {identifiers.comparison_form(name) for name in names_now(one)}
            assert spellings & forms
            forms -= spellings
        assert not forms
    assert all(identifiers.is_absolute_uri(name) for name in case.request.resources)
    asked = set((case.request.scope or "").split()) - scopes.ISSUER_SCOPES
    assert not asked or set(planned.scopes) == asked


def no_guess(case):
    """A request without target gets the audience its scopes mean, the default, the only one, or `access`."""
    planned = case.answer(request=TargetRequest(scope=case.request.scope))
    if isinstance(planned, str):
        return

    [chosen] = planned.audiences
    default = case.record.client.default_audience
    offered = [
        one.audience
        for one in case.record.permissions
        if one.subject.value in {"both", case.kind.value} and one.audience.state is not AudienceState.REMOVED
    ]
    asked = set((case.request.scope or "").split()) - scopes.ISSUER_SCOPES
    defining = [one for one in offered if asked <= {scope.name for scope in one.scopes}]
    if asked:
        assert defining == [chosen] or default == chosen.id
    else:
        assert default == chosen.id or default is None
        assert default == chosen.id or offered == [chosen] or chosen.identifier == "access"


def the_shortest_lifetime(planned, case):
    """The token lives no longer than any of its audiences, the client and the server say."""
    said = [one.policy.access_token_seconds or 900 for one in planned.audiences]
    cap = case.record.client.access_token_max_seconds
    assert planned.lifetime_seconds == min(*said, 86_400, cap or 86_400)


def no_order_and_no_repetition(case, data):
    """The same values in another order, some of them twice, have the same answer."""
    request = TargetRequest(
        data.draw(shuffled(case.request.resources)),
        data.draw(shuffled(case.request.audiences)),
        case.request.scope,
    )
    if case.request.scope and "  " not in case.request.scope:
        words = data.draw(shuffled(case.request.scope.split(" ")))
        request = replace(request, scope=" ".join(words) if all(words) else case.request.scope)
    held = case.grant and replace(case.grant, audiences=data.draw(shuffled(case.grant.audiences)))

    assert case.answer(request=request, grant=held) == case.answer()


def no_spelling(case, data):
    """Another spelling of the same URIs has the same answer."""
    request = TargetRequest(
        *(
            tuple(data.draw(respelled(name)) if is_uri(name) else name for name in names)
            for names in (case.request.resources, case.request.audiences)
        ),
        case.request.scope,
    )

    assert case.answer(request=request) == case.answer()


def is_uri(name):
    """Return whether the identifier has parts that may be spelled differently."""
    return identifiers.is_absolute_uri(name) and identifiers.parse_uri(name).host != ""


def no_growth(case):
    """Under a grant the token holds nothing that the grant does not."""
    planned = case.answer()
    if isinstance(planned, str):
        return

    forms = {identifiers.comparison_form(name) for name in case.grant.audiences}
    for one in planned.audiences:
        assert forms & {identifiers.comparison_form(name) for name in names_of(one)}
    assert set(planned.scopes) <= case.grant.scopes
    assert planned.issuer_scopes <= case.grant.issuer_scopes


def no_growth_by_narrowing(case):
    """What a grant gives for each of its audiences alone is part of what it gives for all."""
    whole = case.answer(request=TargetRequest())
    if isinstance(whole, str):
        return

    for one in whole.audiences:
        single = case.answer(request=TargetRequest(audiences=(one.identifier,)))
        assert isinstance(single, TokenPlan)
        assert single.audiences == (one,)
        assert set(single.scopes) <= set(whole.scopes)


def all_or_nothing_of_targets(together, data):
    """Of N targets only the k-th is forbidden: all are refused, for every k."""
    place = data.draw(st.integers(0, len(together) - 1))
    victim = together[place]
    permitted = [permission(one) for one in together]
    permitted[place] = data.draw(
        st.sampled_from(
            [
                *(permission(replace(victim, state=state)) for state in OFF),
                permission(replace(victim, service=replace(victim.service, state=ServiceState.DISABLED))),
                permission(replace(victim, service=replace(victim.service, trust_group=None))),
                permission(victim, subject=PermittedSubject.USER),
                None,
            ]
        )
        if len(together) > 1
        else st.none()
    )
    case = Case(
        record(*(one for one in permitted if one)),
        TargetRequest(audiences=data.draw(shuffled([one.identifier for one in together]))),
        SubjectKind.CLIENT,
        frozenset(),
    )

    assert case.answer() == "invalid_target"
    assert isinstance(case.answer(record=record(*together)), TokenPlan)


def all_or_nothing_of_grants(together, data):
    """Of N granted audiences only the k-th is lost: the client starts afresh, for every k."""
    place = data.draw(st.integers(0, len(together) - 1))
    rest = [one for number, one in enumerate(together) if number != place]
    held = Grant(tuple(one.identifier for one in together), frozenset())
    case = Case(record(*rest), TargetRequest(), SubjectKind.CLIENT, frozenset(), held)

    assert case.answer() == "invalid_grant"
    assert isinstance(case.answer(record=record(*together)), TokenPlan)


def all_or_nothing_of_scopes(together, data):
    """Of N scopes only the k-th is not permitted: all are refused, for every k."""
    place = data.draw(st.integers(0, len(together) - 1))
    permitted = [permission(one, "" if number == place else None) for number, one in enumerate(together)]
    asked = " ".join(data.draw(st.permutations([f"scope-{number}" for number in range(len(together))])))
    request = TargetRequest(audiences=tuple(one.identifier for one in together), scope=asked)
    case = Case(record(*permitted), request, SubjectKind.CLIENT, frozenset())

    assert case.answer() == "invalid_scope"
    assert isinstance(case.answer(record=record(*together)), TokenPlan)


def one_spelling(uri, data):
    """Equivalent spellings have one form, which is its own."""
    form = identifiers.comparison_form(uri)

    assert identifiers.comparison_form(data.draw(respelled(uri))) == form
    assert identifiers.comparison_form(form) == form
    assert identifiers.canonical_form(form) == form


def two_spellings(uri, data):
    """A change of path, slash, percent-encoding, query or port makes another identifier."""
    parts = identifiers.parse_uri(uri)
    before = uri.removesuffix(parts.query)
    variants = [
        f"{uri}/" if parts.query else f"{before}//",
        f"{before}/..{parts.query}",
        f"{before}%2F{parts.query}" if parts.path else f"{before}/%2F{parts.query}",
        f"{before}{parts.query}{'&' if parts.query else '?'}",
        f"{uri}#",
        f"{uri} ",
        f"{uri}\n",
        uri.replace("://", "://user@"),
        uri.replace("://", "://www."),
    ]
    variant = data.draw(st.sampled_from(variants))

    assert identifiers.comparison_form(variant) != identifiers.comparison_form(uri)


def any_text(text):
    """Any text is compared without a fault, and is registered unchanged or refused."""
    form = identifiers.comparison_form(text)
    assert identifiers.comparison_form(form) == form
    try:
        checked = identifiers.check_identifier(text)
    except InvalidValue:
        return

    assert checked == text
    canonical = identifiers.canonical_form(text)
    assert identifiers.canonical_form(canonical) == canonical
    assert canonical.isascii()
    assert identifiers.is_under_issuer(text, "https://auth.example/auth") in {True, False}


def any_scope(text):
    """Any scope parameter is read or refused."""
    try:
        names = scopes.parse_scope(text)
    except TokenRefusal:
        return

    assert names == set(text.split(" ")) - {""}


web_uris = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["a", "0", "api.example", "x-1.b_c", "127.0.0.1", "[::1]", "[2001:db8::f]"]),
    st.sampled_from(["", ":80", ":443", ":8443", ":"]),
    st.lists(st.sampled_from(["", "mcp", "A", "%2F", "%2f", "~a;b=1", "."]), max_size=3).map(
        lambda segments: "".join(f"/{segment}" for segment in segments)
    ),
    st.sampled_from(["", "?", "?a=1&b=2", "?B=/?"]),
)
uri_like = st.one_of(
    garbage,
    web_uris,
    st.text("htps:/?#[]@%.25eEfFaA1;\\ \n\x00\u212a\u017f", max_size=20).map("http{}".format),
    st.text("/?#[]@:%.25eEfFaA1;\\_-", max_size=20).map("https://{}".format),
    st.text("/?#[]@:%.25eEfFaA1;\\_-", max_size=20).map("spiffe://{}".format),
)

any_case = st.one_of(cases(), granted_cases())
drawn = st.data()

test_a_plan_is_sound, test_soak_a_plan_is_sound = holds(a_plan_is_sound, case=any_case)
test_exactly_what_was_asked, test_soak_exactly_what_was_asked = holds(exactly_what_was_asked, case=any_case)
test_no_guess, test_soak_no_guess = holds(no_guess, case=cases())
test_order, test_soak_order = holds(no_order_and_no_repetition, case=any_case, data=drawn)
test_spelling, test_soak_spelling = holds(no_spelling, case=any_case, data=drawn)
test_no_growth, test_soak_no_growth = holds(no_growth, case=granted_cases())
test_no_growth_by_narrowing, test_soak_no_growth_by_narrowing = holds(
    no_growth_by_narrowing, case=granted_cases()
)
test_all_targets, test_soak_all_targets = holds(all_or_nothing_of_targets, together=friends(), data=drawn)
test_all_of_a_grant, test_soak_all_of_a_grant = holds(
    all_or_nothing_of_grants, together=friends(), data=drawn
)
test_all_scopes, test_soak_all_scopes = holds(all_or_nothing_of_scopes, together=friends(), data=drawn)
test_one_spelling, test_soak_one_spelling = holds(one_spelling, uri=web_uris, data=drawn)
test_two_spellings, test_soak_two_spellings = holds(two_spellings, uri=web_uris, data=drawn)
test_any_text, test_soak_any_text = holds(any_text, text=uri_like)
test_any_scope, test_soak_any_scope = holds(
    any_scope, text=st.one_of(garbage, st.text('a b"\\\n', max_size=8))
)
