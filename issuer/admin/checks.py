"""Checks of fields: what the registry would refuse, said at the field before anything is sent there."""

from collections.abc import Callable
from typing import Any, Final

from wtforms import Field, Form, ValidationError

from issuer.errors import RegistryRefusal
from issuer.pages import forms

# Any: what a field holds is of the field's own type.
Check = Callable[[Any], object]


class Checked:
    """A validator by the registry's own check. check: raises RegistryRefusal; not asked of an empty field."""

    def __init__(self, check: Check) -> None:
        self._check = check

    def __call__(self, form: Form, field: Field) -> None:
        """Raise ValidationError with what the registry says."""
        del form
        if field.data is None or field.data == "":
            return
        try:
            self._check(field.data)
        except RegistryRefusal as refusal:
            said = forms.as_sentence(refusal.detail or refusal.sentence, str(field.data))
            raise ValidationError(said) from refusal


# Said where a required field is empty.
REQUIRED: Final = "This is needed."
