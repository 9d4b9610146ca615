"""The endpoints that actions and cohorts have in common: list, create, retrieve, change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.answers import json_answer
from posthog_nb.embedded.server.paging import page_answer
from posthog_nb.embedded.server.render import json_time
from posthog_nb.embedded.server.request_body import json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Request, Response

    from posthog_nb.embedded.saved import SavedDefinitions

__all__ = ["SavedEndpoints", "text_field"]

_CREATED = 201
LONGEST_NAME = 400


class SavedEndpoints(ABC):
    """The endpoints of one kind of definition.

    Args:
        saved: The definitions.
    """

    def __init__(self, saved: SavedDefinitions) -> None:
        self._saved = saved

    @abstractmethod
    def _fields(self, given: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
        """What a request changes, checked; ``before`` is None for a new definition, which gets all fields.

        Raises:
            HTTPException: 400, in PostHog's words.
        """

    @abstractmethod
    def _shown(self, one: Mapping[str, Any]) -> dict[str, Any]:
        """A definition as it is answered."""

    @abstractmethod
    def _ordered(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The definitions in the order of their list."""

    def list(self, request: Request) -> Response:
        """One page of those that are not deleted."""
        search = request.args.get("search", "").lower()
        found = [one for one in self._saved.live() if search in (one["name"] or "").lower()]
        return page_answer(request, self._ordered(found), self._shown)

    def create(self, request: Request) -> Response:
        """Keep a new one."""
        return self._saved_answer(request, None)

    def retrieve(self, _request: Request, item_id: str) -> Response:
        """One of them."""
        return json_answer(self._shown(self._found(item_id)))

    def update(self, request: Request, item_id: str) -> Response:
        """Change what the request names, and leave the rest."""
        return self._saved_answer(request, self._found(item_id))

    def _saved_answer(self, request: Request, before: dict[str, Any] | None) -> Response:
        given = self._given(request)
        saved = self._save(self._fields(given, before), before, given)
        return json_answer(self._shown(saved), _CREATED if before is None else 200)

    def _given(self, request: Request) -> Mapping[str, Any]:
        """What a request says."""
        return json_object(request)

    def _save(
        self, fields: dict[str, Any], before: Mapping[str, Any] | None, _given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Keep the checked fields; gives the whole definition."""
        if before is not None:
            return self._saved.update(before["id"], fields)
        return self._saved.create({"deleted": False, "created_at": json_time(datetime.now(UTC)), **fields})

    @staticmethod
    def destroy(_request: Request, item_id: str) -> Response:  # noqa: ARG004 - refused whichever it is
        """Refuse: PostHog keeps what was defined, and hides it."""
        raise errors.refusal(
            405,
            "invalid_request",
            "method_not_allowed",
            'Hard delete of this model is not allowed. Use a patch API call to set "deleted" to true',
        )

    def _found(self, item_id: str) -> dict[str, Any]:
        number = int(item_id[:18]) if item_id.isascii() and item_id.isdigit() else 0
        found = self._saved.get(number)
        if found is None:
            raise errors.not_found()
        return found


def text_field(given: Mapping[str, Any], name: str, *, longest: int = LONGEST_NAME) -> str | None:
    """A field of text, or null.

    Raises:
        HTTPException: 400, it is something else, or too long.
    """
    text = given.get(name)
    if text is not None and not isinstance(text, str):
        raise errors.validation_error("Not a valid string.", code="invalid", attr=name)
    if len(text or "") > longest:
        raise errors.validation_error(
            f"Ensure this field has no more than {longest} characters.", code="max_length", attr=name
        )
    return text
