"""How much a client was used, hour by hour, and what it was refused."""

from typing import Final

from flask import request

from issuer.admin.clients.tab import Tab
from issuer.errors import BadLink
from issuer.model.usage import ISSUED
from issuer.registry.listings import activity
from issuer.registry.listings.activity import Span

SPANS: Final = {"day": Span.DAY, "week": Span.WEEK, "month": Span.MONTH}

_MOST_REFUSALS = 50


class ActivityTab(Tab):
    """Tokens and refusals of a client."""

    endpoint = "admin.show_client_activity"

    def show(self, client_id: str) -> str:
        """Answer with the activity of a client."""
        name = request.args.get("span", "day")
        if name not in SPANS or set(request.args) - {"span"}:
            raise BadLink("no such span")
        registrar, client = self._desk.registrar(), self._find(client_id)
        found = activity.find_client_activity(registrar, client_id, SPANS[name])
        refused = {code: sum(hours) for code, hours in found.by_outcome.items() if code != ISSUED}
        return self._show(
            "activity.html",
            client,
            spans=SPANS,
            chosen=name,
            hours=SPANS[name].value,
            activity=found,
            issued=found.by_outcome.get(ISSUED, (0,) * SPANS[name]),
            refused=refused,
            refusals=activity.list_client_refusals(registrar, client_id, _MOST_REFUSALS),
        )
