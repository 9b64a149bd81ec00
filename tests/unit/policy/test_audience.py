"""Which audiences a request gets, afresh or of a grant, and under which names."""

from dataclasses import replace

import pytest

from issuer.errors import InvalidGrant, InvalidScope, InvalidTarget, Refusal
from issuer.model.audience import AliasMode, AudienceState, SigningAlg, TokenTyp
from issuer.model.permission import PermittedSubject, SubjectKind
from issuer.model.service import ServiceState
from issuer.policy import audience as policy
from tests.unit.policy.builders import (
    NOW,
    alias,
    asking,
    audience,
    grant,
    permission,
    plan,
    record,
    service,
    token_policy,
)

API = "https://api.example/"
OTHER = service(2)
ACCESS = audience("access", 1, of=service(9), reserved=True)
REFRESH = audience("refresh", 2, of=service(9), reserved=True)
ADMIN_API = audience("https://auth.example/api/v1", 3, of=service(9), reserved=True)
ORDERS = audience("orders", 10, scopes="read write")
STOCK = audience("stock", 11, scopes="count")
BILLING = audience("billing", 12, scopes="read pay", of=OTHER)

NO_LONGER_ISSUING = [
    pytest.param(audience("orders", 10, scopes="read", state=AudienceState.DISABLED), id="disabled"),
    pytest.param(audience("orders", 10, scopes="read", state=AudienceState.REMOVED), id="removed"),
    pytest.param(
        audience("orders", 10, scopes="read", of=service(state=ServiceState.DISABLED)), id="service-disabled"
    ),
    pytest.param(
        audience("orders", 10, scopes="read", of=service(state=ServiceState.REMOVED)), id="service-removed"
    ),
]
REFUSED_TARGETS = [
    pytest.param(record(STOCK), id="unknown-or-not-permitted"),
    pytest.param(record(), id="nothing-permitted"),
    pytest.param(record(permission(ORDERS, subject=PermittedSubject.USER)), id="permitted-for-users-only"),
    *(pytest.param(record(case.values[0]), id=case.id) for case in NO_LONGER_ISSUING),
]


def renamed(mode: AliasMode, until: int | None, old: str = "orders"):
    """Return the audience `purchases`, once called `old`."""
    return audience("purchases", 10, scopes="read", aliases=[alias(old, mode, until)])


class TestParsing:
    """What is asked for is looked at whole before anything is looked up."""

    def test_a_resource_that_is_a_plain_name_is_refused(self):
        """RFC 8707 §2: an absolute URI."""
        with pytest.raises(InvalidTarget):
            plan(record(ORDERS), asking(resources=("orders",)))

    def test_a_resource_with_a_fragment_is_refused(self):
        """RFC 8707 §2: no fragment."""
        with pytest.raises(InvalidTarget):
            plan(record(audience(API)), asking(resources=(f"{API}#",)))

    @pytest.mark.parametrize("identifier", ["orders", "urn:example:orders", API])
    def test_an_audience_may_be_any_identifier(self, identifier):
        planned = plan(record(audience(identifier)), asking(identifier))

        assert planned.aud == (identifier,)

    def test_an_empty_value_names_nothing(self):
        with pytest.raises(InvalidTarget):
            plan(record(ORDERS), asking(""))

    def test_repeats_fold(self):
        planned = plan(record(ORDERS, STOCK), asking("orders", "orders", "stock", "orders"))

        assert planned.aud == ("orders", "stock")

    def test_spellings_of_one_audience_fold(self):
        planned = plan(record(audience(API)), asking("https://api.example", "HTTPS://API.EXAMPLE:443/"))

        assert planned.aud == (API,)

    def test_resource_and_audience_may_name_the_same_set(self):
        both = record(audience("urn:a", 1), audience("urn:b", 2))

        planned = plan(both, asking("urn:b", "urn:a", resources=("urn:a", "urn:b", "urn:a")))

        assert planned.aud == ("urn:a", "urn:b")

    def test_resource_and_audience_may_name_the_same_set_in_different_spellings(self):
        one = audience("orders", aliases=[alias(API)])

        planned = plan(record(one), asking("orders", resources=(API,)))

        assert planned.aud == ("orders",)

    @pytest.mark.parametrize(
        ("audiences", "resources"),
        [
            (("urn:a",), ("urn:b",)),
            (("urn:a", "urn:b"), ("urn:a",)),
            (("urn:a",), ("urn:a", "urn:b")),
        ],
    )
    def test_resource_and_audience_that_name_different_sets_are_refused(self, audiences, resources):
        both = record(audience("urn:a", 1), audience("urn:b", 2))

        with pytest.raises(InvalidTarget):
            plan(both, asking(*audiences, resources=resources))


