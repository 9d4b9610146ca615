"""The paths that SDKs send events to."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from posthog_nb.embedded.ingestion.body import MAX_BODY_BYTES
from posthog_nb.embedded.ingestion.decode import decode_capture
from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.answers import JSON
from posthog_nb.errors import CaptureRejected, EngineError

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from posthog_nb.embedded.project import Project

__all__ = ["Capture", "allow_any_origin", "refuse_recordings", "tell_of_foreign_token"]

logger = logging.getLogger("posthog_nb.embedded")

_TAKEN = b'{"status":"Ok"}'
_NO_RECORDINGS = b'{"status":"Ok","quota_limited":["recordings"]}'
_TOKEN_SHOWN = 4


class Capture:
    """The capture endpoints of one project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def take(self, request: Request) -> Response:
        """Take the events of one request: all of them are stored when the answer goes out, or none."""
        now = datetime.now(UTC)
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise errors.plain(413, "request body is too large")
        try:
            batch = decode_capture(
                request.get_data(cache=False, parse_form_data=False),
                path=request.path,
                content_type=request.headers.get("Content-Type", ""),
                content_encoding=request.headers.get("Content-Encoding", ""),
                query=request.args.to_dict(),
                now=now,
            )
        except CaptureRejected as error:
            raise errors.plain(error.status, error.message) from error
        if batch.token != self._project.settings.project_token:
            tell_of_foreign_token(batch.token, len(batch.events))
            return _answer(request)
        try:
            self._project.capture(batch.events, now=now)
        except EngineError as error:
            # 503 says "send it again", and the same uuids are stored once. ClickHouse's name for the reason, such as
            # NOT_ENOUGH_SPACE, tells the sender whether that helps; its text, which any page could read, stays here.
            logger.exception("Events could not be stored.")
            raise errors.plain(503, f"events could not be stored ({error.name}), try again") from error
        return _answer(request)


def tell_of_foreign_token(token: str, events: int) -> None:
    """Log that events came with another project's token.

    As in PostHog, a token is checked for its shape only. There the events vanish; here somebody is told. It may be
    anybody's, or a password in the wrong place, so the log has no more of it than its beginning.
    """
    logger.warning(
        "%d event(s) came with a token of %d characters that begins with %r, which is not this project's, "
        "and are not kept.",
        events,
        len(token),
        token[:_TOKEN_SHOWN],
    )


def refuse_recordings(request: Request) -> Response:
    """Say that session recordings are not kept, as PostHog does when their quota is used up: SDKs then stop sending.

    After an error they would send again, and a plain Ok would say that the recording is kept. Neither token nor body is
    looked at: recordings are large, they come often, and nothing in them would change the answer.
    """
    return _answer(request, _NO_RECORDINGS)


def _answer(request: Request, body: bytes = _TAKEN) -> Response:
    if request.args.get("beacon") == "1":
        return Response(status=204)
    return Response(body, content_type=JSON)


def allow_any_origin(request: Request, response: Response) -> Response:
    """Let pages of any origin read the answer, as PostHog's capture does; a project token is public."""
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    headers["Access-Control-Allow-Credentials"] = "true"
    headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "*")
    headers["Vary"] = "Origin"
    return response
