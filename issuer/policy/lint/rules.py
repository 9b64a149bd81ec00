"""All rules of the linter, in one list: what is allowed, and likely to hurt."""

from collections.abc import Callable, Iterable
from typing import Final

from issuer.model.finding import Finding, Severity
from issuer.policy.lint import audiences, clients, identifiers, pairs, together
from issuer.policy.lint.registered import Registered

Rule = Callable[[Registered], Iterable[Finding]]

# On pairs: those of near spellings, and those of which one begins with the other.
NEAR_RULES: Final[tuple[Rule, ...]] = (pairs.find_twins, pairs.find_slips)
BEGINNING_RULES: Final[tuple[Rule, ...]] = (pairs.find_prefixes,)
# What an identifier alone answers for: asked of one that is not registered yet, too.
IDENTIFIER_RULES: Final[tuple[Rule, ...]] = (identifiers.judge_all, *NEAR_RULES, *BEGINNING_RULES)
# What a draft answers for: all that is not about who may ask for it.
DRAFT_RULES: Final[tuple[Rule, ...]] = (
    *IDENTIFIER_RULES,
    audiences.find_without_scopes,
    audiences.find_odd_scopes,
    audiences.find_long_lifetimes,
    audiences.find_plain_typ,
)
RULES: Final[tuple[Rule, ...]] = (
    *IDENTIFIER_RULES,
    audiences.find_unowned,
    audiences.find_without_scopes,
    audiences.find_odd_scopes,
    audiences.find_orphans,
    audiences.find_unused,
    audiences.find_long_lifetimes,
    audiences.find_plain_typ,
    audiences.find_deprecated,
    audiences.find_past_aliases,
    together.find_ambiguous_scopes,
    together.find_mixed_owners,
    clients.find_verifying_access,
    clients.find_many_audiences,
    clients.find_without_permission,
    clients.find_bad_defaults,
    clients.find_unused_permissions,
    clients.find_secretless,
    clients.find_stale_secrets,
    clients.find_expiring_secrets,
)

_ORDER = tuple(Severity)


def apply(registered: Registered, rules: Iterable[Rule] = RULES) -> tuple[Finding, ...]:
    """Return what the rules find: errors first, then by code and name."""
    return put_in_order(finding for rule in rules for finding in rule(registered))


def put_in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings: errors first, then by code and name."""
    return tuple(sorted(findings, key=_place))


def _place(finding: Finding) -> tuple[int, str, str, str, str]:
    return _ORDER.index(finding.severity), finding.code, finding.noun, finding.name, finding.why
