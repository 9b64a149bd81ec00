"""What is wrong with an answer that is not the one expected, whatever was asked for."""

from typing import Final
from urllib.parse import urlsplit

from issuer.doctor.fetch import Fetched
from issuer.model.checkup import Checkup, Health

_GATEWAY = frozenset({502, 503, 504})
_WARN_CLOCK_SECONDS: Final = 2
_FAIL_CLOCK_SECONDS: Final = 30


def check_status(name: str, url: str, base: str, answer: Fetched) -> Checkup | None:
    """Return what a status other than 200 means, None for 200. base: the path of ISSUER_URL."""
    if answer.status == 200:
        return None
    if 300 <= answer.status < 400:
        return _tell_redirect(name, url, answer)
    if answer.status == 404 and answer.is_ours:
        return _tell_other_path(name, base)
    if answer.status == 404:
        mend = f"Route {urlsplit(url).path} to this server; what answers now is something else."
        return _fail(name, "There is no such page (404), and it was not this server that said so.", mend)
    if answer.status in _GATEWAY and not answer.is_ours:
        mend = "Start the server (issuer serve), and let the proxy pass requests on to ISSUER_BIND."
        return _fail(name, f"The proxy answers, but nothing behind it ({answer.status}).", mend)
    who = "This server" if answer.is_ours else "Something in front of this server"
    mend = "Its log has the reason." if answer.is_ours else "Let the proxy pass these requests on untouched."
    return _fail(name, f"{who} answers with status {answer.status}.", mend)


def check_clock(date: int, answer: Fetched) -> Checkup:
    """Return how far the clock in an answer is from this one. date: of its header, epoch seconds."""
    name = "clock"
    seconds = max(date - answer.ended_at, answer.began_at - date, 0)
    return judge_clock(name, seconds, "The clock at the URL", is_ahead=date > answer.ended_at)


def judge_clock(name: str, seconds: int, whose: str, *, is_ahead: bool) -> Checkup:
    """Return how bad it is that a clock differs by some seconds."""
    if seconds <= _WARN_CLOCK_SECONDS:
        return Checkup(name, Health.OK, f"{whose} agrees with the one here.")
    health = Health.ERROR if seconds > _FAIL_CLOCK_SECONDS else Health.WARNING
    way = "ahead of" if is_ahead else "behind"
    return Checkup(
        name,
        health,
        f"{whose} is {seconds} seconds {way} the one here.",
        "Keep every machine's clock with NTP or chrony: services refuse tokens from the future, and "
        "tokens expire early or late.",
    )


def _tell_redirect(name: str, url: str, answer: Fetched) -> Checkup:
    place = answer.headers.get("location", "")
    shown = "".join(letter for letter in place if letter.isprintable())[:200]
    asked, led = urlsplit(url), urlsplit(shown)
    same_place = (asked.netloc, asked.path) == (led.netloc, led.path)
    if same_place and (asked.scheme, led.scheme) == ("http", "https"):
        mend = "Set ISSUER_URL to its https form, on every machine, and start the servers again."
    elif same_place and (asked.scheme, led.scheme) == ("https", "http"):
        mend = "Take the redirect from https to http out of the proxy."
    elif asked.path.rstrip("/") == led.path.rstrip("/"):
        mend = "Take the redirect that adds or drops a slash, or changes the host, out of the proxy."
    else:
        mend = "Let the proxy exempt this path from redirects, signing in and the like."
    sentence = f"It redirects ({answer.status}) to {shown or 'nowhere'}; clients that post do not follow."
    return _fail(name, sentence, mend)


def _tell_other_path(name: str, base: str) -> Checkup:
    if base:
        return _fail(
            name,
            "This server was asked for another path (404): the proxy strips or rewrites it.",
            f"Let the proxy pass the whole path on, {base} included: in nginx, proxy_pass without a path or "
            "slash at its end.",
        )
    return _fail(
        name,
        "This server was asked for another path (404).",
        "Let the proxy pass paths on as they are; where it serves this under a path, ISSUER_URL has it too.",
    )


def _fail(name: str, sentence: str, mend: str) -> Checkup:
    return Checkup(name, Health.ERROR, sentence, mend)
