"""How much an audience was used, and what was refused to whom."""

from typing import Final

from flask import request

from issuer.admin.audiences.tab import Tab
from issuer.errors import BadLink
from issuer.model.usage import ISSUED
from issuer.registry.listings import activity
from issuer.registry.listings.activity import Activity, Span

_SPANS: Final = {"day": Span.DAY, "week": Span.WEEK, "month": Span.MONTH}
# Of all columns of a chart together, in pixels.
_WIDTH: Final = 1440


class ActivityTab(Tab):
    """The activity of an audience."""

    endpoint = "admin.show_audience_activity"

    def show(self, audience_id: int) -> str:
        """Answer with what was issued and refused, by hour, and with the last refusals."""
        registrar, audience = self._desk.registrar(), self._find(audience_id)
        name = request.args.get("span", "day")
        if name not in _SPANS:
            raise BadLink("no such span")
        span = _SPANS[name]
        found = activity.find_audience_activity(registrar, audience.identifier, span)
        return self._show(
            "activity.html",
            audience,
            span=name,
            first_hour=found.first_hour,
            issued=found.by_outcome.get(ISSUED, (0,) * span),
            refused=_sum_refused(found, span),
            reasons={each: found.total(each) for each in found.by_outcome if each != ISSUED},
            step=_WIDTH // span,
            refusals=activity.list_audience_refusals(registrar, audience.identifier),
        )


def _sum_refused(found: Activity, span: Span) -> tuple[int, ...]:
    refused = [counts for outcome, counts in found.by_outcome.items() if outcome != ISSUED]
    return tuple(sum(each) for each in zip((0,) * span, *refused, strict=True))
