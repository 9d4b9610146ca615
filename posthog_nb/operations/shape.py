"""The shape of a query, as far as limits and pages need it, and the edits that change its LIMIT.

Every edit is checked by parsing the edited text again: it must mean the same but for the one thing that was changed. A
text that does not pass is wrapped as a sub-query instead, which is always right and now and then slower.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import HogQLSyntaxError, InvalidInputError, Span
from posthog_nb.operations.splice import Edit, Spliced, splice
from posthog_nb.operations.tree import is_select, nodes, same_meaning
from posthog_nb.syntax import parse_select, parser_available, tokenise

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Shape", "read_shape"]

_TRAILING_LIMIT = re.compile(r"\blimit\s+(\d+)\s*;?\s*$", re.IGNORECASE)
_LIMIT_WORD = re.compile(r"\blimit\s+$", re.IGNORECASE)
_OWN_CLAUSES = frozenset({"limit", "limit_percent", "limit_with_ties"})


@dataclass(frozen=True)
class Shape:
    """One query.

    Attributes:
        text: The text, with blanks in place of its closing semicolon.
        tree: Its parse; None where PostHog's parser is not available.
        limit: Its own top-level LIMIT; None when it has none, or one that only the server can work out.
        limited: Whether it has a top-level LIMIT of any kind.
        fault: What our parser holds against the text. PostHog's own, newer one has the last word.
    """

    text: str
    tree: dict[str, Any] | None
    limit: int | None
    limited: bool
    fault: HogQLSyntaxError | None = None

    def with_edits(self, edits: list[Edit]) -> Spliced:
        """The query as it is but for ``edits``."""
        return splice(self.text, edits)

    def capped(self, rows: int, edits: list[Edit]) -> Spliced:
        """The query with at most ``rows`` rows, and ``edits`` made as well."""
        if self.tree is not None and is_select(self.tree):
            capped = self._with_limit(rows)
            if capped is not None:
                return splice(self.text, [*edits, capped])
        return splice(self.text, [Edit(0, 0, "SELECT * FROM (\n"), *edits, self._closing(f"\n) LIMIT {rows}")])

    def uncapped(self) -> list[Edit]:
        """The edits that take the top-level LIMIT away; none when it has none or it has to stay."""
        node = (self.tree or {}).get("limit")
        if self.limit is None or node is None:
            return []
        word = _LIMIT_WORD.search(self.text[: node["start"]["offset"]])
        if word is None:
            return []
        edit = Edit(word.start(), node["end"]["offset"], "")
        return [edit] if self._still_means_the_same([edit], changed=_OWN_CLAUSES) else []

    def _closing(self, insert: str) -> Edit:
        return Edit(len(self.text), len(self.text), insert)

    def _with_limit(self, rows: int) -> Edit | None:
        node = (self.tree or {}).get("limit")
        if node is None and not self.limited:
            edit = self._closing(f"\nLIMIT {rows}")
        elif node is not None and self.limit is not None:
            edit = Edit(node["start"]["offset"], node["end"]["offset"], str(rows))
        else:
            return None
        return edit if self._still_means_the_same([edit], changed=frozenset({"limit"}), limit=rows) else None

    def _still_means_the_same(self, edits: list[Edit], *, changed: frozenset[str], limit: int | None = None) -> bool:
        try:
            tree = parse_select(splice(self.text, edits).text)
        except HogQLSyntaxError:
            return False
        found = (tree.get("limit") or {}).get("value")
        return found == limit and same_meaning(tree, self.tree, without=changed)


def read_shape(text: str, values: Mapping[str, object]) -> Shape:
    """Read the shape of ``text``.

    Args:
        text: The query.
        values: What its placeholders are bound to, for ``LIMIT {n}``.

    Raises:
        InvalidInputError: it is empty, or uses OFFSET.
    """
    if not tokenise(text):
        raise InvalidInputError("The query is empty.", hint="Write a HogQL SELECT.")
    if not parser_available():
        return _unread(text, None)
    try:
        tree = parse_select(text)
    except HogQLSyntaxError as fault:
        return _unread(text, fault)
    _refuse_offset(text, tree)
    limit = tree.get("limit")
    whole = not tree.get("limit_percent") and not tree.get("limit_with_ties")
    return Shape(
        text=_without_semicolon(text, tree),
        tree=tree,
        limit=_number(limit, values) if limit is not None and whole else None,
        limited=limit is not None,
    )


def _unread(text: str, fault: HogQLSyntaxError | None) -> Shape:
    found = _TRAILING_LIMIT.search(text)
    return Shape(
        text=text.rstrip().removesuffix(";"),
        tree=None,
        limit=int(found[1]) if found else None,
        limited=found is not None,
        fault=fault,
    )


def _number(node: dict[str, Any], values: Mapping[str, object]) -> int | None:
    value = node.get("value")
    if node.get("node") == "Placeholder":
        chain = (node.get("expr") or {}).get("chain") or [None]
        value = values.get(chain[0])
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _refuse_offset(text: str, tree: dict[str, Any]) -> None:
    for node in nodes(tree, "SelectQuery", "SelectSetQuery", "LimitByExpr"):
        offset = node.get("offset") or node.get("offset_value")
        if offset:
            raise InvalidInputError(
                "PostHog refuses OFFSET in a query sent with a personal API key.",
                hint="Leave it out: next_page(), pages() and fetch_all() go on where a result ends.",
                text=text,
                span=Span(offset["start"]["offset"], offset["end"]["offset"]),
            )


def _without_semicolon(text: str, tree: dict[str, Any]) -> str:
    # After the end of the tree come the closing semicolon and comments, where one is of no consequence. Blanks keep
    # every position as it was.
    end = tree["end"]["offset"]
    blanked = text[:end] + text[end:].replace(";", " ")
    try:
        return blanked if same_meaning(parse_select(blanked), tree) else text
    except HogQLSyntaxError:
        return text
