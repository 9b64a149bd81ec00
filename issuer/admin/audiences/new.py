"""A new audience: a form that needs little, with what will stand in a token beside it."""

from dataclasses import dataclass
from typing import Final

from flask import flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.utils import redirect
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from issuer.admin import advice
from issuer.admin.advice import Advice
from issuer.admin.audiences import policy_form
from issuer.admin.audiences.policy_form import PolicyFields
from issuer.admin.checks import REQUIRED, Checked
from issuer.admin.desk import Desk
from issuer.errors import BadLink, Conflict, InvalidValue, Locked, NotFound, RegistryRefusal
from issuer.issuing.mint import Unsigned
from issuer.model.audience import Audience, Scope, SigningAlg, TokenTyp
from issuer.pages import forms
from issuer.pages.forms import PageForm
from issuer.policy import free_text, identifiers, scopes
from issuer.registry import audiences, lint, services
from issuer.registry.audiences import NewAudience
from issuer.registry.services import NewService


@dataclass(frozen=True, slots=True)
class Preset:
    """What a kind of audience begins with. hint: of its identifier; policy: fields that are not as usual."""

    name: str
    label: str
    sentence: str
    example: str
    policy: dict[str, object]


PRESETS: Final = (
    Preset(
        "internal",
        "Internal API",
        "Called by your own programs. The server's lifetimes, RS256.",
        "https://orders.internal.example",
        {},
    ),
    Preset(
        "public",
        "Public API",
        "Called by others, too: access tokens of 5 minutes.",
        "https://api.example.com/orders",
        {"access_token_seconds": 300},
    ),
    Preset(
        "mcp",
        "MCP server",
        "Tools for language models, named by the URL of the MCP endpoint: access tokens of 10 minutes.",
        "https://mcp.example.com/mcp",
        {"access_token_seconds": 600},
    ),
    Preset(
        "legacy",
        "Legacy typ: JWT",
        "For verifiers that refuse at+jwt. Only aud tells such a token from an ID token.",
        "https://legacy.example.com",
        {"typ": TokenTyp.JWT.value},
    ),
)
_NEW_SERVICE: Final = ""