class TestLookUp:
    """Which registered audience a name means."""

    def test_the_exact_spelling_is_found(self):
        found = policy.find_permission("orders", record(STOCK, ORDERS), NOW)

        assert found is not None
        assert found.audience is ORDERS

    def test_the_token_carries_the_registered_spelling(self):
        planned = plan(record(audience("HTTPS://Api.Example:443")), asking("https://api.example/"))

        assert planned.aud == ("HTTPS://Api.Example:443",)

    @pytest.mark.parametrize(
        "asked",
        ["https://api.example", "https://api.example:443", "HTTPS://API.example/", "https://api.example:/"],
    )
    def test_canonical_equality_finds_http_and_https(self, asked):
        planned = plan(record(audience(API)), asking(asked))

        assert planned.aud == (API,)

    @pytest.mark.parametrize(
        ("registered", "asked"),
        [
            ("https://api.example/mcp", "https://api.example/mcp/"),
            ("https://api.example/mcp/", "https://api.example/mcp"),
            ("https://api.example/A", "https://api.example/%41"),
            ("https://api.example/mcp", "https://api.example/MCP"),
            ("https://api.example/mcp", "https://api.example/mcp?"),
            ("https://api.example/mcp", "https://api.example/mcp?tenant=2"),
            ("https://api.example/mcp", "https://api.example/mcp/admin"),
            ("https://api.example/", "http://api.example/"),
            ("https://api.example/", "https://api.example:8443/"),
            ("https://api.example/", "https://api.example:0443/"),
            ("https://api.example/", "https://api.example.evil.example/"),
            ("https://api.example/", "https://*.example/"),
            ("urn:example:orders", "urn:example:orders:archive"),
            ("urn:example:orders:archive", "urn:example:orders"),
            ("urn:example:orders", "URN:EXAMPLE:orders"),
            ("orders", "Orders"),
            ("Orders", "orders"),
            ("orders", "orders "),
            ("orders", "order"),
            ("orders", "%6Frders"),
            ("keys", "\u212aeys"),
            ("api", "\uff41\uff50\uff49"),
            ("orders", "*"),
            ("orders", "orders\x00"),
            ("orders", "\ud800"),
        ],
    )
    def test_everything_else_compares_byte_for_byte(self, registered, asked):
        with pytest.raises(InvalidTarget):
            plan(record(audience(registered)), asking(asked))

    def test_slash_twins_are_two_audiences(self):
        twins = record(audience("https://a.example/mcp", 1), audience("https://a.example/mcp/", 2))

        planned = plan(twins, asking("https://a.example/mcp/"))

        assert planned.aud == ("https://a.example/mcp/",)

    def test_an_alias_is_found_last_and_gives_the_registered_spelling(self):
        planned = plan(record(renamed(AliasMode.ACCEPT, None)), asking("orders"))

        assert planned.aud == ("purchases",)

    @pytest.mark.parametrize("asked", ["https://old.example", "https://OLD.example:443/"])
    def test_an_alias_is_found_by_canonical_equality(self, asked):
        planned = plan(record(renamed(AliasMode.ACCEPT, None, "https://old.example/")), asking(asked))

        assert planned.aud == ("purchases",)

    def test_an_alias_that_is_a_plain_name_compares_byte_for_byte(self):
        with pytest.raises(InvalidTarget):
            plan(record(renamed(AliasMode.ACCEPT, None, "Orders")), asking("orders"))

    def test_an_audience_wins_over_an_alias(self):
        """No registry holds both; were it to, a primary identifier is nobody else's."""
        thief = audience("thief", 1, aliases=[alias("https://api.example/")])

        found = policy.find_permission("https://api.example", record(thief, audience(API, 2)), NOW)

        assert found is not None
        assert found.audience.identifier == API

    def test_what_bears_another_name_is_not_found(self):
        assert policy.find_permission("orders", record(STOCK), NOW) is None


