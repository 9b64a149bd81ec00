"""Stale edits: the page in place of what was typed over what somebody else had changed meanwhile.

The form bears the version that it was shown of. Whoever changes something asks here first, and the registry
once more when nobody else can: both raise Stale, and one page answers both.
"""

from collections.abc import Sequence

from flask import Response, url_for

from issuer.errors import Stale
from issuer.pages import error_pages
from issuer.pages.error_pages import Version
from issuer.pages.forms import EditForm


def check(form: EditForm, version: int) -> None:
    """Raise Stale unless a form was shown of a version."""
    if form.version.data != str(version):
        raise Stale(f"the form was not shown of version {version}")


def show(name: str, versions: Sequence[Version], edit_url: str, target: str) -> Response:
    """Answer with both versions and the way to who changed what.

    name: of what was to be changed. versions: each field as typed, and as it is now: read it anew. edit_url:
    where to edit that. target: as its audit events name it.
    """
    return error_pages.show_stale(name, versions, edit_url, url_for("admin.audit", target=target))
