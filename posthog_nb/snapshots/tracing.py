"""Which columns of an answer chosen properties and ids reach, through whatever the query makes of them.

The query's own tree tells: names are followed through aliases, sub-queries, tables of WITH and functions until nothing
new is found. Of two meanings of a name both are taken, so a column is covered once too often rather than once too
seldom. Counts, measures and comparisons do not tell a value, and end the way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import HogQLSyntaxError
from posthog_nb.snapshots.sought import NOTHING, OWN_COLUMNS, PROPERTIES, Reach
from posthog_nb.syntax import parse_select, parser_available

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from posthog_nb.snapshots.sought import Sought

__all__ = ["Traced", "trace"]

_PERSONS = frozenset({"persons", "raw_persons"})
_NAMES_PERSONS = re.compile(r"\bpersons\b", re.IGNORECASE)
_A_PERSONS_ID = re.compile(r"\b(?:id|uuid)\b")
_A_PERSON = frozenset({"person", "poe"})
_MEASURES = re.compile(
    r"(?:count|uniq\w*|sum|avg|median\w*|quantile\w*|stddev\w*|var(?:pop|samp)\w*|corr\w*|covar\w*"
    r"|length(?:utf8)?|char_length|character_length|empty|notempty|isnull|isnotnull|position\w*|locate"
    r"|has|hasall|hasany|hassubstr|hastoken\w*|match|multimatch\w+|multisearch\w+|like|ilike|notlike|notilike"
    r"|startswith\w*|endswith\w*|equals|notequals|less|greater|lessorequals|greaterorequals|in|notin"
    r"|indexof|countequal|arraycount|arrayexists|arrayall|arrayuniq|arrayenumerate\w*|totypename"
    r"|jsonhas|jsonlength|jsontype|jsonarraylength|isvalidjson|jsonextractkeys)"
    r"(?:if|array|distinct|ornull|ordefault)*",
    re.IGNORECASE,
)
_BY_ANOTHER = re.compile(r"arg(?:max|min)(?:if)?", re.IGNORECASE)
"""Functions of which one argument becomes the value, and the others choose it."""
_READS_JSON = re.compile(r"(?:json_?(?:extract|value|query)|simplejsonextract|visitparamextract)\w*", re.IGNORECASE)
_GIVES_JSON = re.compile(r"raw|query", re.IGNORECASE)
_KEEPS = re.compile(
    r"(?:any\w*|argmax|argmin|min|max|first_value|last_value|nth_value|lag\w*|lead\w*|topk\w*"
    r"|group(?:uniq)?array\w*|array(?:join|sort|reversesort|slice|split|reversesplit|concat|distinct|filter|reverse"
    r"|element|first|last|pushback|pushfront|popback|popfront|flatten|fold|map)?|tuple|tupleelement|if|multiif"
    r"|coalesce|ifnull|nullif|assumenotnull|tonullable|tostring|tojsonstring|materialize|identity|concat)(?:if)?",
    re.IGNORECASE,
)
"""Functions that leave a value what it is: the keys of a JSON text beside their values, a tuple's elements in place."""
_MAKES_TUPLES = re.compile(r"tuple|arrayzip\w*", re.IGNORECASE)
_DEEPEST = 4
"""Tuples in tuples that are told apart; a loop in a query may put one into another without end."""
_ARGUMENTS = ("args", "params", "within_group")
_NO_VALUE = frozenset({"Constant", "CompareOperation", "BetweenExpr", "IsDistinctFrom"})
_DEFINE = frozenset({"Alias", "CTE", "JoinExpr", "NamedArgument", "Call", "PivotExpr", "UnpivotExpr"})
_STEP = re.compile(r"[^.\[\]'\"]+")


@dataclass(frozen=True)
class Traced:
    """What reaches the columns of an answer.

    Attributes:
        sure: What each column's values are made of.
        guesses: What each one's name says besides: good enough to cover a text, and not to lose a number.
        read: Whether the query could be read; if not, names are all there is to go by.
    """

    sure: Sequence[Reach]
    guesses: Sequence[Reach]
    read: bool