class TestRefusal:
    """What an audience and its permission must be for a token to be issued."""

    @pytest.mark.parametrize("of", REFUSED_TARGETS)
    def test_unknown_disabled_and_not_permitted_are_refused_in_one_text(self, of):
        with pytest.raises(Refusal) as refused:
            plan(of, asking("orders"))

        told = (refused.value.code, refused.value.status, refused.value.sentence)
        assert told == ("invalid_target", 400, InvalidTarget.sentence)

    @pytest.mark.parametrize("of", REFUSED_TARGETS)
    def test_the_particulars_are_in_the_detail(self, of):
        with pytest.raises(InvalidTarget) as refused:
            plan(of, asking("orders"))

        assert "orders" in refused.value.detail

    @pytest.mark.parametrize(
        ("subject", "kind"),
        [
            (PermittedSubject.CLIENT, SubjectKind.CLIENT),
            (PermittedSubject.USER, SubjectKind.USER),
            (PermittedSubject.BOTH, SubjectKind.CLIENT),
            (PermittedSubject.BOTH, SubjectKind.USER),
        ],
    )
    def test_a_permission_holds_for_its_kind_of_subject(self, subject, kind):
        planned = plan(record(permission(ORDERS, subject=subject)), asking("orders"), kind=kind)

        assert planned.aud == ("orders",)

    @pytest.mark.parametrize(
        ("subject", "kind"),
        [(PermittedSubject.CLIENT, SubjectKind.USER), (PermittedSubject.USER, SubjectKind.CLIENT)],
    )
    def test_a_permission_does_not_hold_for_the_other_kind_of_subject(self, subject, kind):
        with pytest.raises(InvalidTarget):
            plan(record(permission(ORDERS, subject=subject)), asking("orders"), kind=kind)

    def test_a_deprecated_audience_still_issues(self):
        planned = plan(record(audience("orders", state=AudienceState.DEPRECATED)), asking("orders"))

        assert planned.aud == ("orders",)

    @pytest.mark.parametrize("place", range(5))
    @pytest.mark.parametrize("forbidden", ["nowhere", "off", "users", "\x00", "https://a.example/%zz"])
    def test_one_forbidden_of_several_refuses_all(self, place, forbidden):
        """Let's Encrypt, 2020-02-29: a loop that checked one of N items N times."""
        off = audience("off", 20, state=AudienceState.DISABLED)
        users = permission(audience("users", 21), subject=PermittedSubject.USER)
        names = [f"api-{number}" for number in range(4)]
        of = record(*(audience(name, number + 1) for number, name in enumerate(names)), off, users)
        names.insert(place, forbidden)

        with pytest.raises(InvalidTarget):
            plan(of, asking(*names))


