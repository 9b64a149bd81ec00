"""Services in the console: the list, a new one, and one whole."""

from collections.abc import Iterator, Sequence
from typing import Final

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField
from wtforms.validators import InputRequired

from issuer.admin import advice, closed, lists, stale_edit
from issuer.admin.checks import REQUIRED, Checked
from issuer.admin.desk import Desk
from issuer.admin.view import View
from issuer.errors import Conflict, InvalidValue, Stale
from issuer.model.listing import LARGEST_PAGE, ListQuery
from issuer.model.service import Service, ServiceId, ServiceState
from issuer.pages import forms
from issuer.pages.error_pages import Version
from issuer.pages.forms import EditForm, PageForm
from issuer.pages.gate import SIGNED_IN, needs
from issuer.pages.listing import Listing, read_listing
from issuer.pages.return_path import current_address
from issuer.policy import free_text
from issuer.registry import clients, services
from issuer.registry.listings import audiences as audience_lists
from issuer.registry.listings import consequences, export, lint
from issuer.registry.listings import services as service_lists
from issuer.registry.powers import Power
from issuer.registry.services import NewService, ServiceChange

COLUMNS: Final = ("name", "owner", "state", "created", "audiences", "clients")
FILTERS: Final = {"state": (*(state.value for state in ServiceState), "all")}


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the views of services."""
    pages = ServicePages(desk)
    change, remove = needs(Power.SERVICES.value), needs(Power.SERVICE_REMOVAL.value)
    yield View("/services", "list_services", SIGNED_IN, pages.show_list)
    yield View("/services/export", "export_services", SIGNED_IN, pages.export)
    yield View("/services/new", "add_service", change, pages.add, ("GET", "POST"))
    yield View("/services/<int:service_id>", "show_service", SIGNED_IN, pages.show)
    yield View("/services/<int:service_id>/edit", "edit_service", change, pages.edit, ("GET", "POST"))
    yield View("/services/<int:service_id>/disable", "disable_service", change, pages.disable, ("POST",))
    yield View("/services/<int:service_id>/enable", "enable_service", change, pages.enable, ("POST",))
    yield View("/services/<int:service_id>/remove", "remove_service", remove, pages.remove, ("POST",))


class _Belonging(EditForm):
    """To whom a service belongs."""

    owner = StringField(
        "Owner", [InputRequired(REQUIRED), Checked(lambda text: free_text.check_name(text, "the owner"))]
    )
    trust_group = StringField(
        "Trust group", [Checked(lambda text: free_text.check_name(text, "the trust group"))]
    )


class _NewServiceForm(_Belonging):
    """A service to be registered."""

    name = StringField(
        "Name", [InputRequired(REQUIRED), Checked(lambda text: free_text.check_name(text, "the name"))]
    )


class ServicePages:
    """Shows and changes services."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show_list(self) -> str:
        """Answer with a page of services."""
        asked = _read_list()
        registrar = self._desk.registrar()
        page = service_lists.list_services(registrar, lists.make_query(asked))
        shown = [row.service for row in page.rows]
        return render_template(
            "admin/services/list.html",
            listing=asked,
            page=page,
            findings=lint.lint_services(registrar, shown, self._desk.lifetimes),
            total=lists.find_total(page),
            next_url=lists.find_next_url(asked, page),
            exports=lists.list_exports(asked, url_for("admin.export_services")),
            may_add=self._desk.may(Power.SERVICES),
        )

    def export(self) -> Response:
        """Answer with all services that a list shows, as a file."""
        asked = _read_list(**{lists.FORMAT: lists.FORMATS})
        rows = service_lists.stream_services(self._desk.registrar(), lists.make_query(asked))
        return lists.send_export(asked, "services", export.SERVICES, rows)

    def add(self) -> ResponseReturnValue:
        """Answer with the form of a new service, or register one."""
        form = _NewServiceForm()
        if form.validate_on_submit():
            new = NewService(
                forms.read_text(form.name), forms.read_text(form.owner), form.trust_group.data or None
            )
            try:
                service = services.add_service(self._desk.registrar(), new)
            except (Conflict, InvalidValue) as refusal:
                form.refuse(refusal, "trust_group" if "trust group" in refusal.detail else "name")
            else:
                flash(f"The service {service.name} is registered. Give it an audience next.")
                return _go_to(service)
        elif not form.is_submitted():
            form.owner.data = self._desk.signed_in.user.name
        return render_template("admin/services/new.html", form=form), _status(form)

    def show(self, service_id: int) -> str:
        """Answer with one service, whole."""
        registrar = self._desk.registrar()
        service = services.find_service_by_id(registrar, ServiceId(service_id))
        is_open = service.state is not ServiceState.REMOVED and not service.is_builtin
        neighbours = None
        if service.trust_group is not None:
            query = ListQuery(filters={"trust_group": service.trust_group}, size=LARGEST_PAGE)
            neighbours = service_lists.list_services(registrar, query)
        return render_template(
            "admin/services/show.html",
            service=service,
            findings=advice.advise_on_service(
                self._desk,
                lint.lint_services(registrar, [service], self._desk.lifetimes)[service.id],
                service,
            ),
            audiences=audience_lists.list_audiences(
                registrar, ListQuery(filters={"service": service.name}, size=20), self._desk.lifetimes
            ),
            clients=clients.list_clients(registrar, service.name),
            neighbours=neighbours,
            consequences=consequences.of_service(registrar, service.name) if is_open else None,
            may_change=is_open and self._desk.may(Power.SERVICES),
            may_remove=is_open and self._desk.may(Power.SERVICE_REMOVAL),
            may_add_audience=is_open and self._desk.may(Power.NEW_AUDIENCES),
        )

    def edit(self, service_id: int) -> ResponseReturnValue:
        """Answer with the form of a service's owner and trust group, or change them."""
        registrar = self._desk.registrar()
        service = services.find_service_by_id(registrar, ServiceId(service_id))
        closed.refuse_service(service)
        form = _Belonging(data=_describe(service))
        if form.validate_on_submit():
            wanted = ServiceChange(
                forms.read_text(form.owner), form.trust_group.data or None, service.version
            )
            try:
                stale_edit.check(form, service.version)
                services.change_service(registrar, service.name, wanted)
            except Stale:
                return self._show_stale(form, service.id)
            except (Conflict, InvalidValue) as refusal:
                form.refuse(refusal, "trust_group" if "trust group" in refusal.detail else None)
            else:
                flash(f"{service.name} was changed.")
                return _go_to(service)
        return render_template("admin/services/edit.html", form=form, service=service), _status(form)

    def _show_stale(self, form: _Belonging, service_id: ServiceId) -> Response:
        service = services.find_service_by_id(self._desk.registrar(), service_id)
        return stale_edit.show(service.name, _compare(form, service), current_address(), service.name)

    def disable(self, service_id: int) -> ResponseReturnValue:
        """Stop tokens for all audiences of a service."""
        registrar = self._desk.registrar()
        service = services.find_service_by_id(registrar, ServiceId(service_id))
        services.disable_service(registrar, service.name)
        flash(f"{service.name} is disabled: no new tokens for its audiences.")
        return _go_to(service)

    def enable(self, service_id: int) -> ResponseReturnValue:
        """Let tokens for a service be issued again."""
        registrar = self._desk.registrar()
        service = services.find_service_by_id(registrar, ServiceId(service_id))
        services.enable_service(registrar, service.name)
        flash(f"{service.name} is enabled: clients get tokens for its audiences again.")
        return _go_to(service)

    def remove(self, service_id: int) -> ResponseReturnValue:
        """Remove a service for good, once its name was typed."""
        registrar = self._desk.registrar()
        service = services.find_service_by_id(registrar, ServiceId(service_id))
        if request.form.get("confirmed", "").strip() != service.name:
            flash(f"Nothing was removed: what was typed is not {service.name}.", "error")
            return _go_to(service)
        services.remove_service(registrar, service.name)
        flash(f"{service.name} is removed with its audiences and every permission on them.")
        return redirect(url_for("admin.list_services"), 303)


def _read_list(**more: Sequence[str]) -> Listing:
    return read_listing(COLUMNS, {**FILTERS, **more}, default="name")


def _go_to(service: Service) -> ResponseReturnValue:
    return redirect(url_for("admin.show_service", service_id=service.id), 303)


def _describe(service: Service) -> dict[str, str]:
    return {
        "owner": service.owner,
        "trust_group": service.trust_group or "",
        "version": str(service.version),
    }


def _compare(form: _Belonging, service: Service) -> list[Version]:
    return [
        Version("Owner", forms.read_text(form.owner), service.owner),
        Version("Trust group", form.trust_group.data or "", service.trust_group or ""),
    ]


def _status(form: PageForm) -> int:
    return 422 if form.is_submitted() else 200
