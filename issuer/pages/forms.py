"""Forms: what was typed stays, and every refusal stands at the field it is about."""

from dataclasses import dataclass
from typing import Any, Final

from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, IntegerField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined] # newer than the types of WTForms

from issuer.errors import RegistryRefusal

_NO_NUMBER: Final = "Give a whole number, in digits alone."


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal of a form. field_id: the id of the field in the page, "" for the form as a whole."""

    field_id: str
    label: str
    message: str


class PageForm(FlaskForm):  # type: ignore[misc] # Flask-WTF comes without types
    """A form of the console, with the token that proves where it came from."""

    def refuse(self, refusal: RegistryRefusal, field_name: str | None = None) -> None:
        """Put what the registry refused at a field, or above the form; show it again with status 422."""
        typed = [each.data for each in self if isinstance(each.data, str)]
        self.complain(as_sentence(refusal.detail or refusal.sentence, *typed), field_name)

    def complain(self, message: str, field_name: str | None = None) -> None:
        """Put a sentence at a field, or above the form."""
        if field_name is None:
            self.form_errors.append(message)
            return
        field: Field = self[field_name]
        field.errors = [*field.errors, message]

    def list_problems(self) -> list[Problem]:
        """Return every refusal in the order of the fields, those of the whole form first."""
        whole = [Problem("", "", str(message)) for message in self.form_errors]
        return whole + [
            Problem(field.id, field.label.text, str(message))
            for field in self
            for message in _flatten(field.errors)
        ]


def make_choices(*choices: tuple[str, str]) -> list[Any]:  # Any: newer than the types of WTForms
    """Return what a field may hold, each value with the words for it."""
    return [SelectChoice(value, label) for value, label in choices]


def read_text(field: Field) -> str:
    """Return what was typed into a field for text, "" for nothing."""
    return str(field.data or "")


class EditForm(PageForm):
    """A form that changes what is registered. version: of what was shown, so that a stale edit is seen."""

    version = HiddenField()


class NumberField(IntegerField):
    """A field for a whole number, which says so in our words."""

    def process_formdata(self, valuelist: list[Any]) -> None:  # Any: as WTForms has it
        """Read what was typed; raises ValueError where it is no whole number."""
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(_NO_NUMBER) from error


def as_sentence(text: str, *typed: str) -> str:
    """Return the detail of a refusal, which may begin with a small letter, as a sentence.

    typed: what it may begin with and quotes as it was typed; an identifier, too, keeps its small letter.
    """
    first = text.partition(" ")[0]
    quotes = not first.isalpha() or any(each and text.startswith(f"{each} ") for each in typed)
    start = text if quotes else text[:1].upper() + text[1:]
    return start if start.endswith((".", "!", "?")) else f"{start}."


def _flatten(errors: object) -> list[str]:
    """Return the messages of a field; those of a list of fields are nested."""
    if isinstance(errors, list | tuple):
        return [message for each in errors for message in _flatten(each)]
    return [str(errors)]