class TestSeveral:
    """Which audiences may stand in one token."""

    def test_audiences_of_one_service_stand_together(self):
        planned = plan(record(ORDERS, STOCK), asking("orders", "stock"))

        assert planned.audiences == (ORDERS, STOCK)

    def test_audiences_of_one_trust_group_stand_together(self):
        group = record(
            audience("a", 1, of=service(1, trust_group="shop")),
            audience("b", 2, of=service(2, trust_group="shop")),
        )

        planned = plan(group, asking("a", "b"))

        assert planned.aud == ("a", "b")

    @pytest.mark.parametrize(
        ("one", "other"), [(None, None), ("shop", "bank"), ("shop", None), (None, "shop")]
    )
    def test_audiences_of_strangers_are_refused(self, one, other):
        strangers = record(
            audience("a", 1, of=service(1, trust_group=one)),
            audience("b", 2, of=service(2, trust_group=other)),
        )

        with pytest.raises(InvalidTarget):
            plan(strangers, asking("a", "b"))

    @pytest.mark.parametrize("stranger", range(3))
    def test_one_stranger_among_friends_is_refused(self, stranger):
        groups = ["bank" if number == stranger else "shop" for number in range(3)]
        of = record(
            *(audience(f"api-{n}", n + 1, of=service(n + 1, trust_group=g)) for n, g in enumerate(groups))
        )

        with pytest.raises(InvalidTarget):
            plan(of, asking("api-0", "api-1", "api-2"))

    @pytest.mark.parametrize(
        "policy_of_one",
        [token_policy(alg=SigningAlg.ES256), token_policy(typ=TokenTyp.JWT)],
        ids=["alg", "typ"],
    )
    @pytest.mark.parametrize("differing", range(3))
    def test_signing_alg_and_typ_must_agree(self, policy_of_one, differing):
        of = record(
            *(audience(f"api-{n}", n + 1, policy=policy_of_one if n == differing else None) for n in range(3))
        )

        with pytest.raises(InvalidTarget):
            plan(of, asking("api-0", "api-1", "api-2"))

    @pytest.mark.parametrize("with_own_key", range(3))
    def test_an_audience_with_a_key_of_its_own_stands_with_no_other(self, with_own_key):
        of = record(*(replace(audience(f"api-{n}", n + 1), has_own_key=n == with_own_key) for n in range(3)))

        with pytest.raises(InvalidTarget):
            plan(of, asking("api-0", "api-1", "api-2"))
        assert plan(of, asking(f"api-{with_own_key}")).aud == (f"api-{with_own_key}",)

    def test_aud_is_in_order_of_registration(self):
        of = record(audience("z", 1), audience("m", 2), audience("a", 3))

        planned = plan(of, asking("a", "z", "m"))

        assert planned.aud == ("z", "m", "a")

    @pytest.mark.parametrize("reserved", [ACCESS, ADMIN_API], ids=lambda one: one.identifier)
    def test_a_reserved_audience_never_stands_with_another(self, reserved):
        of = record(reserved, audience("own", 10, of=service(9)))

        with pytest.raises(InvalidTarget):
            plan(of, asking("own", reserved.identifier))

    def test_reserved_audiences_never_stand_together(self):
        with pytest.raises(InvalidTarget):
            plan(record(ACCESS, ADMIN_API), asking("access", ADMIN_API.identifier))

    @pytest.mark.parametrize("reserved", [ACCESS, ADMIN_API], ids=lambda one: one.identifier)
    def test_a_reserved_audience_is_given_alone(self, reserved):
        planned = plan(record(reserved, ORDERS), asking(reserved.identifier))

        assert planned.aud == (reserved.identifier,)


class TestRefreshAudience:
    """`refresh` can be neither permitted nor asked for."""

    def test_refresh_is_refused_like_what_is_unknown(self):
        with pytest.raises(InvalidTarget):
            plan(record(ORDERS), asking("refresh"))

    def test_refresh_is_refused_even_if_a_permission_names_it(self):
        with pytest.raises(InvalidTarget):
            plan(record(REFRESH), asking("refresh"))

    def test_refresh_is_refused_even_if_its_row_lost_its_lock(self):
        with pytest.raises(InvalidTarget):
            plan(record(audience("refresh", of=OTHER)), asking("refresh"))

    def test_refresh_is_no_default(self):
        with pytest.raises(InvalidTarget):
            plan(record(REFRESH, default=REFRESH))

    def test_refresh_is_no_only_permitted_audience(self):
        with pytest.raises(InvalidTarget):
            plan(record(REFRESH))

    def test_refresh_is_in_no_grant(self):
        with pytest.raises(InvalidGrant):
            plan(record(REFRESH), held=grant("refresh"))


