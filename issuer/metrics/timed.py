"""How long an endpoint takes: measured around it, summed elsewhere."""

from collections.abc import Callable, Iterable

from issuer.answers import Application, Environ, StartResponse
from issuer.clock import Clock


class Timed:
    """An application that tells `note` how many seconds each answer took, whatever it was."""

    def __init__(self, application: Application, clock: Clock, note: Callable[[float], None]) -> None:
        self._application = application
        self._clock = clock
        self._note = note

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; the body is made by the time this returns."""
        begun = self._clock.monotonic()
        try:
            return self._application(environ, start_response)
        finally:
            self._note(self._clock.monotonic() - begun)
