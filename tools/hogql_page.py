"""Write what ``docs/hogql.md`` says of each feature, table and function, from the data that the compiler works by.

Run ``python -m tools.hogql_page`` after a change of a table, a function or ``tools/hogql_features.txt``. It rewrites
the parts of the page between ``<!-- generated: NAME -->`` and ``<!-- end -->``; the rest is written by hand.

A line of the features is ``feature ; state ; how ; a query that shows it``, under its heading.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.aggregate_table import COMBINATORS, FULLY_COMBINED
from posthog_nb.embedded.hogql.catalogue import NOT_SHOWN, TABLE_FUNCTIONS, TABLES
from posthog_nb.embedded.hogql.comparisons import COMPARISON_FUNCTIONS
from posthog_nb.embedded.hogql.function_table import ANY_CASE, FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from posthog_nb.embedded.hogql.functions import Function
    from posthog_nb.embedded.hogql.tables import Table

__all__ = ["PAGE", "Feature", "features", "rendered"]

PAGE = Path(__file__).parent.parent / "docs" / "hogql.md"
FEATURES = Path(__file__).parent / "hogql_features.txt"
STATES = ("same", "differs", "refused")
_BEGIN, _NAME_ENDS, _END = "<!-- generated: ", " -->\n", "<!-- end -->"


def rendered(page: str) -> str:
    """The page with every generated part made anew.

    Raises:
        KeyError: a part has a name that is not known.
    """
    before, *parts = page.split(_BEGIN)
    text = before
    for part in parts:
        name, _, rest = part.partition(_NAME_ENDS)
        _, _, after = rest.partition(_END)
        text += f"{_BEGIN}{name}{_NAME_ENDS}\n{_RENDERERS[name]()}\n\n{_END}{after}"
    return text


def _code(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False)


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


# -- tables


def _tables() -> str:
    return "\n\n".join(_table(table) for table in TABLES.values())


def _table(table: Table) -> str:
    state = f"differs: {table.differs}" if table.differs else "same"
    parts = [f"**`{table.name}`** ({state}): {table.about}."]
    columns = [column for column in table.columns.values() if column.name not in NOT_SHOWN]
    parts.append(f"Columns of `*`: {_code(column.name for column in columns if column.in_star)}.")
    hidden = [column.name for column in columns if not column.in_star]
    if hidden:
        parts.append(f"Not in `*`: {_code(hidden)}.")
    beyond = [name for name in (*table.paths, *table.joins, *table.virtual) if name not in NOT_SHOWN]
    if beyond:
        parts.append(f"Through it: {_code(beyond)}.")
    return _paragraph(" ".join(parts))


def _table_functions() -> str:
    return _rows(
        ("Function", "State", "Column", "Arguments"),
        (
            (f"`{name}`", "same", f"`{function.column}`", f"{function.min_args} to {function.max_args}")
            for name, function in TABLE_FUNCTIONS.items()
        ),
    )


# -- language


@dataclass(frozen=True)
class Feature:
    """Something of the language, and whether it is as on PostHog. ``query`` shows it, where facts are not needed."""

    topic: str
    name: str
    state: str
    how: str
    query: str


def features() -> Iterator[Feature]:
    """Every feature, in order."""
    topic = ""
    for line in filter(None, FEATURES.read_text().splitlines()):
        if line.startswith("# "):
            topic = line[2:]
            continue
        name, state, how, query = (part.strip() for part in line.split(" ;"))
        if state not in STATES:
            raise ValueError(f"{name!r} is {state!r}, which is none of {', '.join(STATES)}")
        yield Feature(topic, name, state, how, query)


def _features() -> str:
    head = ("Feature", "State", "How")
    return "\n\n".join(
        f"### {topic}\n\n" + _rows(head, ((feature.name, feature.state, feature.how) for feature in group))
        for topic, group in groupby(features(), key=lambda feature: feature.topic)
    )


# -- functions


def _by_topic() -> dict[str, dict[str, Function]]:
    topics: dict[str, dict[str, Function]] = {}
    for name, function in FUNCTIONS.items():
        if not function.refusal and not _is_form(name):
            topics.setdefault(function.topic, {})[name] = function
    return topics


def _is_form(name: str) -> bool:
    """Whether the name is that of an aggregate with a combinator, of which the page has a sentence instead."""
    stem = name.removesuffix("If")
    if stem != name and (stem in FUNCTIONS or _is_form(stem)):
        return True
    known = (base + combinator for base in FULLY_COMBINED for combinator in COMBINATORS)
    return name in known and not FUNCTIONS[name].meaning


def _functions() -> str:
    return "\n\n".join(_topic(topic, functions) for topic, functions in _by_topic().items())


def _topic(topic: str, functions: Mapping[str, Function]) -> str:
    parts = [f"### {topic}"]
    plain = [name for name, function in functions.items() if not function.meaning and not function.differs]
    if plain:
        parts.append(_paragraph(_code(plain)))
    if topic == "Aggregates":
        parts.append(_combinators(functions))
    told = list(_told(functions))
    if told:
        parts.append(_rows(("Function", "State", "How"), told))
    return "\n\n".join(parts)


def _told(functions: Mapping[str, Function]) -> Iterator[tuple[str, ...]]:
    alike: dict[tuple[str, str], list[str]] = {}
    for name, function in functions.items():
        if function.meaning or function.differs:
            alike.setdefault((function.meaning, function.differs), []).append(name)
    for (meaning, differs), names in alike.items():
        how = "; ".join(filter(None, (meaning, differs)))
        yield _code(names), "differs" if differs else "same", how


def _combinators(names: Iterable[str]) -> str:
    alone = [name for name in names if f"{name}If" not in FUNCTIONS]
    forms = [combinator for combinator in COMBINATORS if not combinator.endswith(("OrDefault", "OrNull"))]
    return _paragraph(
        f"All but {_code(alone)} have a form with `If`. {_code(FULLY_COMBINED)} have forms with each of {_code(forms)} "
        f"`OrDefault` `OrNull`, and some with two of them, such as `sumMapMerge`, `avgArrayOrNull`, `countForEachIf`."
    )


def _comparisons() -> str:
    return _paragraph(_code(COMPARISON_FUNCTIONS))


def _any_case() -> str:
    return _paragraph(_code(sorted(ANY_CASE.values(), key=str.lower)))


def _refused_functions() -> str:
    alike: dict[str, list[str]] = {}
    for name, function in FUNCTIONS.items():
        if function.refusal:
            alike.setdefault(function.refusal, []).append(name)
    return _rows(("Function", "State", "Why"), ((_code(names), "refused", why) for why, names in alike.items()))


_RENDERERS: dict[str, Callable[[], str]] = {
    "tables": _tables,
    "table functions": _table_functions,
    "features": _features,
    "functions": _functions,
    "comparisons": _comparisons,
    "any case": _any_case,
    "refused functions": _refused_functions,
}


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