class TestDefault:
    """What is meant where no target is named."""

    def test_the_one_permitted_audience_that_defines_the_scopes_is_meant(self):
        planned = plan(record(ORDERS, STOCK, BILLING), asking(scope="read write"))

        assert planned.aud == ("orders",)

    def test_scopes_choose_over_the_default(self):
        planned = plan(record(ORDERS, STOCK, default=ORDERS), asking(scope="count"))

        assert planned.aud == ("stock",)

    def test_of_several_that_define_the_scopes_the_default_is_meant(self):
        planned = plan(record(ORDERS, BILLING, default=BILLING), asking(scope="read"))

        assert planned.aud == ("billing",)

    @pytest.mark.parametrize("default", [None, STOCK], ids=["no-default", "default-not-among-them"])
    def test_of_several_that_define_the_scopes_none_is_guessed(self, default):
        with pytest.raises(InvalidTarget):
            plan(record(ORDERS, STOCK, BILLING, default=default), asking(scope="read"))

    def test_of_several_that_define_the_scopes_access_is_not_preferred(self):
        access = audience("access", 1, scopes="read", of=service(9), reserved=True)

        with pytest.raises(InvalidTarget):
            plan(record(access, ORDERS), asking(scope="read"))

    @pytest.mark.parametrize("scope", ["unknown", "read count", "write pay"])
    def test_scopes_that_no_permitted_audience_defines_together_are_refused(self, scope):
        with pytest.raises(InvalidScope):
            plan(record(ORDERS, STOCK, BILLING, ACCESS, default=ORDERS), asking(scope=scope))

    def test_scopes_of_an_audience_permitted_for_users_only_mean_nothing_to_a_client(self):
        of = record(permission(ORDERS, subject=PermittedSubject.USER), STOCK)

        with pytest.raises(InvalidScope):
            plan(of, asking(scope="write"))

    def test_without_scopes_the_default_is_meant(self):
        planned = plan(record(ORDERS, STOCK, BILLING, ACCESS, default=STOCK))

        assert planned.aud == ("stock",)

    def test_without_default_the_only_permitted_audience_is_meant(self):
        planned = plan(record(ORDERS))

        assert planned.aud == ("orders",)

    def test_the_only_audience_permitted_for_this_kind_of_subject_is_meant(self):
        of = record(permission(ORDERS, subject=PermittedSubject.USER), STOCK)

        planned = plan(of)

        assert planned.aud == ("stock",)

    def test_of_several_access_is_meant(self):
        planned = plan(record(ORDERS, STOCK, ACCESS))

        assert planned.aud == ("access",)

    def test_of_several_without_default_and_access_none_is_guessed(self):
        with pytest.raises(InvalidTarget):
            plan(record(ORDERS, STOCK))

    def test_an_audience_that_is_called_access_and_not_reserved_is_not_guessed(self):
        with pytest.raises(InvalidTarget):
            plan(record(audience("access", 1, of=OTHER), ORDERS))

    def test_without_any_permission_there_is_no_default(self):
        with pytest.raises(InvalidTarget) as refused:
            plan(record())

        assert refused.value.detail == "no target is named, and no audience is permitted to this client"

    def test_access_is_given_to_nobody_who_has_no_permission_for_it(self):
        with pytest.raises(InvalidTarget):
            plan(record(default=ACCESS))

    def test_scopes_of_the_issuer_do_not_choose(self):
        planned = plan(
            record(ORDERS, STOCK, default=STOCK),
            asking(scope="offline_access openid"),
            issuer_scopes="offline_access openid",
        )

        assert planned.aud == ("stock",)

    @pytest.mark.parametrize("gone", NO_LONGER_ISSUING)
    @pytest.mark.parametrize("others", [(), (STOCK,), (STOCK, ACCESS)], ids=["alone", "another", "access"])
    def test_a_default_that_cannot_be_used_is_refused_and_never_replaced(self, gone, others):
        with pytest.raises(InvalidTarget):
            plan(record(gone, *others, default=gone))

    @pytest.mark.parametrize("others", [(STOCK,), (STOCK, ACCESS), (ACCESS,)], ids=["one", "two", "access"])
    def test_a_default_that_is_no_longer_permitted_is_refused_and_never_replaced(self, others):
        with pytest.raises(InvalidTarget):
            plan(record(*others, default=ORDERS))

    def test_a_default_that_is_permitted_for_users_only_is_refused_and_never_replaced(self):
        with pytest.raises(InvalidTarget):
            plan(record(permission(ORDERS, subject=PermittedSubject.USER), STOCK, default=ORDERS))

    @pytest.mark.parametrize("gone", [case for case in NO_LONGER_ISSUING if case.id != "removed"])
    def test_a_default_that_its_scopes_mean_is_refused_while_disabled(self, gone):
        with pytest.raises(InvalidTarget):
            plan(record(gone, BILLING, default=gone), asking(scope="read"))

    def test_disabling_one_of_several_does_not_turn_tokens_to_the_other(self):
        of = record(audience("orders", 10, state=AudienceState.DISABLED), STOCK)

        with pytest.raises(InvalidTarget):
            plan(of)

    def test_disabling_one_of_several_with_a_scope_does_not_turn_tokens_to_the_other(self):
        of = record(audience("orders", 10, scopes="read", state=AudienceState.DISABLED), BILLING)

        with pytest.raises(InvalidTarget):
            plan(of, asking(scope="read"))

    def test_a_removed_audience_no_longer_counts(self):
        of = record(audience("orders", 10, state=AudienceState.REMOVED), STOCK)

        planned = plan(of)

        assert planned.aud == ("stock",)


