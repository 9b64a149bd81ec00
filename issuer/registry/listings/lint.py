"""Lint for lists: the findings on the rows of one page, without looking at all the others."""

from collections.abc import Mapping, Sequence

from issuer.model.audience import AudienceId
from issuer.model.client import ClientId
from issuer.model.finding import Finding
from issuer.model.service import Service, ServiceId
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import page
from issuer.policy.lint.page import UsedAudience
from issuer.registry.listings.audiences import ListedAudience
from issuer.registry.listings.clients import ListedClient
from issuer.registry.registrar import Registrar


def lint_services(
    registrar: Registrar, services: Sequence[Service], lifetimes: Lifetimes
) -> Mapping[ServiceId, tuple[Finding, ...]]:
    """Return the findings on each service of a page; no statement."""
    return page.judge_services(services, lifetimes, registrar.clock.now())


def lint_audiences(
    registrar: Registrar, rows: Sequence[ListedAudience], lifetimes: Lifetimes
) -> Mapping[AudienceId, tuple[Finding, ...]]:
    """Return the findings on each audience of a page, errors first.

    No statement. Twins and what else takes the whole registry to know is told by
    `registry.lint.lint_audience`.
    """
    used = [UsedAudience(row.audience, row.clients > 0, row.use.last_at) for row in rows]
    successors = {row.successor.id: row.successor for row in rows if row.successor is not None}
    return page.judge_audiences(used, tuple(successors.values()), lifetimes, registrar.clock.now())


def lint_clients(
    registrar: Registrar, rows: Sequence[ListedClient], lifetimes: Lifetimes
) -> Mapping[ClientId, tuple[Finding, ...]]:
    """Return the findings on each client of a page, errors first; no statement."""
    counted = [(row.client, row.audiences) for row in rows]
    return page.judge_clients(counted, lifetimes, registrar.clock.now())
