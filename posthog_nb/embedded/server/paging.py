"""Pages by ``limit`` and ``offset`` with PostHog's ``next`` and ``previous``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.answers import json_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from werkzeug.wrappers import Request, Response

__all__ = ["Page", "page_answer"]

_T = TypeVar("_T")

DEFAULT_LIMIT = 100
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Page:
    """One page that a request asks for.

    Attributes:
        limit: The most rows on it.
        offset: How many rows come before it.
    """

    request: Request
    limit: int
    offset: int

    @classmethod
    def of(cls, request: Request) -> Page:
        """The page of the request's parameters.

        Raises:
            HTTPException: 400 when one of them is not a number in range.
        """
        return cls(
            request,
            limit=_number(request, "limit", DEFAULT_LIMIT, least=1),
            offset=_number(request, "offset", 0, least=0),
        )

    def next(self, *, more: bool) -> str | None:
        """The next page's absolute URL on the host of the request, or None on the last page."""
        return self._url(self.offset + self.limit) if more else None

    def previous(self) -> str | None:
        """The previous page's URL; PostHog gives one only when that page is a full one."""
        return self._url(self.offset - self.limit) if self.offset - self.limit >= 0 else None

    def _url(self, offset: int) -> str:
        kept = [(name, value) for name, value in self.request.args.items(multi=True) if name not in {"limit", "offset"}]
        query = urlencode([*kept, ("limit", self.limit), ("offset", offset)])
        return f"{self.request.base_url}?{query}"


def page_answer(request: Request, found: Sequence[_T], shown: Callable[[_T], dict[str, Any]]) -> Response:
    """The page of ``found`` that a request asks for, and how many there are in all.

    Raises:
        HTTPException: as :meth:`Page.of`.
    """
    page = Page.of(request)
    end = page.offset + page.limit
    return json_answer(
        {
            "count": len(found),
            "next": page.next(more=end < len(found)),
            "previous": page.previous(),
            "results": [shown(one) for one in found[page.offset : end]],
        }
    )


def _number(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.args.get(name)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= LARGEST):
        raise errors.validation_error(f"{name} must be a whole number from {least}.", attr=name)
    return int(text)