class TestGrant:
    """Codes and refresh tokens: no more than was granted, and only what may stand together."""

    def test_without_target_all_that_was_granted_is_given(self):
        planned = plan(record(ORDERS, STOCK, BILLING, default=BILLING), held=grant("stock", "orders"))

        assert planned.aud == ("orders", "stock")

    def test_without_target_scopes_do_not_widen_the_grant(self):
        with pytest.raises(InvalidScope):
            plan(record(ORDERS, STOCK), asking(scope="count"), held=grant("orders", scopes="read"))

    @pytest.mark.parametrize("request_", [asking("stock"), asking("stock", "stock")])
    def test_a_request_may_narrow(self, request_):
        planned = plan(record(ORDERS, STOCK), request_, held=grant("orders", "stock"))

        assert planned.aud == ("stock",)

    def test_a_request_may_narrow_in_another_spelling(self):
        of = record(audience(API, 1), audience("https://b.example/", 2))

        planned = plan(
            of, asking(resources=("https://API.example:443",)), held=grant(API, "https://b.example/")
        )

        assert planned.aud == (API,)

    @pytest.mark.parametrize(
        "asked", [("stock",), ("orders", "stock"), ("stock", "orders"), ("nowhere",), ("orders", "\x00")]
    )
    def test_a_request_beyond_the_grant_is_refused(self, asked):
        with pytest.raises(InvalidTarget):
            plan(record(ORDERS, STOCK), asking(*asked), held=grant("orders"))

    def test_a_request_beyond_the_grant_is_refused_even_if_the_grant_is_lost(self):
        of = record(audience("orders", 10, state=AudienceState.DISABLED), STOCK)

        with pytest.raises(InvalidTarget):
            plan(of, asking("orders", "stock"), held=grant("orders"))

    def test_resource_and_audience_must_agree(self):
        of = record(audience("urn:a", 1), audience("urn:b", 2))

        with pytest.raises(InvalidTarget):
            plan(of, asking("urn:a", resources=("urn:b",)), held=grant("urn:a", "urn:b"))

    def test_a_resource_that_is_no_uri_is_refused(self):
        with pytest.raises(InvalidTarget):
            plan(record(ORDERS), asking(resources=("orders",)), held=grant("orders"))

    @pytest.mark.parametrize("request_", [asking(), asking("orders")], ids=["none-asked", "asked"])
    @pytest.mark.parametrize("of", REFUSED_TARGETS)
    def test_what_was_granted_and_is_withdrawn_since_ends_in_a_fresh_start(self, of, request_):
        with pytest.raises(InvalidGrant):
            plan(of, request_, held=grant("orders"))

    @pytest.mark.parametrize("place", range(4))
    def test_one_withdrawn_of_several_ends_in_a_fresh_start(self, place):
        names = [f"api-{number}" for number in range(4)]
        of = record(*(audience(name, n + 1) for n, name in enumerate(names) if n != place))

        with pytest.raises(InvalidGrant):
            plan(of, held=grant(*names))

    def test_what_is_withdrawn_and_not_asked_for_does_not_matter(self):
        of = record(audience("orders", 10, state=AudienceState.DISABLED), STOCK)

        planned = plan(of, asking("stock"), held=grant("orders", "stock"))

        assert planned.aud == ("stock",)

    def test_a_withdrawn_audience_is_known_in_another_spelling(self):
        with pytest.raises(InvalidGrant):
            plan(record(ORDERS), asking("https://API.example"), held=grant(API))

    @pytest.mark.parametrize("mode", AliasMode)
    @pytest.mark.parametrize("request_", [asking(), asking("orders"), asking("purchases")])
    def test_a_grant_follows_its_audience_to_a_new_name(self, mode, request_):
        planned = plan(record(renamed(mode, NOW + 1)), request_, held=grant("orders"))

        assert planned.aud[0] == "purchases"

    def test_a_grant_under_the_new_name_may_be_narrowed_by_the_old_one(self):
        planned = plan(record(renamed(AliasMode.ACCEPT, None)), asking("orders"), held=grant("purchases"))

        assert planned.aud == ("purchases",)

    def test_a_grant_whose_old_name_ended_starts_afresh(self):
        with pytest.raises(InvalidGrant):
            plan(record(renamed(AliasMode.ACCEPT, NOW)), held=grant("orders"))

    def test_a_grant_that_names_an_audience_twice_gives_it_once(self):
        planned = plan(record(renamed(AliasMode.ACCEPT, None)), held=grant("orders", "purchases", "orders"))

        assert planned.aud == ("purchases",)

    def test_a_grant_without_audience_starts_afresh(self):
        with pytest.raises(InvalidGrant):
            plan(record(ORDERS), held=grant())

    def test_audiences_that_no_longer_stand_together_may_still_be_had_singly(self):
        parted = record(ORDERS, BILLING)

        planned = plan(parted, asking("billing"), held=grant("orders", "billing"))

        assert planned.aud == ("billing",)

    @pytest.mark.parametrize("asked", [(), ("orders", "billing")])
    def test_audiences_that_no_longer_stand_together_are_lost_together(self, asked):
        with pytest.raises(InvalidGrant):
            plan(record(ORDERS, BILLING), asking(*asked), held=grant("orders", "billing"))


