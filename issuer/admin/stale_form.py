"""Stale form: one whose token is of before the last sign-in, shown again with what was typed and a new one.

Only to the user on whose page it stood, as its token says, good or not: no other site has one. And only to a
browser that says that a page of ours sent it (Fetch Metadata).
"""

from flask import Blueprint, Response, current_app, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as BaseResponse

from issuer.admin import kept_act, kept_form
from issuer.admin.desk import Desk
from issuer.admin.sign_in import SignInPages
from issuer.errors import SignInRequired, TemporarilyUnavailable
from issuer.pages import error_pages, gate
from issuer.pages.gate import Who

_STATUS = 400
_WHY = "You have signed in again since this form was opened."


class StaleFormPages:
    """Answers in place of a change whose form carries no good token. Nothing has been changed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._sign_in = SignInPages(desk)

    def answer(self, _error: CSRFError) -> BaseResponse:
        """Answer with what was typed, to be sent again, or with the page that says what to do."""
        if not _is_of_ours():
            return error_pages.show_bad_form()
        try:
            return self._answer_ours()
        except TemporarilyUnavailable:
            # What a handler raises has no handler.
            return error_pages.show(TemporarilyUnavailable.status)

    def _answer_ours(self) -> BaseResponse:
        if gate.find_user(self._desk.sessions.find_user) is None:
            return self._sign_in.interrupt(SignInRequired("nobody is signed in"))
        if gate.is_fragment():
            return Response(render_template("admin/stale_fragment.html"), 200)
        kept = kept_form.find_interrupted()
        if kept is None or kept_form.find_owner() != self._desk.signed_in.user.name:
            return error_pages.show_bad_form()
        return Response(kept_act.show(kept_act.describe(self._desk, kept), kept, _WHY), _STATUS)


def register(blueprint: Blueprint, desk: Desk) -> None:
    """Let every view of a blueprint be answered for where the token of a form is not good."""
    blueprint.register_error_handler(CSRFError, StaleFormPages(desk).answer)


def _is_of_ours() -> bool:
    """Return whether a page of ours sent this request to an address for those who are signed in."""
    policy = gate.gate_of(current_app).find_policy(request.endpoint)
    is_for_signed_in = policy is not None and policy.who is Who.SIGNED_IN
    return is_for_signed_in and request.headers.get("Sec-Fetch-Site") == "same-origin"
