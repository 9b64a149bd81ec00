"""The public documents as they arrive: content, and the headers that say how long they may be kept."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from issuer.doctor.fetch import Fetched
from issuer.model.checkup import Checkup, Health

_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?([0-9]{1,10})")
_LONGEST_SHOWN: Final = 200

Members = Mapping[str, Any]  # Any: values of any JSON type


def check_metadata(name: str, answer: Fetched, expected: Members) -> Checkup:
    """Return whether a document is the metadata that this installation publishes."""
    found = read_object(answer)
    if found is None:
        return _not_json(name, answer)
    said, url = found.get("issuer"), expected["issuer"]
    if said != url:
        return _tell_issuer(name, said, url)
    different = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
    if different:
        return Checkup(
            name,
            Health.ERROR,
            f"It differs from what is published here in {', '.join(map(_show, different))}.",
            "Look whether another version of the server answers, or a proxy rewrites what passes.",
        )
    return Checkup(name, Health.OK, "It is the one that is published here.")


def check_key_set(name: str, answer: Fetched, published: Iterable[Mapping[str, str]]) -> Checkup:
    """Return whether the keys that services get are those in the database."""
    found = read_object(answer)
    keys = found.get("keys") if found is not None else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        return _not_json(name, answer)
    served = {str(key.get("kid")): key for key in keys}
    ours = {key["kid"]: dict(key) for key in published}
    if not set(served) & set(ours) or any(served[kid] != ours[kid] for kid in set(served) & set(ours)):
        return _fail(
            name,
            "Its keys are not those in this database: services refuse every token that is issued here.",
            "Another server answers there, or this terminal has another installation's settings: compare "
            "ISSUER_DATABASE_URL, and what the proxy passes requests on to.",
        )
    if missing := sorted(set(ours) - set(served)):
        return _fail(
            name,
            f"The keys {', '.join(missing)} are missing: a cache keeps an old answer, or the server has not "
            "looked yet.",
            "Try again in a minute; then clear the cache at the proxy and let it keep to Cache-Control.",
        )
    if extra := sorted(set(served) - set(ours)):
        return _fail(
            name,
            f"The keys {', '.join(map(_show, extra))} are in it, but not published here any more.",
            "A cache keeps an old answer: clear it, and let it keep to Cache-Control.",
        )
    return Checkup(name, Health.OK, f"It has the {len(ours)} keys of this database.")


def check_headers(name: str, answer: Fetched, media_type: str, max_age_seconds: int) -> list[Checkup]:
    """Return what is wrong with the headers of a public document; nothing if nothing is."""
    found: list[Checkup] = []

    def warn(sentence: str, mend: str) -> None:
        found.append(Checkup(name, Health.WARNING, sentence, mend))

    content_type = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != media_type:
        warn(
            f"Its Content-Type is {_show(content_type) or 'missing'} instead of {media_type}.",
            "Let the proxy leave Content-Type alone.",
        )
    control = answer.headers.get("cache-control", "")
    match = _MAX_AGE.search(control.lower())
    if match is None or "public" not in control.lower():
        warn(
            f"Its Cache-Control is {_show(control) or 'missing'} instead of public, "
            f"max-age={max_age_seconds}: every verifier asks for it again and again.",
            "Let the proxy leave Cache-Control alone.",
        )
    elif int(match[1]) > max_age_seconds:
        warn(
            f"It may be kept for {int(match[1])} seconds instead of {max_age_seconds}: services learn of new "
            "keys too late.",
            "Let the proxy leave Cache-Control alone (nginx: no `expires` here).",
        )
    age = answer.headers.get("age", "0")
    if age.isascii() and age.isdigit() and int(age[:10]) > max_age_seconds:
        warn(f"It comes out of a cache, {int(age[:10])} seconds old.", "Let the cache keep to Cache-Control.")
    if "etag" not in answer.headers:
        warn(
            "Its ETag is gone: verifiers fetch it whole each time.",
            "Let the proxy pass ETag on (some drop it where they compress).",
        )
    return found


def read_object(answer: Fetched) -> Members | None:
    """Return the JSON object of an answer, None if it is none."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _tell_issuer(name: str, said: object, url: str) -> Checkup:
    sentence = f"It names the issuer {_show(said)}, and ISSUER_URL here is {url}: services refuse the tokens."
    if not isinstance(said, str):
        return _fail(name, "It names no issuer.", "Look at what answers there: it is no issuer.")
    one, other = urlsplit(said), urlsplit(url)
    if said.rstrip("/") == url:
        part = "a slash at the end differs"
    elif (one.netloc, one.path) == (other.netloc, other.path):
        part = "the scheme differs; it is taken from ISSUER_URL, never from a proxy's headers"
    elif (one.scheme, one.netloc) == (other.scheme, other.netloc):
        part = "the path differs"
    elif (one.scheme, one.path) == (other.scheme, other.path):
        part = "the host differs"
    else:
        part = "more than one part differs"
    return _fail(
        name,
        sentence,
        f"Start every server with the same ISSUER_URL as this terminal ({part}), or set it here.",
    )


def _not_json(name: str, answer: Fetched) -> Checkup:
    who = "This server" if answer.is_ours else "Something else than this server"
    return _fail(
        name,
        f"{who} answers with what is no such document.",
        "Let the proxy route this path to the server, and leave what passes alone.",
    )


def _show(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST_SHOWN]


def _fail(name: str, sentence: str, mend: str) -> Checkup:
    return Checkup(name, Health.ERROR, sentence, mend)
