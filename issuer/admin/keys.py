"""Keys: which sign, which wait and why, which verify only, and what to do when one is stolen (P12)."""

from collections.abc import Callable, Iterator
from typing import Final

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from issuer.admin import key_timeline
from issuer.admin.desk import Desk
from issuer.admin.view import View
from issuer.config import SHORTEST_PUBLISH_AHEAD_SECONDS
from issuer.errors import BadLink, Conflict, InvalidValue, NotFound, UnusableKey, WrongMasterKey
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState
from issuer.pages.gate import SIGNED_IN, needs
from issuer.registry import key_export, key_readiness
from issuer.registry.key_rotation import Rotated
from issuer.registry.listings import keys
from issuer.registry.listings.keys import ListedLine
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar

_TONES = {KeyState.ACTIVE: "ok", KeyState.PENDING: "warn", KeyState.COMPROMISED: "bad"}
_JWKS_PATH = "/.well-known/jwks.json"
# What an act on keys may be refused for: told where it was asked, nothing was changed.
_REFUSALS = (Conflict, NotFound, WrongMasterKey, UnusableKey)
# So much of a kid is typed before a key is withdrawn for good.
TYPED_CHARACTERS: Final = 8

Rotate = Callable[[Registrar, KeyLine], Rotated]


class KeyPages:
    """The pages of the signing keys."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> str:
        """Answer with all keys, by what they sign."""
        settings = self._desk.settings
        lines = keys.list_lines(self._desk.registrar())
        return render_template(
            "admin/keys.html",
            lines=[(line, self._draw(line)) for line in lines],
            tones=_TONES,
            jwks_url=settings.url + _JWKS_PATH,
            publish_ahead_seconds=settings.key_publish_ahead_seconds,
            rotation_seconds=settings.key_rotation_seconds,
            may_change=self._desk.may(Power.KEYS),
        )

    def show_one(self, kid: str) -> str:
        """Answer with one key: its public half, and what withdrawing it would break."""
        registrar = self._desk.registrar()
        line, public = keys.find_line(registrar, kid), None
        key = next(row.key for row in line.rows if row.key.kid == kid)
        if key.purpose is KeyPurpose.TOKEN:
            public = key_export.find_public_key(registrar, kid)
        return render_template(
            "admin/key.html",
            key=key,
            line=line,
            state=key.state(self._desk.clock.now()),
            tones=_TONES,
            public=public,
            typed=kid[:TYPED_CHARACTERS],
            may_change=self._desk.may(Power.KEYS),
        )

    def show_rotation(self) -> str:
        """Answer with where the rotation of a line is: what would happen, or why the next key waits."""
        registrar = self._desk.registrar()
        line, waits = self._find_line(registrar), self._desk.keys.waits
        known = {each.key.kid: each for each in key_readiness.list_readiness(registrar)}
        newest = line.waiting or line.signer
        now = self._desk.clock.now()
        signs_from = now + waits.ahead_seconds(line.purpose)
        verify_until = newest and signs_from + newest.longest_lifetime_seconds + waits.overlap_seconds
        return render_template(
            "admin/rotation.html",
            line=line,
            readiness=known.get(line.waiting.kid) if line.waiting else None,
            signs_from=signs_from,
            verify_until=verify_until,
            horizon_seconds=SHORTEST_PUBLISH_AHEAD_SECONDS,
            waits=waits,
            drawn=self._draw(line),
        )

    def rotate(self, act: Rotate, said: str) -> Callable[[], ResponseReturnValue]:
        """Return the view that rotates a line. said: of the next key afterwards, behind its kid."""

        def answer() -> ResponseReturnValue:
            registrar = self._desk.registrar()
            line = self._find_line(registrar)
            try:
                rotated = act(registrar, KeyLine(line.purpose, line.alg, line.audience_id))
            except _REFUSALS as refusal:
                flash(f"Nothing was changed: {refusal.detail}", "error")
            else:
                flash(f"{rotated.key.kid} {said}")
            return redirect(url_for("admin.rotation", alg=line.alg, audience=line.audience_id), 303)

        return answer

    def retire(self, kid: str) -> ResponseReturnValue:
        """Let a key sign no more."""
        try:
            self._desk.keys.retire(self._desk.registrar(), kid)
        except _REFUSALS as refusal:
            return _refuse(kid, refusal.detail)
        flash(f"{kid} signs no more.")
        return redirect(url_for("admin.keys"), 303)

    def compromise(self, kid: str) -> ResponseReturnValue:
        """Withdraw a key for good, once the beginning of its id was typed."""
        if request.form.get("confirmed", "").strip() != kid[:TYPED_CHARACTERS]:
            return _refuse(kid, f"what was typed is not {kid[:TYPED_CHARACTERS]}.")
        try:
            self._desk.keys.compromise(self._desk.registrar(), kid)
        except _REFUSALS as refusal:
            return _refuse(kid, refusal.detail)
        flash(f"{kid} is withdrawn for good. Now find out who had it, and what they signed with it.")
        return redirect(url_for("admin.keys"), 303)

    def download(self, kid: str) -> Response:
        """Answer with the public half of a key as PEM."""
        try:
            found = key_export.find_public_key(self._desk.registrar(), kid)
        except InvalidValue as refusal:
            raise NotFound(refusal.detail) from refusal
        answer = Response(found.pem, mimetype="application/x-pem-file")
        answer.headers["Content-Disposition"] = f'attachment; filename="{kid}.pem"'
        return answer

    def _draw(self, line: ListedLine) -> key_timeline.Timeline:
        stored = [row.key for row in line.rows]
        return key_timeline.draw(stored, self._desk.clock.now(), SHORTEST_PUBLISH_AHEAD_SECONDS)

    def _find_line(self, registrar: Registrar) -> ListedLine:
        """Return the line that the address or the form names by `alg` and `audience`."""
        alg, audience = request.values.get("alg", ""), request.values.get("audience", "")
        for line in keys.list_lines(registrar):
            if (line.alg, str(line.audience_id or "")) == (alg, audience):
                return line
        raise BadLink


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the views of the keys."""
    pages, changes, post = KeyPages(desk), needs(Power.KEYS.value), ("POST",)
    one = "/keys/by-id/<kid>"
    rotate = pages.rotate(desk.keys.rotate, "is published. It signs when its wait is over, by itself.")
    rotate_now = pages.rotate(desk.keys.rotate_now, "signs from now on.")
    yield View("/keys", "keys", SIGNED_IN, pages.show)
    yield View("/keys/rotation", "rotation", changes, pages.show_rotation)
    yield View("/keys/rotation/publish", "rotate_key", changes, rotate, post)
    yield View("/keys/rotation/sign-now", "rotate_key_now", changes, rotate_now, post)
    yield View(one, "key", SIGNED_IN, pages.show_one)
    yield View(f"{one}/public", "export_key", SIGNED_IN, pages.download)
    yield View(f"{one}/retire", "retire_key", changes, pages.retire, post)
    yield View(f"{one}/compromise", "compromise_key", changes, pages.compromise, post)


def _refuse(kid: str, reason: str) -> ResponseReturnValue:
    flash(f"Nothing was changed: {reason}", "error")
    return redirect(url_for("admin.key", kid=kid), 303)