def trace(
    sought: Sought,
    hogql: str,
    values: Mapping[str, Any],
    columns: Sequence[str],
    reached: Mapping[str, Reach] = MappingProxyType({}),
) -> Traced:
    """Trace what is sought.

    Args:
        sought: What to look for.
        hogql: The query.
        values: What its placeholders are bound to.
        columns: The names of the answer's columns.
        reached: What reaches those of the values that hold something that is sought, such as an id.
    """
    tree = _parsed(hogql)
    named = list(map(sought.named, columns))
    if tree is None:
        # A person's UUID is called id, and by the client uuid.
        said = columns if _NAMES_PERSONS.search(hogql) is None else [_A_PERSONS_ID.sub("person_id", c) for c in columns]
        return Traced(named, list(map(sought.called, said)), read=False)
    tracer = _Tracer(sought, tree, values, reached)
    # What the query itself spells out is no property, whatever its column is called: a funnel's names of steps.
    guesses = [NOTHING if tracer.spells_out(place, len(columns)) else guess for place, guess in enumerate(named)]
    return Traced(tracer.columns(columns), guesses, read=True)


def _parsed(hogql: str) -> dict[str, Any] | None:
    if not parser_available():
        return None
    try:
        return parse_select(hogql)
    except HogQLSyntaxError:
        # PostHog's parser is newer than ours and took it.
        return None


