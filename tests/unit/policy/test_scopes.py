"""How scopes are written and which a token gets, afresh or of a grant."""

import pytest

from issuer.errors import InvalidGrant, InvalidScope, InvalidTarget, InvalidValue
from issuer.policy import scopes
from tests.unit.policy.builders import asking, audience, grant, permission, plan, record, service

ORDERS = audience("orders", 1, scopes="read write refund")
STOCK = audience("stock", 2, scopes="count read")
BOTH = ("orders", "stock")
ISSUERS = ["offline_access", "openid", "profile", "email", "address", "phone"]

MALFORMED = [
    " read",
    "read ",
    "read  write",
    " ",
    "read\twrite",
    "read\n",
    "re\x00ad",
    'a"b',
    "a\\b",
    "caf\u00e9",
    "\u212a",
    "\ud800",
    "\x7f",
]


class TestNames:
    """RFC 6749 §3.3: what a scope holds, and which names are the issuer's."""

    @pytest.mark.parametrize(
        "name", ["read", "orders:read", "https://api.example/read", "!", "~", "x" * 128, "OpenID"]
    )
    def test_a_scope_is_registered_as_it_is_written(self, name):
        assert scopes.check_scope_name(name) == name

    @pytest.mark.parametrize("name", ["", "x" * 129, "a b", *MALFORMED])
    def test_what_is_no_scope_is_refused(self, name):
        with pytest.raises(InvalidValue):
            scopes.check_scope_name(name)

    @pytest.mark.parametrize("name", ISSUERS)
    def test_no_audience_defines_a_scope_of_the_issuer(self, name):
        with pytest.raises(InvalidValue):
            scopes.check_scope_name(name)

    @pytest.mark.parametrize("scope", [None, ""])
    def test_an_absent_or_empty_parameter_asks_for_nothing(self, scope):
        assert scopes.parse_scope(scope) == frozenset()

    def test_repeated_scopes_fold(self):
        assert scopes.parse_scope("read write read") == {"read", "write"}

    @pytest.mark.parametrize("scope", MALFORMED)
    def test_a_malformed_parameter_is_refused(self, scope):
        with pytest.raises(InvalidScope):
            scopes.parse_scope(scope)


class TestIssuerScopes:
    """They address the issuer, are taken out first and stand in no service's token."""

    @pytest.mark.parametrize("name", ISSUERS)
    def test_a_scope_of_the_issuer_is_taken_out(self, name):
        planned = plan(record(ORDERS), asking("orders", scope=f"read {name}"), issuer_scopes=name)

        assert (planned.scopes, planned.issuer_scopes) == (("read",), {name})

    def test_scopes_of_the_issuer_alone_count_as_none_asked(self):
        of = record(permission(ORDERS, default="read"))

        planned = plan(of, asking("orders", scope="offline_access"), issuer_scopes="offline_access")

        assert planned.scopes == ("read",)

    def test_a_scope_of_the_issuer_that_may_not_be_asked_for_is_refused(self):
        with pytest.raises(InvalidScope):
            plan(record(ORDERS), asking("orders", scope="read offline_access"), issuer_scopes="openid")

    def test_a_scope_of_the_issuer_that_was_not_granted_is_refused(self):
        held = grant("orders", scopes="read", issuer_scopes="openid")

        with pytest.raises(InvalidScope):
            plan(record(ORDERS), asking(scope="offline_access"), issuer_scopes="offline_access", held=held)

    def test_a_granted_scope_of_the_issuer_is_refused_where_the_client_may_not_use_it_any_more(self):
        held = grant("orders", issuer_scopes="offline_access")

        with pytest.raises(InvalidScope):
            plan(record(ORDERS), asking(scope="offline_access"), held=held)

    def test_a_scope_of_the_issuer_is_not_given_even_if_an_audience_defines_it(self):
        of = record(audience("orders", scopes="read openid"))

        planned = plan(of, asking("orders"))

        assert planned.scopes == ("read",)

    def test_a_scope_of_the_issuer_is_not_given_even_if_the_grant_mixed_it_in(self):
        of = record(audience("orders", scopes="read openid"))

        planned = plan(of, held=grant("orders", scopes="read openid"))

        assert planned.scopes == ("read",)


