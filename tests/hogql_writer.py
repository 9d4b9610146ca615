"""Writes HogQL queries at random for the fuzz: most of them right, some wrong on purpose.

Every choice goes through one function, ``below(n)``, which gives a whole number from 0 to n - 1; 0 is the plainest
choice, so that a failure shrinks to a plain query.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.function_table import FUNCTIONS
from posthog_nb.embedded.hogql.functions import FunctionKind
from tests.hogql_words import (
    AGGREGATES,
    COLUMNS,
    CONSTANTS,
    FLAG,
    JOINS,
    KINDS,
    LIST,
    MISTAKES,
    NAMES,
    NUMBER,
    SETS,
    TEMPLATES,
    TEXT,
    TIME,
    WINDOWED,
    WRONG_LIMITS,
    WRONG_TABLES,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Writer"]

_KIND_OF = {"N": NUMBER, "T": TEXT, "F": FLAG, "D": TIME, "L": LIST}
_FUNCTION_NAMES = sorted(FUNCTIONS)
_DEEPEST = 3


@dataclass
class _Source:
    """What a table of FROM offers: its name in the query, and expressions over it by kind."""

    name: str
    columns: dict[str, list[str]]


@dataclass
class _Scope:
    """The tables of one SELECT, and what else can be named in it."""

    sources: list[_Source] = field(default_factory=list)
    aliases: dict[str, list[str]] = field(default_factory=dict)
    window: bool = False


class Writer:
    """Writes one query.

    Args:
        below: Chooses.
        wrong: Out of how many expressions one is wrong on purpose; 0 for none.
    """

    def __init__(self, below: Callable[[int], int], *, wrong: int = 150) -> None:
        self._below = below
        self._wrong = wrong
        self._ctes: list[_Source] = []
        self._numbers = 0

    def query(self) -> str:
        """A whole query."""
        text, _ = self._query((1, 0, 1, 2, 0, 1)[self._below(6)], KINDS[: 1 + self._below(3)])
        return text + self._one(("", "", "", ";", " -- end", "/* end */"))

    # -- choices

    def _one(self, options: Sequence[str]) -> str:
        return options[self._below(len(options))]

    def _in(self, chance: int) -> bool:
        """True once in ``chance`` times."""
        return self._below(chance) == chance - 1

    def _mistaken(self) -> bool:
        return self._wrong > 0 and self._in(self._wrong)

    def _name(self) -> str:
        if self._in(4):
            return self._one(NAMES)
        self._numbers += 1
        return f"n{self._numbers}"

    # -- queries

    def _query(self, depth: int, kinds: Sequence[str]) -> tuple[str, list[str]]:
        """A query with one column of each of ``kinds``, and the names of the columns."""
        before = list(self._ctes)
        head = self._with(depth) if depth and self._in(3) else ""
        text, names = self._select(depth, kinds)
        text = head + text
        if depth and self._in(6):
            # Tables of WITH before the first branch are there for all of them.
            branches = [f" {self._one(SETS)} ({self._select(depth - 1, kinds)[0]})" for _ in range(1 + self._below(2))]
            text = f"({text})" + "".join(branches)
        self._ctes = before
        return text, names

    def _with(self, depth: int) -> str:
        parts = []
        for _ in range(1 + self._below(2)):
            name = self._name()
            if self._in(3):
                kind = self._one(KINDS)
                parts.append(f"{self._expr(kind, _Scope(), 1)} as {name}")
                continue
            kinds = KINDS[: 1 + self._below(3)]
            text, names = self._query(depth - 1, kinds)
            parts.append(f"{name} as ({text})")
            self._ctes.append(_Source(name, {kind: [column] for kind, column in zip(kinds, names, strict=True)}))
        return f"with {', '.join(parts)} "

    def _select(self, depth: int, kinds: Sequence[str]) -> tuple[str, list[str]]:
        scope = _Scope()
        tables = self._from(depth, scope) if not self._in(8) else ""
        grouped = bool(tables) and self._in(3)
        scope.window = bool(tables) and self._in(5)
        keys = [self._expr(self._one((TEXT, TIME, NUMBER)), scope, 1) for _ in range(self._below(3))] if grouped else []
        items, names = [], []
        for kind in kinds:
            name = self._name()
            items.append(f"{self._item(kind, scope, grouped, keys)} as {name}")
            names.append(name)
            scope.aliases.setdefault(kind, []).append(name)
        if self._in(5):
            # More of them only where nothing counts the columns: they are not named.
            items += self._unnamed(scope, grouped, keys) if kinds is KINDS else []
        text = f"select {'distinct ' if self._in(8) else ''}{', '.join(items)}{tables}"
        return text + self._clauses(scope, grouped, keys), names

    def _item(self, kind: str, scope: _Scope, grouped: bool, keys: list[str]) -> str:
        if grouped:
            return keys[self._below(len(keys))] if keys and self._in(3) else self._aggregate(kind, scope)
        if self._in(8) and kind == NUMBER:
            return self._fill(self._one(WINDOWED), scope, 1)
        return self._expr(kind, scope, _DEEPEST - 1)

    def _unnamed(self, scope: _Scope, grouped: bool, keys: list[str]) -> list[str]:
        if grouped:
            return [*keys, self._aggregate(NUMBER, scope)]
        return [self._one(("*", "columns('e')", "columns(* exclude (event))", "1", "count()", "event, event", "x.*"))]

    def _from(self, depth: int, scope: _Scope) -> str:
        parts = [" from ", self._source(depth, scope)]
        while self._in(4) and len(scope.sources) < 3:
            join = self._one(JOINS)
            text = self._source(depth, scope)
            on = "" if join == "cross join" else f" on {self._condition(scope)}"
            parts.append(f" {join} {text}{on}")
        if self._in(8):
            arrays = self._expr(LIST, scope, 1)
            name = self._name()
            parts.append(f" {self._one(('', 'left '))}array join {arrays} as {name}")
            scope.aliases.setdefault(NUMBER, []).append(name)
        return "".join(parts)

    def _condition(self, scope: _Scope) -> str:
        for kind in (TEXT, NUMBER):
            if len(scope.sources) > 1 and all(kind in source.columns for source in scope.sources[-2:]):
                left, right = scope.sources[-2:]
                return f"{self._column(left, kind)} = {self._column(right, kind)}"
        return self._expr(FLAG, scope, 1)

    def _source(self, depth: int, scope: _Scope) -> str:
        if self._mistaken():
            return self._one(WRONG_TABLES)
        name = self._name()
        alias = f"{self._one((' as ', ' '))}{name}"
        if self._ctes and self._in(2):
            cte = self._ctes[self._below(len(self._ctes))]
            scope.sources.append(_Source(name, cte.columns))
            return f"{cte.name}{alias}"
        if depth and self._in(4):
            kinds = KINDS[: 1 + self._below(3)]
            text, names = self._query(depth - 1, kinds)
            scope.sources.append(_Source(name, {kind: [column] for kind, column in zip(kinds, names, strict=True)}))
            return f"({text}){alias}"
        table = self._one(tuple(COLUMNS))
        scope.sources.append(_Source(name, {kind: list(columns) for kind, columns in COLUMNS[table].items()}))
        sample = self._one((" sample 1/2", " sample 0.1 offset 1/2")) if table == "events" and self._in(8) else ""
        return f"{table}{alias}{sample}"

    def _clauses(self, scope: _Scope, grouped: bool, keys: list[str]) -> str:
        parts = []
        if scope.sources and self._in(12):
            parts.append(f" prewhere {self._expr(FLAG, _Scope(scope.sources), 1)}")
        if self._in(2):
            parts.append(f" where {self._expr(FLAG, _Scope(scope.sources), 2)}")
        if keys:
            parts.append(self._grouping(keys))
        if grouped and self._in(4):
            parts.append(f" having {self._aggregate(FLAG, scope)}")
        if scope.window:
            parts.append(f" window w as ({self._fill('O', scope, 1)})")
        if self._in(3):
            parts.append(f" order by {self._order(scope, grouped)}")
        if self._in(10):
            parts.append(f" limit {self._below(3) + 1}{self._one(('', ' offset 1'))} by {self._by(scope)}")
        if self._in(3):
            parts.append(self._limit())
        return "".join(parts)

    def _grouping(self, keys: list[str]) -> str:
        listed = ", ".join(keys)
        return " group by " + self._one(
            (
                listed,
                listed,
                listed,
                f"rollup({listed})",
                f"cube({listed})",
                f"grouping sets (({listed}), ())",
                "all",
                "1",
            )
        )

    def _order(self, scope: _Scope, grouped: bool) -> str:
        kind = self._one(KINDS[:2])
        key = self._aggregate(kind, scope) if grouped else self._expr(kind, scope, 1)
        fill = self._one((" with fill", " with fill from 0 to 3 step 1")) if self._in(10) else ""
        return f"{key}{self._one(('', ' desc', ' asc'))}{fill}"

    def _by(self, scope: _Scope) -> str:
        return self._expr(self._one(KINDS[:2]), scope, 1)

    def _limit(self) -> str:
        return self._one(
            (" limit 10", " limit 2 offset 1", " limit 1 with ties", " limit 50%", " limit 1 + 1", " limit 99999",
            " offset 1",
             " limit 0", " limit toInt('3')", " limit {variables.days}")
        ) if not self._mistaken() else self._one(WRONG_LIMITS)  # fmt: skip

    # -- expressions

    def _column(self, source: _Source, kind: str) -> str:
        column = self._one(source.columns[kind])
        simple = column.replace(".", "").replace("$", "").replace("_", "").isalnum()
        return f"{source.name}.{column}" if simple and not self._in(5) else column

    def _expr(self, kind: str, scope: _Scope, depth: int) -> str:
        if self._mistaken():
            return self._one(MISTAKES)
        if depth <= 0 or not self._in(3):
            return self._leaf(kind, scope)
        if self._in(6):
            return self._any_call(scope, depth - 1)
        if depth > 1 and self._in(12):
            return f"({self._query(0, [kind])[0]})"
        return self._fill(self._one(TEMPLATES[kind]), scope, depth - 1)

    def _leaf(self, kind: str, scope: _Scope) -> str:
        aliases = scope.aliases.get(kind)
        if aliases and self._in(8):
            return self._one(aliases)
        known = [source for source in scope.sources if kind in source.columns]
        if known and not self._in(4):
            return self._column(known[self._below(len(known))], kind)
        return self._one(CONSTANTS[kind])

    def _aggregate(self, kind: str, scope: _Scope) -> str:
        return self._fill(self._one(AGGREGATES[kind]), scope, 1)

    def _any_call(self, scope: _Scope, depth: int) -> str:
        """Any function of the whitelist, with about as many arguments as it takes."""
        name = self._one(_FUNCTION_NAMES)
        function = FUNCTIONS[name]
        most = function.max_args if function.max_args is not None else function.min_args + 2
        count = function.min_args + self._below(max(1, most - function.min_args + 1)) + self._mistaken()
        args = [self._expr(self._one(KINDS), scope, depth) for _ in range(count)]
        if name.startswith("array") and args and self._in(2):
            args[0] = f"x -> {args[0]}"
        params = (
            f"({self._one(('1', '0.5', '3, 4', chr(39) + 'a' + chr(39), 'event'))})" if function.params != "no" else ""
        )
        over = " over (order by 1)" if function.kind is FunctionKind.WINDOW else ""
        return f"{name}{params}({', '.join(args)}){over}"

    def _fill(self, template: str, scope: _Scope, depth: int) -> str:
        """``template`` with an expression for each of its open places."""
        parts = []
        for number, piece in enumerate(_pieces(template)):
            if number % 2 == 0:
                parts.append(piece)
            elif piece == "O":
                parts.append(
                    self._fill("partition by ? order by ?", scope, depth)
                    if self._in(2)
                    else self._fill("order by ?", scope, depth)
                )
            else:
                parts.append(self._expr(self._one(KINDS[:4]) if piece == "?" else _KIND_OF[piece], scope, depth))
        return "".join(parts)


def _pieces(template: str) -> list[str]:
    """Plain text and open places by turns."""
    pieces, start = [], 0
    for index, char in enumerate(template):
        around = template[index - 1 : index] + template[index + 1 : index + 2]
        alone = not any(other.isalnum() or other in "_'%" for other in around)
        is_open = char in "NTFDLO" or (char == "?" and "?" not in around and template[index + 1 : index + 3] != " T")
        if is_open and alone:
            pieces += [template[start:index], char]
            start = index + 1
    return [*pieces, template[start:]]
