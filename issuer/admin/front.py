"""The front page: the first steps while any is left, what runs out, what is registered, what was changed."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from issuer.admin.desk import Desk
from issuer.admin.view import View
from issuer.model.listing import LARGEST_PAGE
from issuer.model.overview import Counts
from issuer.pages.gate import SIGNED_IN
from issuer.registry import audit
from issuer.registry.listings import activity, overview
from issuer.registry.powers import Power

_LAST_CHANGES = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first steps.

    how: what to do for it. endpoint: of the page where it is done, act: what the link to it says. power:
    what that page takes, None for none.
    """

    is_done: bool
    label: str
    how: str
    endpoint: str
    act: str
    power: Power | None = None


class FrontPage:
    """Shows the page; a few statements, whatever is registered."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> ResponseReturnValue:
        """Answer with the page, at the one address that it has."""
        if request.path.endswith("/"):
            return redirect(url_for("admin.front"), 308)
        registrar = self._desk.registrar()
        counts = overview.find_counts(registrar)
        return render_template(
            "admin/front.html",
            counts=counts,
            steps=() if counts.is_under_way else list_steps(counts),
            may_take=lambda step: step.power is None or self._desk.may(step.power),
            may_make_secrets=self._desk.may(Power.CLIENT_SECRETS),
            last_secrets=overview.list_last_secrets(registrar),
            changes=audit.list_events(registrar, _LAST_CHANGES),
            is_limited=self._desk.is_limited(Power.READ_AUDIT),
            issuer_url=self._desk.settings.url,
        )

    def show_refusals(self) -> str:
        """Answer with the last refusals of all clients: where somebody looks first who is told of trouble."""
        return render_template(
            "admin/refusals.html",
            refusals=activity.list_refusals(self._desk.registrar(), LARGEST_PAGE),
            most=LARGEST_PAGE,
        )


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the views of the front page and of what it alone leads to."""
    pages = FrontPage(desk)
    yield View("", "front", SIGNED_IN, pages.show)
    yield View("/refusals", "list_refusals", SIGNED_IN, pages.show_refusals)


def list_steps(counts: Counts) -> tuple[Step, ...]:
    """Return the steps from an empty registry to the first token."""
    return (
        Step(
            counts.services > 0,
            "Register a service",
            "A program that takes tokens, and who answers for it.",
            "admin.add_service",
            "New service",
            Power.SERVICES,
        ),
        Step(
            counts.audiences > 0,
            "Register an audience",
            "The identifier that the service expects in a token's aud, and the scopes it knows.",
            "admin.add_audience",
            "New audience",
            Power.NEW_AUDIENCES,
        ),
        Step(
            counts.clients > 0,
            "Register a client",
            "A program that asks for tokens, with its own secret.",
            "admin.add_client",
            "New client",
            Power.CLIENTS,
        ),
        Step(
            counts.permissions > 0,
            "Permit the audience to the client",
            "Nothing is permitted by itself: a token without a permission is never issued.",
            "admin.list_audiences",
            "Choose an audience",
            Power.PERMISSIONS,
        ),
        Step(
            counts.has_issued,
            "Get the first token",
            "Ask the token endpoint with the client's secret and the audience as resource.",
            "admin.preview",
            "See what it would get",
        ),
    )