class TestRenaming:
    """Two names for a while; the date is the first second at which an alias no longer is what it was."""

    @pytest.mark.parametrize(
        ("mode", "until", "aud"),
        [
            (AliasMode.ACCEPT, None, ("purchases",)),
            (AliasMode.ACCEPT, NOW + 1, ("purchases",)),
            (AliasMode.DUAL, None, ("purchases", "orders")),
            (AliasMode.DUAL, NOW + 1, ("purchases", "orders")),
            (AliasMode.DUAL, NOW, ("purchases",)),
            (AliasMode.DUAL, NOW - 1, ("purchases",)),
        ],
    )
    @pytest.mark.parametrize("asked", ["orders", "purchases"])
    def test_both_names_may_be_asked_for_and_dual_emits_both_until_its_date(self, mode, until, aud, asked):
        planned = plan(record(renamed(mode, until)), asking(asked))

        assert planned.aud == aud

    @pytest.mark.parametrize("until", [NOW, NOW - 1])
    def test_an_accepted_name_is_unknown_from_its_date_on(self, until):
        with pytest.raises(InvalidTarget):
            plan(record(renamed(AliasMode.ACCEPT, until)), asking("orders"))

    @pytest.mark.parametrize("until", [NOW, NOW - 1])
    def test_an_accepted_name_is_unknown_from_its_date_on_in_every_spelling(self, until):
        of = record(renamed(AliasMode.ACCEPT, until, "https://old.example/"))

        with pytest.raises(InvalidTarget):
            plan(of, asking("https://OLD.example:443"))

    def test_a_new_name_stays_after_the_old_one_ended(self):
        planned = plan(record(renamed(AliasMode.ACCEPT, NOW)), asking("purchases"))

        assert planned.aud == ("purchases",)

    def test_dual_counts_as_one(self):
        """Both names of a dual audience are of one service."""
        planned = plan(record(renamed(AliasMode.DUAL, None)), asking("orders", "purchases"))

        assert len(planned.audiences) == 1

    def test_a_dual_audience_stands_with_others_in_order_of_registration(self):
        planned = plan(record(renamed(AliasMode.DUAL, None), STOCK), asking("stock", "orders"))

        assert planned.aud == ("purchases", "orders", "stock")

    def test_only_the_aliases_that_are_dual_now_are_emitted(self):
        many = audience(
            "new",
            aliases=[
                alias("a", AliasMode.DUAL, NOW + 1),
                alias("b", AliasMode.DUAL, NOW),
                alias("c", AliasMode.ACCEPT, None),
                alias("d", AliasMode.DUAL, None),
            ],
        )

        assert policy.emitted_identifiers(many, NOW) == ("new", "a", "d")