class TestAsked:
    """Scopes asked for, after the targets are chosen."""

    def test_an_unknown_target_is_refused_before_an_unknown_scope(self):
        with pytest.raises(InvalidTarget):
            plan(record(ORDERS), asking("nowhere", scope="unknown"))

    def test_an_unknown_target_is_refused_before_a_scope_of_the_issuer(self):
        with pytest.raises(InvalidTarget):
            plan(record(ORDERS), asking("nowhere", scope="openid"))

    def test_the_asked_scopes_are_given_and_no_other(self):
        planned = plan(record(permission(ORDERS, default="write")), asking("orders", scope="refund read"))

        assert planned.scopes == ("read", "refund")

    @pytest.mark.parametrize("place", range(3))
    @pytest.mark.parametrize(
        "forbidden",
        ["unknown", "write", "READ", "pay", "rea", "read*"],
        ids=lambda name: name.replace("*", "+"),
    )
    def test_one_forbidden_scope_of_several_refuses_all(self, place, forbidden):
        """Unknown, defined and not permitted, in other letters, of another audience, cut off, a pattern."""
        of = record(permission(ORDERS, "read refund"), audience("billing", 3, scopes="pay"))
        asked = ["read", "refund"]
        asked.insert(place, forbidden)

        with pytest.raises(InvalidScope):
            plan(of, asking("orders", scope=" ".join(asked)))

    def test_each_scope_may_be_of_another_chosen_audience(self):
        planned = plan(record(ORDERS, STOCK), asking(*BOTH, scope="write count"))

        assert planned.scopes == ("count", "write")

    def test_a_scope_that_two_chosen_audiences_define_is_refused(self):
        """RFC 9068 §3: no token is issued where it is ambiguous whose a scope is."""
        with pytest.raises(InvalidScope):
            plan(record(ORDERS, STOCK), asking(*BOTH, scope="read"))

    def test_a_scope_that_two_define_and_one_permits_is_refused(self):
        of = record(ORDERS, permission(STOCK, "count"))

        with pytest.raises(InvalidScope):
            plan(of, asking(*BOTH, scope="read"))

    def test_a_scope_that_two_define_is_given_for_one_of_them_alone(self):
        planned = plan(record(ORDERS, STOCK), asking("stock", scope="read"))

        assert planned.scopes == ("read",)

    def test_a_permitted_scope_that_its_audience_defines_no_more_is_refused(self):
        of = record(permission(ORDERS, "read gone"))

        with pytest.raises(InvalidScope):
            plan(of, asking("orders", scope="gone"))


class TestDefaults:
    """None asked for."""

    def test_the_default_scopes_of_the_permission_are_given(self):
        planned = plan(record(permission(ORDERS, default="write read")), asking("orders"))

        assert planned.scopes == ("read", "write")

    def test_without_default_scopes_all_permitted_ones_are_given(self):
        planned = plan(record(permission(ORDERS, "read refund")), asking("orders"))

        assert planned.scopes == ("read", "refund")

    def test_an_empty_parameter_asks_for_none(self):
        planned = plan(record(permission(ORDERS, default="read")), asking("orders", scope=""))

        assert planned.scopes == ("read",)

    def test_a_permission_without_scopes_gives_none(self):
        planned = plan(record(permission(ORDERS, "")), asking("orders"))

        assert planned.scopes == ()

    def test_a_permitted_scope_that_its_audience_defines_no_more_is_left_out(self):
        planned = plan(record(permission(ORDERS, "read gone")), asking("orders"))

        assert planned.scopes == ("read",)

    def test_a_default_scope_that_is_not_permitted_is_left_out(self):
        planned = plan(record(permission(ORDERS, "read", default="read write")), asking("orders"))

        assert planned.scopes == ("read",)

    def test_default_scopes_that_are_all_withdrawn_do_not_become_all_permitted_ones(self):
        planned = plan(record(permission(ORDERS, "read write", default="refund")), asking("orders"))

        assert planned.scopes == ()

    def test_the_defaults_of_several_audiences_are_joined(self):
        of = record(permission(ORDERS, default="write"), permission(STOCK, default="count"))

        planned = plan(of, asking(*BOTH))

        assert planned.scopes == ("count", "write")

    def test_a_default_that_two_chosen_audiences_define_is_left_out(self):
        """RFC 9068 §3."""
        planned = plan(record(ORDERS, STOCK), asking(*BOTH))

        assert planned.scopes == ("count", "refund", "write")


