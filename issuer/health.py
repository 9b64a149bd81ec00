"""Health: whether the process lives, and whether it should be sent requests."""

from collections.abc import Callable, Iterable, Mapping

from issuer import answers
from issuer.answers import Environ, StartResponse

Checks = Mapping[str, Callable[[], bool]]


def answer_alive(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer `/healthz`: the process lives. Never asks the database."""
    return answers.answer_json(environ, start_response, 200, {"status": "ok"})


class Readiness:
    """Answers `/readyz`: 200 when every check holds, 503 with each check's result otherwise."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Run the checks and answer."""
        results = {name: check() for name, check in self._checks.items()}
        is_ready = all(results.values())
        content = {
            "status": "ready" if is_ready else "not ready",
            "checks": {name: "ok" if is_good else "failed" for name, is_good in results.items()},
        }
        return answers.answer_json(environ, start_response, 200 if is_ready else 503, content)