def _read_scopes(text: str) -> tuple[Scope, ...]:
    """Return the scopes in a text, one a line: its name, then what it means; raises InvalidValue."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, description = line.partition(" ")
        scopes.check_scope_name(name)
        found.append(Scope(name, free_text.check_text(description.strip(), "the description")))
    if len({scope.name for scope in found}) < len(found):
        raise InvalidValue("a scope stands twice")
    return tuple(sorted(found, key=lambda scope: scope.name))


class _NewAudienceForm(PolicyFields, PageForm):
    """An audience to be registered. service: of one that is there, or "" for a new one."""

    identifier = StringField("Identifier", [InputRequired(REQUIRED), Checked(identifiers.check_identifier)])
    service = SelectField("Service")
    service_name = StringField(
        "Name of the new service", [Checked(lambda text: free_text.check_name(text, "the name"))]
    )
    owner = StringField("Owner", [Checked(lambda text: free_text.check_name(text, "the owner"))])
    description = StringField(
        "Description", [Checked(lambda text: free_text.check_text(text, "the description"))]
    )
    scopes = TextAreaField("Scopes", [Checked(_read_scopes)])

    def read(self) -> NewAudience:
        """Return what is to be registered; raises RegistryRefusal for a field that may not be so."""
        alg, typ = policy_form.read_signature(self)
        return NewAudience(
            identifier=self.identifier.data or "",
            service=self.service.data or self.service_name.data or "",
            description=self.description.data or "",
            scopes=_read_scopes(self.scopes.data or ""),
            access_token_seconds=self.access_token_seconds.data,
            refresh_idle_seconds=self.refresh_idle_seconds.data,
            refresh_absolute_seconds=self.refresh_absolute_seconds.data,
            signing_alg=alg,
            typ=typ,
            extra_claims=policy_form.read_claims(self.extra_claims.data or ""),
        )

    @property
    def is_advanced_needed(self) -> bool:
        """Whether a field behind the disclosure holds something, or was refused."""
        names = ("description", "scopes", *policy_form.NAMES)
        usual = {SigningAlg.RS256.value, TokenTyp.AT_JWT.value, None, ""}
        return any(self[name].errors or self[name].data not in usual for name in names)

    def begin_with(self, preset: Preset, before: Preset | None) -> None:
        """Take the policy of a preset; all else that was typed stays.

        before: what the form began with until now: what it put there and nobody changed goes with it.
        """
        given = before.policy if before else {}
        undone: dict[str, object] = {name: None for name, value in given.items() if self[name].data == value}
        for name, value in {**undone, **preset.policy}.items():
            self[name].data = value
            # WTForms would show what was sent instead.
            self[name].raw_data = None


@dataclass(frozen=True, slots=True)
class _Outlook:
    """What would become of a draft. token: None if none could be made; problem: why not, "" if it could."""

    token: Unsigned | None
    findings: tuple[Advice, ...]
    problem: str = ""


class NewAudiencePage:
    """Registers audiences."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self) -> ResponseReturnValue:
        """Answer with the form of a new audience, change what it begins with, check it, or register it."""
        form, begun, chosen = self._make_form(), _find_preset(request.args), _find_preset(request.form)
        if chosen is not None:
            form.begin_with(chosen, begun)
            return self._show(form, chosen)
        is_checking = request.form.get("act") == "check"
        is_accepted = form.validate_on_submit()
        if is_accepted and not is_checking:
            try:
                audience = self._register(form)
            except (Conflict, InvalidValue, Locked, NotFound) as refusal:
                policy_form.refuse(form, refusal, _find_field(form, refusal))
            else:
                flash(f"{audience.identifier} is registered. Permit a client next.")
                return redirect(url_for("admin.show_audience", audience_id=audience.id), 303)
        return self._show(form, begun), 422 if form.is_submitted() and not is_checking else 200

    def check(self) -> str:
        """Answer with a fragment: what would become of what is typed so far."""
        return render_template("admin/audiences/outlook.html", outlook=self._look_ahead(self._make_form()))

    def _show(self, form: _NewAudienceForm, preset: Preset | None) -> str:
        return render_template(
            "admin/audiences/new.html",
            form=form,
            presets=PRESETS,
            preset=preset,
            outlook=self._look_ahead(form),
            bounds=self._desk.lifetimes,
            refresh=self._desk.refresh_lifetimes,
        )

    def _make_form(self) -> _NewAudienceForm:
        preset = _find_preset(request.args)
        shown: dict[str, object] = {
            "service": request.args.get("service", _NEW_SERVICE),
            "owner": self._desk.signed_in.user.name,
            **(preset.policy if preset else {}),
        }
        form = _NewAudienceForm(data=shown)
        names = services.list_open_names(self._desk.registrar())
        form.service.choices = forms.make_choices(
            (_NEW_SERVICE, "A new service"), *((name, name) for name in names)
        )
        return form

    def _register(self, form: _NewAudienceForm) -> Audience:
        registrar, new = self._desk.registrar(), form.read()
        if form.service.data != _NEW_SERVICE:
            return audiences.add_audience(registrar, new)
        owner = form.owner.data or self._desk.signed_in.user.name
        service = NewService(form.service_name.data or "", owner)
        return audiences.add_audience_and_service(registrar, new, service)

    def _look_ahead(self, form: _NewAudienceForm) -> _Outlook | None:
        """Return what would become of what is typed, None while there is no identifier."""
        if not form.identifier.data:
            return None
        try:
            new = form.read()
        except RegistryRefusal as refusal:
            return _Outlook(None, (), refusal.detail)
        registrar = self._desk.registrar()
        found = lint.lint_draft(registrar, new, self._desk.lifetimes)
        if any(finding.code == lint.NOT_REGISTRABLE for finding in found):
            return _Outlook(None, advice.advise_on_draft(found))
        token = self._desk.preview_draft(audiences.sketch(registrar, new))
        return _Outlook(token, advice.advise_on_draft(found))


def _find_preset(sent: MultiDict[str, str]) -> Preset | None:
    """Return the preset that an address or a form names, None for none; raises BadLink for no such one."""
    name = sent.get("preset", "")
    found = next((each for each in PRESETS if each.name == name), None)
    if name and found is None:
        raise BadLink("no such preset")
    return found


def _find_field(form: _NewAudienceForm, refusal: RegistryRefusal) -> str | None:
    """Return the field that a refusal names: what it says holds what was typed there."""
    if form.service.data == _NEW_SERVICE and refusal.detail.startswith(("a service ", "the name ")):
        return "service_name"
    if "claim" in refusal.detail:
        return "extra_claims"
    return "identifier" if (form.identifier.data or "") in refusal.detail else None
