"""The house of all pages: what stands round every view, put together in one visible order."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask_wtf.csrf import CSRFProtect

from issuer import answers
from issuer.clock import Clock
from issuer.pages import assets, charts, error_pages, theme, words
from issuer.pages.error_pages import TellFault
from issuer.pages.gate import FORM_SECONDS, MACHINES, Gate, Policies
from issuer.pages.headers import PageHeaders
from issuer.pages.page_user import CurrentUser

LARGEST_FORM_BYTES: Final = 256 * 1024
_MOST_FIELDS: Final = 500


@dataclass(frozen=True, slots=True)
class House:
    """What the pages of one application need.

    policies: of every endpoint of the application, those for machines included.
    """

    url: str
    clock: Clock
    policies: Policies
    current_user: CurrentUser
    tell_fault: TellFault

    def build(self, app: Flask) -> None:
        """Put gate, headers, error pages, assets and words round the views of an application."""
        _configure(app, self.url)
        gate = Gate(self.policies, self.current_user, CSRFProtect(app))
        headers = PageHeaders()
        gate.guard(app)

        def is_page() -> bool:
            return gate.find_policy(request.endpoint) is not MACHINES

        def finish(response: Response) -> Response:
            if not is_page():
                return response
            if request.endpoint != assets.ENDPOINT or response.status_code != 200:
                headers.put_on(response)
            response.headers["X-Request-ID"] = request.environ.get(answers.REQUEST_ID, "")
            return response

        app.after_request(finish)
        error_pages.register(app, is_page, self.tell_fault)
        assets.register(app)
        _teach_words(app, self.clock)


def _configure(app: Flask, url: str) -> None:
    parts = urlsplit(url)
    is_https = parts.scheme == "https"
    app.config.update(
        # Holds the form token and notices, nothing of who is signed in.
        SESSION_COOKIE_NAME="__Host-issuer_forms" if is_https else "issuer_forms",
        SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True,
        # Strict would start a new session, and end all open forms, at every link from elsewhere.
        SESSION_COOKIE_SAMESITE="Lax",
        # The __Host- prefix demands it.
        SESSION_COOKIE_PATH="/",
        MAX_CONTENT_LENGTH=LARGEST_FORM_BYTES,
        MAX_FORM_PARTS=_MOST_FIELDS,
        # The gate asks for the token, in its own order; behind a proxy the Host and Referer that Flask-WTF
        # would compare differ, so the gate reads what the browser says of the request's site.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_TIME_LIMIT=FORM_SECONDS,
    )


def _teach_words(app: Flask, clock: Clock) -> None:
    environment = app.jinja_env
    # A line of a template that holds only a tag leaves nothing behind.
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.globals.update(
        draw=charts.draw, now=clock.now, find_theme=theme.find_theme, list_themes=theme.list_choices
    )
    environment.filters.update(
        count=words.count,
        duration=words.duration,
        exact_time=words.exact_time,
        iso_time=words.iso_time,
        pretty_json=words.pretty_json,
        relative=words.relative,
    )
