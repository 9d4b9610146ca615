"""One requests session for everything that leaves the process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from posthog_nb.errors import APIError, ConfigurationError, TransportError
from posthog_nb.http.auth import Bearer, Unsigned
from posthog_nb.http.faults import Question, error_of
from posthog_nb.http.retry import CaptureRetry, QueryRetry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests.adapters import BaseAdapter

    from posthog_nb.secret import Secret

__all__ = ["Http"]

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 310.0
"""PostHog's ingress cuts a blocking request at about 300 s; its own answer says more than our time-out would."""

MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_METHOD_CHANGES = 303
_OK = range(200, 300)


class Http:
    """Requests to one PostHog: signed one by one, retried where that is safe, never following a redirect elsewhere.

    Args:
        ingestion_url: Where events go; its capture paths get capture's own retry policy.
        user_agent: What this client calls itself.
        adapters: Adapters by URL prefix, for an embedded project.
    """

    def __init__(
        self, *, ingestion_url: str, user_agent: str, adapters: Mapping[str, BaseAdapter] | None = None
    ) -> None:
        self._user_agent = user_agent
        self._adapters = dict(adapters or {})
        self._session = self._new_session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=QueryRetry.policy()))
        for path in ("/batch", "/i/"):
            self._session.mount(f"{ingestion_url}{path}", HTTPAdapter(max_retries=CaptureRetry.policy()))
        self._mount(self._session)

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.headers["User-Agent"] = self._user_agent
        return session

    def _mount(self, session: requests.Session) -> None:
        for prefix, adapter in self._adapters.items():
            # Longest prefix wins in requests, so the capture paths of an embedded project are mounted as well.
            for path in ("", "/batch", "/i/"):
                session.mount(f"{prefix}{path}", adapter)

    def json(  # noqa: PLR0913 - a request has this many parts
        self,
        method: str,
        url: str,
        *,
        key: Secret | None,
        body: object = None,
        params: Mapping[str, str | int] | None = None,
        timeout: float | None = None,
        question: Question | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the JSON holds
        """Send a request and return the JSON of its answer.

        Raises:
            APIError: PostHog answered with an error; the class tells which.
            TransportError: no complete answer came back.
        """
        question = question or Question()
        data = None if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        headers = {"Accept": "application/json"} | ({} if data is None else {"Content-Type": "application/json"})
        response = self._send(
            self._session, method, url, key=key, data=data, headers=headers, params=params, timeout=timeout
        )
        if response.status_code not in _OK:
            raise error_of(response, question)
        try:
            return json.loads(response.content)
        except ValueError as error:
            raise TransportError(
                f"{_place(url)} answered {response.status_code}, but not with JSON.",
                hint="A proxy or a login page may stand in between; check the host.",
            ) from error

    def send(self, url: str, data: bytes, *, headers: Mapping[str, str], timeout: float | None = None) -> int:
        """Send an unsigned body (events, which carry their project token) and return the HTTP status of its success.

        Raises:
            CaptureRefusedError: the events were not taken.
            APIError: PostHog failed, or wants fewer requests.
            TransportError: no complete answer came back; the events may or may not have been taken.
        """
        response = self._send(
            self._session, "POST", url, key=None, data=data, headers=headers, params=None, timeout=timeout
        )
        if response.status_code not in _OK:
            raise error_of(response, Question(kind="capture"))
        return response.status_code

    def try_once(self, method: str, url: str, *, key: Secret | None, timeout: float) -> int | None:
        """Send one request on a connection of its own, without retries; None when no answer came in time.

        For cancelling: the session may be in the middle of the very request that is to be cancelled.
        """
        with self._new_session() as session:
            self._mount(session)
            try:
                response = self._send(
                    session, method, url, key=key, data=None, headers={}, params=None, timeout=timeout
                )
            except (TransportError, APIError):
                return None
            return response.status_code

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _send(  # noqa: PLR0913 - as json()
        self,
        session: requests.Session,
        method: str,
        url: str,
        *,
        key: Secret | None,
        data: bytes | None,
        headers: Mapping[str, str],
        params: Mapping[str, str | int] | None,
        timeout: float | None,
    ) -> requests.Response:
        start = url
        seconds = timeout or ANSWER_SECONDS
        for _ in range(MOST_REDIRECTS + 1):
            try:
                response = session.request(
                    method,
                    url,
                    data=data,
                    headers=dict(headers),
                    params=params,
                    auth=Bearer(key) if key is not None else Unsigned(),
                    timeout=(min(CONNECT_SECONDS, seconds), seconds),
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                raise _transport_error(url, error, seconds) from error
            target = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not target:
                return response
            url, params = _same_origin(url, urljoin(url, target)), None
            if response.status_code == _METHOD_CHANGES:
                method, data = "GET", None
        raise TransportError(f"{_place(start)} redirected {MOST_REDIRECTS} times and more.")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _same_origin(url: str, target: str) -> str:
    """``target``, when it is on the same host: a key or token is not carried anywhere else."""
    if _origin(url) != _origin(target):
        raise ConfigurationError(
            f"{_place(url)} redirects to {_place(target)}; the request was not sent there.",
            hint="If that host is yours, connect to it by its own URL.",
        )
    return target


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


def _transport_error(url: str, error: requests.RequestException, seconds: float) -> TransportError:
    place = _place(url)
    if isinstance(error, requests.exceptions.SSLError):
        return TransportError(
            f"The certificate of {place} was refused.",
            hint="Behind a company proxy, set REQUESTS_CA_BUNDLE to its certificate.",
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransportError(f"{place} did not take a connection in time.", hint="Check the host and your network.")
    if isinstance(error, requests.exceptions.ReadTimeout):
        return TransportError(
            f"{place} did not answer within {seconds:g} s.",
            hint="Ask for less, or give the call a longer timeout.",
        )
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return TransportError(f"The answer of {place} broke off before its end.", hint="Try again.")
    return TransportError(
        f"{place} cannot be reached ({type(error).__name__}).", hint="Check the host and your network."
    )