class _Tracer:
    """One query: what its names stand for."""

    def __init__(
        self, sought: Sought, tree: dict[str, Any], values: Mapping[str, Any], reached: Mapping[str, Reach]
    ) -> None:
        self._sought = sought
        self._values = values
        self._reached = reached
        self._selects = list(_selects(tree))
        self._names: dict[str, Reach] = {}
        self._tables: dict[str, Reach] = {}
        self._turned = NOTHING
        found = list(_nodes(tree))
        self._has_persons = any(
            node["node"] == "JoinExpr" and _PERSONS.intersection(map(str, (node.get("table") or {}).get("chain") or ()))
            for node in found
        )
        aliases = [node for node in found if node["node"] == "Alias"]
        self._aliases = {node["alias"] for node in aliases}
        self._passed_on = {node["alias"] for node in aliases if node["alias"] in _last_names(node["expr"])}
        self._settle([node for node in found if node["node"] in _DEFINE])

    def columns(self, names: Sequence[str]) -> list[Reach]:
        """What reaches each of the columns."""
        reached = [NOTHING] * len(names)
        for select in self._selects:
            chosen = select.get("select") or []
            if len(chosen) == len(names) and not any(map(_is_several, chosen)):
                found = [self._reach(node) for node in chosen]
            else:
                # Of a star: each column by its name, which is an alias or what it was made of.
                found = [self._named(name) for name in names]
            reached = [one | another for one, another in zip(reached, found, strict=True)]
        return reached

    def spells_out(self, place: int, width: int) -> bool:
        """Whether each value of a column stands in the query, or is bound in it."""
        chosen = [select.get("select") or [] for select in self._selects]
        return all(len(one) == width and not any(map(_is_several, one)) and _is_spelt_out(one[place]) for one in chosen)

    def _settle(self, definitions: list[dict[str, Any]]) -> None:
        """Follow the names until nothing new is found."""
        before: object = None
        while before != (before := (dict(self._names), dict(self._tables), self._turned)):
            for node in definitions:
                self._define(node)

    def _define(self, node: dict[str, Any]) -> None:
        names: Iterable[str] = ()
        match node["node"]:
            case "Alias":
                names, value = [node["alias"]], node["expr"]
            case "NamedArgument":
                names, value = [node["name"]], node["value"]
            case "CTE" if node.get("cte_type") == "column":
                names, value = [node["name"]], node["expr"]
            case "CTE":
                names, value = node.get("columns") or (), node["expr"]
                self._add(self._tables, node["name"], value)
            case "JoinExpr":
                names, value = node.get("column_aliases") or (), node.get("table")
            case "Call":
                self._bind(node["name"], node.get("args") or [])
            case _:
                # PIVOT makes names of columns from values.
                self._turned |= self._reach([part for name, part in node.items() if name != "table"]).flat
        for name in names:
            self._add(self._names, name, value)

    def _bind(self, name: str, arguments: list[Any]) -> None:
        """Give the names of a lambda what it is called with."""
        values = [one for one in arguments if not _is_lambda(one)]
        for one in filter(_is_lambda, arguments):
            # What arrayFold has come to so far is what it began with, or what it made.
            given = [[values[-1:], one["expr"]], *values[:-1]] if name.lower() == "arrayfold" else values
            for called, value in zip(one.get("args") or (), given, strict=False):
                self._add(self._names, called, value)

    def _add(self, known: dict[str, Reach], name: str, node: Any) -> None:  # noqa: ANN401 - JSON
        known[name] = known.get(name, NOTHING) | self._reach(node)

    def _named(self, name: str) -> Reach:
        if name in self._names:
            return self._names[name]
        if name in self._sought.properties:
            return self._sought.named(name)
        try:
            (select,) = _selects(parse_select(f"SELECT {name}"))
            (node,) = select["select"]
        except (HogQLSyntaxError, ValueError, KeyError):
            return self._sought.called(name)
        return self._reach(node)

    def _reach(self, node: Any) -> Reach:  # noqa: ANN401, C901, PLR0911, PLR0912 - JSON; one return a kind of node
        if isinstance(node, list):
            return _union(map(self._reach, node))
        if not isinstance(node, dict):
            return NOTHING
        match node.get("node"):
            case "Field":
                return self._field([str(part) for part in node.get("chain") or ()])
            case "Placeholder":
                return self._reached.get(_bound_name(node), NOTHING)
            case kind if kind in _NO_VALUE:
                return NOTHING
            case "SelectQuery" | "SelectSetQuery":
                return _union(self._reach(select.get("select")) for select in _selects(node))
            case "ColumnsExpr":
                return self._sought.all_columns
            case "Call":
                return self._call(node["name"], [*chain.from_iterable(node.get(part) or () for part in _ARGUMENTS)])
            case "WindowFunction":
                return self._call(node["name"], [*(node.get("exprs") or []), *(node.get("args") or [])])
            case "ArrayAccess":
                return self._opened(self._reach(node["array"]), [node["property"]])
            case "Tuple":
                return _tuple(map(self._reach, node.get("exprs") or ()))
            case "TupleAccess":
                return _element(self._reach(node["tuple"]), node["index"])
            case "Alias" | "TypeCast" | "Lambda":
                return self._reach(node["expr"])
            case "Array":
                return self._reach(node["exprs"])
        return _union(self._reach(child) for name, child in node.items() if name not in {"start", "end"}).flat

    def _field(self, parts: list[str]) -> Reach:
        if parts[-1:] == ["*"]:
            return self._sought.all_columns
        place = next((number for number, part in enumerate(parts) if part in PROPERTIES), None)
        known = _union(self._names[part] for part in parts if part in self._names)
        if len(parts) == 1 and parts[0] not in self._aliases:
            # Of a column that is called as a table is, the column is meant wherever a value is.
            known |= self._tables.get(parts[0], NOTHING)
        if place is not None:
            # Who names properties itself means each of them.
            return known | self._sought.at(parts[place:])
        if known.whole and len(parts) > 1 and parts[-1] not in self._names:
            return Reach(known.properties, known.ids) | self._sought.at(parts[1:])
        if parts[-1] in self._names and parts[-1] not in self._passed_on:
            return known
        if parts[-1] == "id" and (self._has_persons or not _A_PERSON.isdisjoint(parts[:-1])):
            return known | self._sought.at(["person_id"])
        known |= self._turned
        return known if parts[-1] in OWN_COLUMNS else known | self._sought.at(parts[-1:])

    def _call(self, name: str, arguments: list[Any]) -> Reach:
        if _MEASURES.fullmatch(name):
            return NOTHING
        if _BY_ANOTHER.fullmatch(name):
            return self._reach(arguments[:1])
        if _READS_JSON.fullmatch(name) and arguments:
            base = self._reach(arguments[0])
            keys = arguments[1:-1] if name.lower() == "jsonextract" else arguments[1:]
            if base.whole and keys and not name.lower().startswith("jsonextractkeys"):
                # What is written as JSON may be an object, in which anything is.
                return replace(self._opened(base, keys), whole=_GIVES_JSON.search(name) is not None)
        if _MAKES_TUPLES.fullmatch(name):
            return _tuple(map(self._reach, arguments))
        if _KEEPS.fullmatch(name):
            if name.lower() not in {"arraymap", "arrayfold"}:
                # What a lambda says of the values chooses among them, or their order.
                arguments = [one for one in arguments if not _is_lambda(one)]
            return self._reach(arguments[:1] if name.lower() == "arraymap" else arguments)
        found = self._reach(arguments).flat
        return found | self._sought.everything if found.whole else found

    def _opened(self, base: Reach, keys: list[Any]) -> Reach:
        """What stands under ``keys``, in JSON or, by number, in a list."""
        if not base.whole or all(isinstance(key, dict) and isinstance(key.get("value"), int) for key in keys):
            return base
        texts = [self._constant(key) for key in keys]
        known = Reach(base.properties, base.ids)
        if any(text is None for text in texts):
            return known | self._sought.everything
        path = [step for text in texts if text is not None for step in (text, *_STEP.findall(text))]
        return known | _union(self._sought.at([step]) for step in path)

    def _constant(self, node: Any) -> str | None:  # noqa: ANN401 - JSON
        value = node.get("value") if isinstance(node, dict) and node.get("node") == "Constant" else None
        if isinstance(node, dict) and node.get("node") == "Placeholder":
            value = self._values.get(_bound_name(node))
        return str(value) if isinstance(value, str | int) else None


