"""Answers in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from posthog_nb.embedded.server.render import json_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JSON", "json_answer"]

JSON = "application/json"


def json_answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``body`` as JSON."""
    return Response(json_bytes(body), status=status, headers=dict(headers or {}), content_type=JSON)
