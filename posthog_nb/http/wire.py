"""One request and its whole answer, or the error that says how the wire failed."""

from __future__ import annotations

import http.client
import ssl
import sys
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.util import parse_url
from urllib3.util.ssl_match_hostname import CertificateError

from posthog_nb.errors import AnswerTimeoutError, ConfigurationError, PostHogError, TransportError
from posthog_nb.http.auth import Bearer, Unsigned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3.util import Url

    from posthog_nb.http.deadline import Deadline
    from posthog_nb.secret import Secret

__all__ = ["Reply", "Request", "Session", "place", "send"]

CONNECT_SECONDS = 10.0
BODY_SECONDS = 600.0
"""How long an answer may take to arrive once it has begun. A line that gives a byte a second never ends otherwise."""

MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_METHOD_CHANGES = 303
_FINAL = 200
_PIECE = 1 << 18


class Session(requests.Session):
    """A session of requests that leaves redirects alone; even one that it does not follow, it would look into."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - as requests calls it
        """None: :func:`send` knows where a redirect leads."""
        return None


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        method: ``"GET"``, ``"POST"`` and so on.
        url: Its address.
        key: The key that signs it; None for one that is not signed.
        data: Its body.
        headers: Its headers but for the signature.
        params: What is appended to the address.
    """

    method: str
    url: str
    key: Secret | None = None
    data: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str | int] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer.

    Attributes:
        status: The HTTP status.
        reason: The words beside it.
        headers: Its headers, by names in any case of letters.
        body: Its body, decompressed.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def send(session: requests.Session, request: Request, deadline: Deadline, answer_seconds: float) -> Reply:
    """Send ``request``, follow redirects on its own host, and read the whole answer.

    Args:
        session: Holds the connections.
        request: What is sent.
        deadline: When nobody waits any more.
        answer_seconds: How long an answer may be in coming.

    Raises:
        AnswerTimeoutError: none came before the deadline, or within ``answer_seconds``.
        TransportError: no complete answer came back.
        ConfigurationError: the answer leads to another host, or to no address; nothing was sent there.
    """
    start = request
    for _ in range(MOST_REDIRECTS + 1):
        reply = _exchange(session, request, deadline, answer_seconds)
        if reply.status < _FINAL:
            raise TransportError(
                f"{place(request.url)} answered {reply.status}, and a final answer was still to come.",
                hint="A proxy may stand in between; check the host.",
                passing=False,
            )
        target = reply.headers.get("Location")
        if reply.status not in _REDIRECTS or not target:
            return reply
        request = replace(request, url=_same_origin(request.url, target), params=None)
        if reply.status == _METHOD_CHANGES:
            request = replace(request, method="GET", data=None)
    raise TransportError(f"{place(start.url)} redirected {MOST_REDIRECTS} times and more.", may_have_arrived=False)