def _bound_name(placeholder: dict[str, Any]) -> str:
    """The name in ``{name}``."""
    return str(((placeholder.get("expr") or {}).get("chain") or [None])[0])


def _is_lambda(node: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(node, dict) and node.get("node") == "Lambda"


def _tuple(parts: Iterable[Reach]) -> Reach:
    found = tuple(parts)
    flat = _union(found).flat
    known = replace(flat, parts=found)
    return known if flat and known.depth <= _DEEPEST else flat


def _element(found: Reach, number: int) -> Reach:
    return found.parts[number - 1] if 0 < number <= len(found.parts) else found.flat


def _union(reaches: Iterable[Reach]) -> Reach:
    found = NOTHING
    for one in reaches:
        found |= one
    return found


def _is_spelt_out(node: Any) -> bool:  # noqa: ANN401 - JSON
    match node.get("node") if isinstance(node, dict) else None:
        case "Constant" | "Placeholder":
            return True
        case "Alias":
            return _is_spelt_out(node["expr"])
        case "ArrayAccess":
            return _is_spelt_out(node["array"])
        case "Array" | "Tuple":
            return all(map(_is_spelt_out, node["exprs"]))
    return False


def _last_names(tree: Any) -> set[str]:  # noqa: ANN401 - JSON
    return {str(node["chain"][-1]) for node in _nodes(tree) if node["node"] == "Field" and node.get("chain")}


def _is_several(node: dict[str, Any]) -> bool:
    """Whether it stands for several columns."""
    kind, parts = node.get("node"), node.get("chain") or ()
    return kind == "ColumnsExpr" or (kind == "Field" and parts[-1:] == ["*"])


def _selects(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    """The SELECTs of which a query is made, one after the other."""
    if not isinstance(tree, dict):
        return
    if tree.get("node") == "SelectQuery":
        yield tree
        return
    rest = (one.get("select_query") for one in tree.get("subsequent_select_queries") or ())
    for part in chain([tree.get("initial_select_query")], rest):
        yield from _selects(part)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(tree, dict):
        for name, child in tree.items():
            if name not in {"start", "end"}:
                yield from _nodes(child)
        if "node" in tree:
            yield tree
    elif isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)
