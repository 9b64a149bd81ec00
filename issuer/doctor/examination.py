"""The examination of a running server through its public URL: what clients and services would meet."""

import json
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from issuer.clock import Clock
from issuer.doctor import answers, documents, token
from issuer.doctor.fetch import Fetched, Fetcher
from issuer.errors import InvalidClient, Refusal, Unreachable
from issuer.issuing.keyring import Keyring
from issuer.issuing.mint import Unsigned
from issuer.jose.keys import VerifyingKey
from issuer.model.checkup import Applicant, Checkup, Health
from issuer.model.client import AuthMethod
from issuer.model.permission import ClientRecord
from issuer.model.signing_key import KeyPurpose
from issuer.model.token_plan import TargetRequest
from issuer.oauth import jwks, metadata
from issuer.oauth.documents import MAX_AGE_SECONDS

_NAMES = (metadata.AUTHORIZATION_SERVER, metadata.OPENID_CONFIGURATION)


class Examination:
    """Looks at the server that ISSUER_URL leads to, as one that knows what it should say.

    keyring: loaded. find_record, preview: as the token endpoint and `issuer token preview` have them.
    """

    def __init__(
        self,
        issuer_url: str,
        keyring: Keyring,
        clock: Clock,
        find_record: Callable[[str], ClientRecord | None],
        preview: Callable[[str, TargetRequest], Unsigned],
    ) -> None:
        self._url = issuer_url
        self._base = urlsplit(issuer_url).path
        self._keyring = keyring
        self._clock = clock
        self._find_record = find_record
        self._preview = preview
        self._fetcher = Fetcher(clock)

    def examine(self, applicant: Applicant | None) -> tuple[Checkup, ...]:
        """Return every check in order. applicant: who asks for a token, None for nobody.

        A token is asked for only where everything before it is in order: a secret must not go to what is
        perhaps another server. The token that is issued is recorded like any other.
        """
        found = self._check_documents()
        if applicant is None:
            return tuple(found)
        if any(each.health is Health.ERROR for each in found):
            sentence = "None was asked for: the secret stays here until the errors above are mended."
            return (*found, Checkup(token.NAME, Health.WARNING, sentence))
        return (*found, *self._check_token(applicant))

    def _check_documents(self) -> list[Checkup]:
        found: list[Checkup] = []
        try:
            for name, url in self._list_metadata():
                answer = self._fetcher.get(url)
                if not found:
                    found += _check_clock(answer)
                found += self._check_metadata(name, url, answer)
            found += self._check_key_set()
        except Unreachable as unreachable:
            found.append(self._unreachable(unreachable))
        return found

    def _list_metadata(self) -> list[tuple[str, str]]:
        """Return the addresses of the metadata with their paths, at the root as well (RFC 8414 §3.1)."""
        paths = [f"{self._base}/.well-known/{name}" for name in _NAMES]
        if self._base:
            paths += [f"/.well-known/{name}{self._base}" for name in _NAMES]
        origin = self._url.removesuffix(self._base)
        return [(path, origin + path) for path in paths]

    def _check_metadata(self, name: str, url: str, answer: Fetched) -> list[Checkup]:
        wrong = answers.check_status(name, url, self._base, answer)
        if wrong is not None:
            return [wrong]
        described = metadata.Metadata(self._url, self._keyring, self._clock).find_document()
        return [
            documents.check_metadata(name, answer, json.loads(described.body)),
            *documents.check_headers(name, answer, "application/json", MAX_AGE_SECONDS),
        ]

    def _check_key_set(self) -> list[Checkup]:
        name, url = self._base + metadata.JWKS_PATH, self._url + metadata.JWKS_PATH
        answer = self._fetcher.get(url)
        wrong = answers.check_status(name, url, self._base, answer)
        if wrong is not None:
            return [wrong]
        published = self._keyring.list_published(self._clock.now())
        return [
            documents.check_key_set(name, answer, published),
            *documents.check_headers(name, answer, jwks.MEDIA_TYPE, MAX_AGE_SECONDS),
        ]

    def _check_token(self, applicant: Applicant) -> list[Checkup]:
        try:
            expected = self._preview(applicant.client_id, applicant.request)
            method = self._find_method(applicant.client_id)
        except Refusal as refusal:
            mend = "Mend the request or the registry: issuer token preview shows the decision."
            sentence = f"This installation would refuse it: {refusal.code}, {refusal.detail}."
            return [Checkup(token.NAME, Health.ERROR, sentence, mend)]
        url = self._url + metadata.TOKEN_PATH
        form, headers = token.make_request(applicant, method)
        try:
            answer = self._fetcher.post(url, form, headers)
        except Unreachable as unreachable:
            return [self._unreachable(unreachable)]
        return token.check_answer(url, self._base, answer, expected, self._find_key)

    def _find_method(self, client_id: str) -> AuthMethod:
        record = self._find_record(client_id)
        if record is None:
            raise InvalidClient(f"no client {client_id} is registered")
        return record.client.auth_method

    def _find_key(self, kid: str) -> VerifyingKey | None:
        # The JWKS as served was compared with these keys: they are the same.
        return self._keyring.find_verifying_key(kid, KeyPurpose.TOKEN, self._clock.now())

    def _unreachable(self, unreachable: Unreachable) -> Checkup:
        return Checkup("connection", Health.ERROR, f"{self._url}: {unreachable.detail}", unreachable.mend)


def _check_clock(answer: Fetched) -> list[Checkup]:
    try:
        date = int(parsedate_to_datetime(answer.headers.get("date", "")).timestamp())
    except (ValueError, OverflowError):
        return []
    return [answers.check_clock(date, answer)]
