"""Putting a query's rows into an order that every page can agree on.

The rows after the first page come from the query as a sub-query whose columns all have names, in an imposed order: the
query's own ORDER BY first, then what makes it total. What follows from the text is written here as a :class:`Source`;
how pages are cut from it is :mod:`posthog_nb.operations.paging`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import HogQLSyntaxError, InvalidInputError
from posthog_nb.operations.splice import Edit, Spliced, splice
from posthog_nb.operations.tree import is_select, same_meaning
from posthog_nb.syntax import parse_select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthog_nb.operations.shape import Shape
    from posthog_nb.operations.values import Bound

__all__ = ["Key", "Source", "identifier", "source_of"]

_IDENTITY = {"events": ("timestamp", "uuid"), "persons": ("created_at", "id")}
"""Columns that tell the rows of a table apart, in an order that reads well and cheaply."""

_BREAKS_IDENTITY = ("distinct", "group_by", "limit_by", "array_join_op", "having", "ctes")


@dataclass(frozen=True)
class Key:
    """One column of the imposed order.

    Attributes:
        name: Its name in the sub-query.
        descending: Whether it runs downwards.
        output: Its index among the query's own columns; None when it was added for the order.
    """

    name: str
    descending: bool
    output: int | None


@dataclass(frozen=True)
class Source:
    """A query as something to take pages from.

    Attributes:
        inner: The query without its LIMIT, every column named.
        names: The names of its columns there, in the order of the answer.
        keys: The order.
        own: How many of its keys are those of the query's own ORDER BY.
        total: Whether the order is known to tell the rows apart.
        prefix: What names of our own begin with: nothing of the query does.
    """

    inner: str
    names: tuple[str, ...]
    keys: tuple[Key, ...]
    own: int
    total: bool
    prefix: str


def identifier(name: str) -> str:
    """``name`` quoted for HogQL."""
    return "`{}`".format(name.replace("\\", "\\\\").replace("`", "``"))


def source_of(shape: Shape, columns: Sequence[str], bound: Bound) -> Source:
    """How to take pages from a query.

    Args:
        shape: The query.
        columns: The names of its columns in the first answer.
        bound: Its parameters.

    Raises:
        InvalidInputError: the query's order or columns cannot be named from outside.
    """
    prefix = _own_prefix([shape.text, *columns, *bound.values])
    if shape.tree is None:
        return Source(shape.text, _plain_names(columns), (), own=0, total=False, prefix=prefix)
    return _Builder(shape, shape.tree, list(columns), bound.edits, prefix).build()


def _own_prefix(texts: Sequence[str]) -> str:
    prefix = "phnb"
    while any(prefix in text for text in texts):
        prefix += "_"
    return prefix


class _Builder:
    def __init__(self, shape: Shape, tree: dict[str, Any], columns: list[str], bound: list[Edit], prefix: str) -> None:
        self._shape = shape
        self._prefix = prefix
        self._text = shape.text
        self._tree = tree
        self._bound = bound
        self._columns = columns
        self._first = tree
        while not is_select(self._first):
            # The first SELECT of a union names the columns of all.
            self._first = self._first["initial_select_query"]
        self._items: list[dict[str, Any]] = self._first["select"]
        self._added: list[str] = []

    def build(self) -> Source:
        single = is_select(self._tree)
        aliases = self._aliases()
        names = self._names(aliases)
        keys = self._order_keys(names) if single else []
        own = len(keys)
        ties = self._tie_breakers(names) if single else None
        keys += [key for key in ties or [] if key.name not in {known.name for known in keys}]
        inner = self._spliced(aliases)
        self._check(inner, aliases)
        return Source(inner.text, tuple(names), tuple(keys), own=own, total=ties is not None, prefix=self._prefix)

    # Names ---------------------------------------------------------------------------------------------------------

    def _aliases(self) -> dict[int, str]:
        """Our own names for the items that have none, by their index."""
        return {
            number: f"{self._prefix}_c{number}"
            for number, item in enumerate(self._items)
            if item.get("node") != "Alias" and not _is_star(item)
        }

    def _names(self, aliases: dict[int, str]) -> list[str]:
        stars = [number for number, item in enumerate(self._items) if _is_star(item)]
        missing = len(self._columns) - len(self._items)
        if len(stars) > 1 and not aliases:
            names = self._columns
        elif (len(stars) == 1 and missing >= -1) or (not stars and missing == 0):
            names = []
            for number, item in enumerate(self._items):
                if number in aliases:
                    names.append(aliases[number])
                elif number in stars:
                    names += self._columns[number : number + 1 + missing]
                else:
                    names.append(item["alias"])
        else:
            names = []
        if not names or len(set(names)) != len(names):
            raise _unnameable()
        return names

    # Order ---------------------------------------------------------------------------------------------------------

    def _order_keys(self, names: list[str]) -> list[Key]:
        keys: list[Key] = []
        for item in self._tree.get("order_by") or []:
            expression = item["expr"]
            if expression.get("node") == "Constant":
                continue
            key = self._key(expression, names, descending=item.get("order") == "DESC", fill=bool(item.get("with_fill")))
            if key.name not in {known.name for known in keys}:
                keys.append(key)
        return keys

    def _key(self, expression: dict[str, Any], names: list[str], *, descending: bool, fill: bool = False) -> Key:
        index = self._output(expression, names)
        if index is not None:
            return Key(names[index], descending, index)
        if self._tree.get("distinct") or fill:
            raise InvalidInputError(
                "The rows after the first page cannot be told: ORDER BY sorts by what is not selected.",
                hint="Add the sort keys to the SELECT.",
                text=self._text,
                span=None,
            )
        start, end = _with_brackets(self._text, expression)
        inside = [edit for edit in self._bound if start <= edit.start and edit.end <= end]
        moved = [Edit(edit.start - start, edit.end - start, edit.insert) for edit in inside]
        return self._add(splice(self._text[start:end], moved).text, descending=descending)

    def _add(self, expression: str, *, descending: bool) -> Key:
        name = f"{self._prefix}_k{len(self._added)}"
        self._added.append(f"{expression} AS {name}")
        return Key(name, descending, None)

    def _output(self, expression: dict[str, Any], names: list[str]) -> int | None:
        """The index of the column that ``expression`` is, if it is one."""
        chain = expression.get("chain") or []
        starred = len(names) - len(self._items)
        place = 0
        by_value = None
        for item in self._items:
            if _is_star(item):
                width = starred + 1
                if len(chain) == 1 and chain[0] in names[place : place + width]:
                    by_value = place + names[place : place + width].index(chain[0])
                place += width
                continue
            if item.get("node") == "Alias" and chain == [item["alias"]]:
                # An alias comes before a column of the same name.
                return place
            if by_value is None and same_meaning(item["expr"] if item.get("node") == "Alias" else item, expression):
                by_value = place
            place += 1
        return by_value

    def _tie_breakers(self, names: list[str]) -> list[Key] | None:
        """Keys that tell the rows apart, or None where that is not known."""
        grouped = self._tree.get("group_by")
        plain = not self._tree.get("group_by_mode") and not self._tree.get("distinct")
        if grouped and plain and not any(expression.get("node") == "Constant" for expression in grouped):
            return [self._key(expression, names, descending=False) for expression in grouped]
        if any(self._tree.get(clause) for clause in _BREAKS_IDENTITY):
            return None
        source = self._tree.get("select_from") or {}
        table = source.get("table") or {}
        chain = table.get("chain") or [None]
        if source.get("next_join") or len(chain) != 1 or chain[0] not in _IDENTITY:
            return None
        qualifier = source.get("alias") or chain[0]
        return [self._identity(qualifier, column, names) for column in _IDENTITY[chain[0]]]

    def _identity(self, qualifier: str, column: str, names: list[str]) -> Key:
        for chain in ([column], [qualifier, column]):
            index = self._output({"node": "Field", "chain": chain}, names)
            if index is not None and self._is_column(index, names, chain):
                return Key(names[index], descending=False, output=index)
        return self._add(f"{identifier(qualifier)}.{identifier(column)}", descending=False)

    def _is_column(self, index: int, names: list[str], chain: list[str]) -> bool:
        # An alias may hide the column: `toStartOfDay(timestamp) AS timestamp`.
        if len(names) != len(self._items):
            return not any(item.get("node") == "Alias" and item["alias"] == chain[-1] for item in self._items)
        item = self._items[index]
        return same_meaning(item["expr"] if item.get("node") == "Alias" else item, {"node": "Field", "chain": chain})

    # Text ----------------------------------------------------------------------------------------------------------

    def _spliced(self, aliases: dict[int, str]) -> Spliced:
        inserts = {number: f" AS {name}" for number, name in aliases.items()}
        last = len(self._items) - 1
        if self._added:
            inserts[last] = inserts.get(last, "") + ", " + ", ".join(self._added)
        edits = [*self._bound, *self._shape.uncapped()]
        for number, insert in inserts.items():
            _, end = _with_brackets(self._text, self._items[number])
            edits.append(Edit(end, end, insert))
        return splice(self._text, edits)

    def _check(self, inner: Spliced, aliases: dict[int, str]) -> None:
        try:
            tree = parse_select(inner.text)
        except HogQLSyntaxError as error:
            raise _unnameable() from error
        while not is_select(tree):
            tree = tree["initial_select_query"]
        items = tree["select"]
        right = len(items) == len(self._items) + len(self._added) and all(
            items[number].get("alias") == name for number, name in aliases.items()
        )
        if not right:
            raise _unnameable()


def _is_star(item: dict[str, Any]) -> bool:
    return item.get("node") == "ColumnsExpr" or (item.get("chain") or [None])[-1] == "*"


def _with_brackets(text: str, node: dict[str, Any]) -> tuple[int, int]:
    """Where a node is written, with the brackets around it, which the parser leaves out of its positions."""
    start, end = node["start"]["offset"], node["end"]["offset"]
    while True:
        before, after = text[:start].rstrip(), text[end:].lstrip()
        if not before.endswith("(") or not after.startswith(")"):
            return start, end
        start, end = len(before) - 1, len(text) - len(after) + 1


def _plain_names(columns: Sequence[str]) -> tuple[str, ...]:
    # Without the parser nothing can be given a name, so the columns need names that can be written as they are.
    if len(set(columns)) != len(columns) or not all(column.replace("$", "_").isidentifier() for column in columns):
        raise _unnameable()
    return tuple(columns)


def _unnameable() -> InvalidInputError:
    return InvalidInputError(
        "The rows after the first page cannot be told: the query's columns cannot be named from outside.",
        hint="Give each column a name of its own (expression AS name), or ask for more rows at once with limit=.",
    )
