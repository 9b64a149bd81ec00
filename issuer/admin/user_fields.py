"""Fields of forms about users, and the words for what they hold."""

from collections.abc import Mapping
from typing import Final

from wtforms import PasswordField, RadioField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined] # newer than what types it
from wtforms.validators import EqualTo, InputRequired

from issuer.errors import Conflict, InvalidValue, Locked, NotFound, RegistryRefusal
from issuer.model.user import Role
from issuer.pages.forms import EditForm, PageForm
from issuer.policy import user_names

ROLES: Final[Mapping[str, str]] = {
    Role.OWNER.value: "Owner",
    Role.ADMIN.value: "Admin",
    Role.AUDITOR.value: "Auditor",
    Role.SERVICE_OWNER.value: "Service owner",
}
HINTS: Final[Mapping[str, str]] = {
    Role.OWNER.value: "May do everything, users included.",
    Role.ADMIN.value: "Everything but seeing and changing users.",
    Role.AUDITOR.value: "Sees everything, changes nothing.",
    Role.SERVICE_OWNER.value: "Changes the audiences of the services below, and who may ask for them.",
}
# What a form is shown again for, with the sentence at its field.
REFUSALS: Final = (InvalidValue, NotFound, Locked, Conflict)
_CHOICES = [SelectChoice(value, label) for value, label in ROLES.items()]


class RoleFields(PageForm):
    """What a user may do."""

    role = RadioField("Role", [InputRequired("Choose a role.")], choices=_CHOICES)
    services = TextAreaField("Services")

    def read_services(self) -> frozenset[str]:
        """Return the names of services, one a line."""
        lines = (line.strip() for line in (self.services.data or "").splitlines())
        return frozenset(line for line in lines if line)


class EditUserForm(RoleFields, EditForm):
    """Another role, or other services."""


class PasswordFields(PageForm):
    """A password for somebody else, given twice; both empty to have one made."""

    password = PasswordField("Password")
    repeated = PasswordField("Password again", [EqualTo("password", "The two passwords differ.")])


def strip(text: str | None) -> str:
    """Return a name without what was pasted round it."""
    return (text or "").strip()


def find_field(name: str, refusal: RegistryRefusal) -> str | None:
    """Return the field that a refusal of a new user is about, None for the form as a whole."""
    if isinstance(refusal, Conflict):
        return "name"
    if not isinstance(refusal, InvalidValue):
        return None
    try:
        user_names.check_user_name(name)
    except InvalidValue:
        return "name"
    return "password"


def find_role_field(refusal: RegistryRefusal) -> str:
    """Return the field that a refusal of role and services is about."""
    return "services" if isinstance(refusal, InvalidValue | NotFound | Locked) else "role"
