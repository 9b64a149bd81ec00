"""Closed: the page in place of what would change something that nobody can change, whatever their role."""

from typing import Final

from flask import Response, render_template, request, url_for

from issuer import answers
from issuer.errors import Closed, Locked
from issuer.model.audience import RESERVED_REFRESH, Audience, AudienceState
from issuer.model.client import Client, ClientState
from issuer.model.service import Service, ServiceState
from issuer.pages import forms

_REMOVED_AUDIENCE: Final = (
    "This audience is removed; that is for good, and its identifiers stay taken, so that no other service "
    "ever gets its tokens"
)


def refuse_audience(audience: Audience) -> None:
    """Raise Closed for an audience that is the issuer's own or removed."""
    if audience.is_reserved:
        raise _close_audience(audience, "This audience is the issuer's own: what it means is fixed")
    if audience.state is AudienceState.REMOVED:
        raise _close_audience(audience, _REMOVED_AUDIENCE)


def refuse_unpermittable(audience: Audience) -> None:
    """Raise Closed for an audience that can be permitted to no client."""
    if audience.is_reserved and audience.identifier == RESERVED_REFRESH:
        raise _close_audience(audience, "Refresh tokens bear this audience, and no client may ask for it")
    if audience.state is AudienceState.REMOVED:
        raise _close_audience(audience, _REMOVED_AUDIENCE)


def refuse_service(service: Service) -> None:
    """Raise Closed for a service that is the issuer itself or removed."""
    url = url_for("admin.show_service", service_id=service.id)
    if service.is_builtin:
        raise Closed("This service is the issuer itself", service.name, url)
    if service.state is ServiceState.REMOVED:
        raise Closed("This service is removed; that is for good, and its name stays taken", service.name, url)


def refuse_client(client: Client) -> None:
    """Raise Closed for a client that is removed."""
    if client.state is ClientState.REMOVED:
        url = url_for("admin.show_client", client_id=client.client_id)
        raise Closed(
            "This client is removed; that is for good, and its client_id stays taken", client.name, url
        )


def show(refusal: Locked) -> Response:
    """Answer with what is closed, why, and the way back to it where the page knew what it was about."""
    page = render_template(
        "admin/closed.html",
        status=refusal.status,
        why=forms.as_sentence(refusal.detail or refusal.sentence),
        thing=refusal.thing if isinstance(refusal, Closed) else "",
        back_url=refusal.url if isinstance(refusal, Closed) else "",
        request_id=request.environ.get(answers.REQUEST_ID, ""),
    )
    return Response(page, refusal.status)


def _close_audience(audience: Audience, why: str) -> Closed:
    return Closed(why, audience.identifier, url_for("admin.show_audience", audience_id=audience.id))