def _exchange(session: requests.Session, request: Request, deadline: Deadline, answer_seconds: float) -> Reply:
    deadline.check()
    seconds = min(answer_seconds, deadline.left())
    handled = sys.exception()
    try:
        with session.request(
            request.method,
            request.url,
            data=request.data,
            headers=dict(request.headers),
            params=request.params,
            auth=Bearer(request.key) if request.key is not None else Unsigned(),
            # A far host may be slow to connect to and quick to answer.
            timeout=(min(CONNECT_SECONDS, deadline.left()), seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            # Another answer follows one that is not final. Read to its end, it would leave the connection for the next
            # request, which would take the answer that follows for its own; unread, it ends the connection.
            final = response.status_code >= _FINAL
            body = _body(response, min(BODY_SECONDS, deadline.left())) if final else b""
            return Reply(response.status_code, response.reason or "", CaseInsensitiveDict(response.headers), body)
    except PostHogError:
        # An embedded project's own, which may be an OSError as well.
        raise
    except (OSError, HTTPError) as error:
        causes = _causes(error, handled)
        for cause in causes:
            # Its frames hold the signed headers, which a traceback that shows locals would print.
            cause.__traceback__ = None
        raise _transport_error(request.url, causes, deadline, seconds) from error


def _body(response: requests.Response, seconds: float) -> bytes:
    end = monotonic() + seconds
    pieces: list[bytes] = []
    # Whatever has come, piece by piece: a read of a whole piece would wait for as long as bytes trickle in.
    while piece := response.raw.read1(_PIECE, decode_content=True):
        pieces.append(piece)
        if monotonic() > end:
            raise TimeoutError
    return b"".join(pieces)


def place(url: str) -> str:
    """The origin of ``url``, for an error: its path may hold what is nobody's business."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _same_origin(url: str, location: str) -> str:
    """Where ``location`` leads from ``url``, on the same host: a key or token is not carried anywhere else."""
    try:
        # By the reading of who sends it: what is the host to one parser is a user's name to another.
        target = parse_url(urljoin(url, location))
    except ValueError as error:
        raise ConfigurationError(
            f"{place(url)} redirects to what is no address: {location[:100]!r}.", hint="Check the host."
        ) from error
    if _origin(parse_url(url)) != _origin(target):
        raise ConfigurationError(
            f"{place(url)} redirects to {place(target.url)}; the request was not sent there.",
            hint="If that host is yours, connect to it by its own URL.",
        )
    return target.url


def _origin(url: Url) -> tuple[str | None, str | None, int | None]:
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme or "")


def _transport_error(  # noqa: C901, PLR0911 - one return a way in which a wire fails
    url: str, causes: list[BaseException], deadline: Deadline, seconds: float
) -> TransportError:
    host = place(url)

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if among(requests.exceptions.ProxyError, *_NO_SUCH_PROXY) or type(causes[0]) is OSError:
        return _wrong_way_out(host, causes)
    if among(ssl.SSLCertVerificationError, CertificateError):
        return TransportError(
            f"The certificate of {host} was refused.",
            hint="Behind a company proxy, set REQUESTS_CA_BUNDLE to its certificate.",
            may_have_arrived=False,
            passing=False,
        )
    if (failed := next((cause for cause in causes if type(cause) is ssl.SSLError), None)) is not None:
        return _tls_error(host, failed)
    if among(NewConnectionError, NameResolutionError):
        return TransportError(
            f"{host} cannot be reached.", hint="Check the host and your network.", may_have_arrived=False
        )
    if among(ConnectTimeoutError):
        return TransportError(
            f"{host} did not take a connection in time.",
            hint="Check the host and your network.",
            may_have_arrived=False,
        )
    if any(isinstance(cause, TimeoutError) and "handshake" in str(cause) for cause in causes):
        # To urllib3 a time-out of reading, by the time for connecting: nothing was sent yet.
        return TransportError(
            f"{host} took the connection, but did not answer as https in time.", hint=_PLAIN, may_have_arrived=False
        )
    if among(requests.exceptions.ReadTimeout, ReadTimeoutError, TimeoutError):
        if deadline.seconds is not None and deadline.left() <= 0:
            return deadline.missed(host)
        return AnswerTimeoutError(f"{host} did not answer within {seconds:g} s.", hint="Try again later.")
    if among(DecodeError):
        return TransportError(f"The answer of {host} is damaged.", hint="Try again; a proxy may change what it passes.")
    return TransportError(f"{host} closed the connection before its answer ended.", hint="Try again.")


def _tls_error(host: str, failed: ssl.SSLError) -> TransportError:
    """The error for a line whose encryption fails. One that only ends is a line that ends like any other."""
    if failed.library in {"X509", "PEM"}:
        return TransportError(
            f"{host} was not asked: a file of certificates cannot be read.",
            hint=_LOOK_AT_BUNDLES,
            may_have_arrived=False,
            passing=False,
        )
    if failed.reason == "WRONG_VERSION_NUMBER":
        return TransportError(
            f"{host} does not speak https.",
            hint=_PLAIN,
            may_have_arrived=False,
            passing=False,
        )
    reason = (failed.reason or "no reason is given").replace("_", " ").lower()
    return TransportError(
        f"The encryption of the line to {host} failed ({reason}).",
        hint="Try again; a proxy may change what it passes.",
    )


_PLAIN = "Check the host and the port; where it speaks plain http, write http://."
_LOOK_AT_BUNDLES = "Look at REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE."
_NO_SUCH_PROXY = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    LocationValueError,
    http.client.InvalidURL,  # before urllib3 2.8 nobody else looks at the name
)
"""Said of a proxy: the host's own address was read before."""


def _wrong_way_out(host: str, causes: list[BaseException]) -> TransportError:
    """The error for a proxy or a file of certificates that the environment names."""
    error = causes[0]
    if type(error) is OSError:
        # So requests says that there is no such file.
        message, hint = f"{host} was not asked: {error}.", _LOOK_AT_BUNDLES
    elif any(isinstance(cause, _NO_SUCH_PROXY) for cause in causes):
        message = f"The proxy that is set for {host} cannot be used."
        hint = "Look at HTTP_PROXY, HTTPS_PROXY and ALL_PROXY; one of SOCKS needs the package PySocks."
    else:
        message = f"{host} cannot be reached by the proxy that is set."
        hint = "Look at HTTP_PROXY, HTTPS_PROXY and ALL_PROXY; NO_PROXY names the hosts to reach without one."
    passing = isinstance(error, requests.exceptions.ProxyError)
    return TransportError(message, hint=hint, may_have_arrived=False, passing=passing)


def _causes(error: BaseException, handled: BaseException | None) -> list[BaseException]:
    """``error`` and what led to it: requests and urllib3 wrap errors in several ways.

    What the caller was handling when the request was sent, such as an earlier time-out, is no part of it.
    """
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        this = waiting.pop()
        if isinstance(this, BaseException) and this is not handled and this not in found:
            found.append(this)
            waiting += [*this.args, getattr(this, "reason", None), this.__cause__, this.__context__]
    return found
