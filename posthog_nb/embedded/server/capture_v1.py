"""Capture v1: a verdict for each event."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from posthog_nb.embedded.ingestion.decode_v1 import BatchV1, Heading, read_batch, read_heading
from posthog_nb.embedded.server.answers import json_answer
from posthog_nb.embedded.server.capture import tell_of_foreign_token
from posthog_nb.errors import CaptureRejected, EngineError

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from posthog_nb.embedded.project import Project

__all__ = ["CaptureV1"]

logger = logging.getLogger("posthog_nb.embedded")

_REQUEST_ID = "PostHog-Request-Id"
_AGAIN = {"Retry-After": "1"}
_PASSING = frozenset({408, 429, 500, 503, 504})
_ABOUT = "https://posthog.com/docs/api"


class CaptureV1:
    """The endpoint of one project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def take(self, request: Request) -> Response:
        """Take the events of one request: those that are answered ``ok`` are stored when the answer goes out."""
        now = datetime.now(UTC)
        try:
            heading = read_heading({name.lower(): value for name, value in request.headers})
            batch = read_batch(request.get_data(cache=False, parse_form_data=False), heading, now)
        except CaptureRejected as error:
            answer = _refusal(error)
        else:
            self._store(batch, heading, now)
            answer = _results(batch)
        if request_id := request.headers.get(_REQUEST_ID):
            answer.headers[_REQUEST_ID] = request_id
        return answer

    def _store(self, batch: BatchV1, heading: Heading, now: datetime) -> None:
        if heading.token != self._project.settings.project_token:
            tell_of_foreign_token(heading.token, len(batch.events))
            return
        try:
            self._project.capture(batch.events, now=now)
        except EngineError:
            logger.exception("Events could not be stored.")
            for event in batch.events:
                verdict = batch.verdicts[event.uuid]
                batch.verdicts[event.uuid] = replace(verdict, result="retry", details="not_persisted")


def _results(batch: BatchV1) -> Response:
    results = {
        str(uuid): {"result": verdict.result} | ({"details": verdict.details} if verdict.details else {})
        for uuid, verdict in batch.verdicts.items()
    }
    again = any(verdict.result == "retry" for verdict in batch.verdicts.values())
    return json_answer({"results": results}, headers=_AGAIN if again else None)


def _refusal(error: CaptureRejected) -> Response:
    body = {"error": error.tag, "error_description": error.message, "error_uri": _ABOUT}
    return json_answer(body, error.status, _AGAIN if error.status in _PASSING else None)