class TestGrant:
    """Scopes of a grant."""

    def test_without_scopes_all_that_was_granted_is_given(self):
        of = record(permission(ORDERS, default="refund"))

        planned = plan(of, held=grant("orders", scopes="read write"))

        assert planned.scopes == ("read", "write")

    def test_a_request_may_narrow_the_scopes(self):
        planned = plan(record(ORDERS), asking(scope="read"), held=grant("orders", scopes="read write"))

        assert planned.scopes == ("read",)

    @pytest.mark.parametrize("scope", ["refund", "read refund", "unknown"])
    def test_a_scope_beyond_the_grant_is_refused(self, scope):
        with pytest.raises(InvalidScope):
            plan(record(ORDERS), asking(scope=scope), held=grant("orders", scopes="read write"))

    def test_scopes_permitted_since_do_not_make_the_grant_grow(self):
        planned = plan(record(ORDERS), held=grant("orders", scopes="read"))

        assert planned.scopes == ("read",)

    def test_an_empty_grant_of_scopes_stays_empty(self):
        planned = plan(record(ORDERS), held=grant("orders"))

        assert planned.scopes == ()

    @pytest.mark.parametrize(
        "of",
        [
            record(permission(ORDERS, "read")),
            record(permission(audience("orders", scopes="read"), "read write")),
        ],
        ids=["no-longer-permitted", "no-longer-defined"],
    )
    def test_a_scope_withdrawn_since_drops_out(self, of):
        planned = plan(of, held=grant("orders", scopes="read write"))

        assert planned.scopes == ("read",)

    @pytest.mark.parametrize("scope", ["write", "read write"])
    @pytest.mark.parametrize(
        "of",
        [
            record(permission(ORDERS, "read")),
            record(permission(audience("orders", scopes="read"), "read write")),
        ],
        ids=["no-longer-permitted", "no-longer-defined"],
    )
    def test_a_scope_withdrawn_since_is_refused_by_name(self, of, scope):
        with pytest.raises(InvalidScope):
            plan(of, asking(scope=scope), held=grant("orders", scopes="read write"))

    def test_a_narrowed_target_keeps_its_own_scopes_only(self):
        held = grant(*BOTH, scopes="write count")

        planned = plan(record(ORDERS, STOCK), asking("stock"), held=held)

        assert planned.scopes == ("count",)

    def test_a_granted_scope_of_another_target_is_refused_by_name(self):
        held = grant(*BOTH, scopes="write count")

        with pytest.raises(InvalidScope):
            plan(record(ORDERS, STOCK), asking("stock", scope="write"), held=held)

    @pytest.mark.parametrize("target", BOTH)
    def test_a_granted_scope_that_a_second_audience_defines_since_is_nobodys(self, target):
        """Granted as the scope of one audience, it becomes no other's while that one defines it."""
        held = grant(*BOTH, scopes="read write count")

        planned = plan(record(ORDERS, STOCK), asking(target), held=held)

        assert "read" not in planned.scopes

    @pytest.mark.parametrize("target", BOTH)
    def test_a_granted_scope_that_a_second_audience_defines_since_is_refused_by_name(self, target):
        held = grant(*BOTH, scopes="read write count")

        with pytest.raises(InvalidScope):
            plan(record(ORDERS, STOCK), asking(target, scope="read"), held=held)

    def test_a_granted_scope_that_moved_between_the_audiences_of_the_grant_is_the_new_ones(self):
        """A grant holds names of scopes: each counts where one of its audiences defines it now."""
        held = grant(*BOTH, scopes="refund")
        of = record(audience("orders", 1, scopes="read"), audience("stock", 2, scopes="refund"))

        planned = plan(of, asking("stock"), held=held)

        assert planned.scopes == ("refund",)

    def test_a_lost_audience_is_refused_before_its_scopes(self):
        with pytest.raises(InvalidGrant):
            plan(record(STOCK), asking(scope="unknown"), held=grant("orders", scopes="read"))

    def test_an_audience_granted_under_two_names_is_one(self):
        of = record(audience("https://api.example/", scopes="read", of=service(2)))

        planned = plan(of, held=grant("https://api.example/", "https://api.example", scopes="read"))

        assert planned.scopes == ("read",)
