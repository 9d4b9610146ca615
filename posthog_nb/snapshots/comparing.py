"""Two answers to one question: are they the same, and where do they differ.

Rows are compared as polars compares them: NULL equals NULL, and NaN equals NaN. So no row is looked at by Python but
the few that are shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.frames import to_polars
from posthog_nb.secret import redact
from posthog_nb.visible import counted, cut, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

    from posthog_nb.frames import Table
    from posthog_nb.snapshots.asked import Answered

__all__ = ["Change", "Comparison", "compare", "compare_json"]

REORDERED = "the same rows in another order"
ROUNDED = "the same but for rounding"
_CLOSE = 1e-9
"""How far two floats are apart, relative to the larger, that are the same but for the order of a sum."""
_SHOWN = 5
"""Rows of each kind."""
_LONGEST = 120
_LONGEST_KEY = 4
"""Columns that tell rows apart."""


@dataclass(frozen=True)
class Change:
    """One row that differs.

    Attributes:
        key: The columns by which the row was found on both sides, with their values; empty for a row of one side.
        cells: The columns that differ, each with its value then and now; None where the row is not there.
    """

    key: tuple[tuple[str, str], ...]
    cells: tuple[tuple[str, str | None, str | None], ...]


@dataclass(frozen=True)
class Comparison:
    """What became of an answer.

    Attributes:
        same: Whether it is the same, in whatever order.
        detail: What is to be said of that.
        changes: The first rows that differ: changed, then those that are gone, then those that are new.
    """

    same: bool
    detail: str = ""
    changes: tuple[Change, ...] = ()


def compare(recorded: Answered, live: Answered, other: Answered) -> Comparison:
    """Compare what was recorded with what is answered now.

    Args:
        recorded: The answer then.
        live: The answer now, covered as it was then.
        other: The same, covered once more: a column that is not as in ``live`` holds pseudonyms, which no two
            recordings share, and is left out.
    """
    if told := list(_schema(recorded, live)):
        counts = f"{counted(len(recorded.table), 'row')} then, {counted(len(live.table), 'row')} now"
        return Comparison(same=False, detail="; ".join([*told, counts, *_extent(recorded, live)]))
    then, now, twin = (_frame(one.table) for one in (recorded, live, other))
    kept = [name for name in now.columns if now[name].equals(twin[name])]
    names = recorded.table.arrow.column_names
    found = _compare_rows(then.select(kept), now.select(kept), names)
    without = [names[int(name)] for name in now.columns if name not in kept]
    extent = list(_extent(recorded, live))
    if not kept and then.height != now.height:
        extent.append(f"{counted(then.height, 'row')} then, {counted(now.height, 'row')} now")
    detail = "; ".join(filter(None, [*extent, found.detail, _left_out(without)]))
    return Comparison(same=found.same and not extent, detail=detail, changes=found.changes)


def compare_json(recorded: object, live: object, other: object) -> Comparison:
    """The same for what was looked up, which is JSON."""
    then, now, twin = dict(_leaves(recorded)), dict(_leaves(live)), dict(_leaves(other))
    without = {path for path, value in now.items() if twin[path] != value}
    paths = [path for path in dict.fromkeys([*then, *now]) if path not in without and then.get(path) != now.get(path)]
    changes = tuple(
        Change((), ((_safe(_way(path)), _given(then, path), _given(now, path)),)) for path in paths[:_SHOWN]
    )
    changed = f"{counted(len(paths), 'value')} changed" if paths else ""
    detail = "; ".join(filter(None, [changed, _left_out(sorted(map(_way, without)))]))
    return Comparison(same=not paths, detail=detail, changes=changes)


def _left_out(names: Sequence[str]) -> str:
    return f"but for {_listed(names)}, whose pseudonyms cannot be compared" if names else ""


_Path = tuple[str | int, ...]


def _leaves(value: object, path: _Path = ()) -> Iterator[tuple[_Path, tuple[type, object]]]:
    match value:
        case dict() if value:
            for name, item in value.items():
                yield from _leaves(item, (*path, name))
        case list() if value:
            for number, item in enumerate(value):
                yield from _leaves(item, (*path, number))
        case _:
            # With its type: in Python 1 is True.
            yield path, (type(value), value)


def _way(path: _Path) -> str:
    """A path as one writes it, ``properties.tags[1]``. A key may have a dot, so that two are written alike."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _given(leaves: dict[_Path, tuple[type, object]], path: _Path) -> str | None:
    return _shown(leaves[path][1]) if path in leaves else None


def _schema(recorded: Answered, live: Answered) -> Iterator[str]:
    then, now = (dict(zip(one.table.arrow.column_names, one.table.kinds, strict=True)) for one in (recorded, live))
    if gone := [name for name in then if name not in now]:
        yield f"{_named(gone)} {_are(gone)} gone"
    if new := [name for name in now if name not in then]:
        yield f"{_named(new)} {_are(new)} new"
    for name, kind in then.items():
        if name in now and str(now[name]) != str(kind):
            yield f"{_named([name])} is {now[name]} and was {kind}"
    if not gone and not new and list(then) != list(now):
        yield "the columns are in another order"


def _named(names: Sequence[str]) -> str:
    return f"the column{'' if len(names) == 1 else 's'} {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    return cut(", ".join(map(_safe, names)), _LONGEST)


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _extent(recorded: Answered, live: Answered) -> Iterator[str]:
    if recorded.has_more and not live.has_more:
        yield "there were more rows, and now there are not"
    elif live.has_more and not recorded.has_more:
        yield "there are more rows, and were not"


# -- rows


def _frame(table: Table) -> pl.DataFrame:
    frame = to_polars(table)
    # Whatever the columns are called, none of them is called as one of ours.
    frame.columns = [str(number) for number in range(frame.width)]
    return frame


def _compare_rows(then: pl.DataFrame, now: pl.DataFrame, names: Sequence[str]) -> Comparison:
    if not then.width or then.equals(now):
        return Comparison(same=True)
    gone, new = _leftovers(then, now)
    if gone.is_empty() and new.is_empty():
        return Comparison(same=True, detail=REORDERED)
    if _same_but_for_rounding(gone, new):
        return Comparison(same=True, detail=ROUNDED)
    changed, key = None, _key(then, now)
    if key is not None:
        changed, gone, new = _paired(gone, new, key)
    parts = [
        f"{counted(0 if changed is None else changed.height, 'row')} changed",
        f"{counted(gone.height, 'row')} gone",
        f"{counted(new.height, 'row')} new",
    ]
    changes = [
        *([] if changed is None or key is None else _changes(changed, names, key)),
        *(_only(gone, names, then=True)),
        *(_only(new, names, then=False)),
    ]
    return Comparison(
        same=False, detail=", ".join(part for part in parts if not part.startswith("0 ")), changes=tuple(changes)
    )


def _leftovers(then: pl.DataFrame, now: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that one side has, or has more often than the other."""
    import polars as pl  # noqa: PLC0415 - for who compares, here and below

    both = pl.concat([then.with_columns(more=pl.lit(1)), now.with_columns(more=pl.lit(-1))])
    counted = both.group_by(then.columns, maintain_order=True).agg(pl.col("more").sum())
    return _repeated(counted, 1), _repeated(counted, -1)


def _repeated(counted: pl.DataFrame, sign: int) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415

    found = counted.filter(pl.col("more") * sign > 0)
    times = pl.int_range(found.height, eager=True).repeat_by(found["more"].abs()).explode()
    return found.drop("more")[times.drop_nulls()]


def _same_but_for_rounding(gone: pl.DataFrame, new: pl.DataFrame) -> bool:
    """Whether the rows are the same but for their floats, and those are as good as the same."""
    if gone.height != new.height:
        return False
    exact = [name for name, kind in gone.schema.items() if _is_plain(kind)]
    floats = [name for name, kind in gone.schema.items() if kind.is_float()]
    if order := exact + floats:
        gone, new = (side.sort(order, maintain_order=True) for side in (gone, new))
    return all(_close(gone[name], new[name]) for name in gone.columns)


def _is_plain(kind: pl.DataType) -> bool:
    """Whether it is a type of single values that are equal or not."""
    import polars as pl  # noqa: PLC0415

    return not (kind.is_nested() or kind.is_float() or kind == pl.Null)


def _close(then: pl.Series, now: pl.Series) -> bool:
    import polars as pl  # noqa: PLC0415

    if then.dtype.is_float():
        apart, larger = (then - now).abs(), pl.select(pl.max_horizontal(then.abs(), now.abs())).to_series()
        close = apart.is_finite() & (apart <= larger * _CLOSE)
        return bool((then.eq_missing(now) | close).fill_null(value=False).all())
    if isinstance(then.dtype, pl.List):
        return then.list.len().equals(now.list.len()) and _close(then.explode(), now.explode())
    if isinstance(then.dtype, pl.Struct):
        fields = (field.name for field in then.dtype.fields)
        return then.is_null().equals(now.is_null()) and all(
            _close(then.struct.field(name), now.struct.field(name)) for name in fields
        )
    return then.equals(now)


# -- which row became which


def _key(then: pl.DataFrame, now: pl.DataFrame) -> list[str] | None:
    """The first columns that tell the rows apart on both sides; None where none do.

    What is no number tells what a row is of rather than what was counted.
    """
    if then.height == now.height == 1:
        return []
    plain = [name for name, kind in then.schema.items() if _is_plain(kind)]
    of_something = [name for name in plain if not then.schema[name].is_numeric()]
    for columns in (of_something, plain):
        for length in range(1, min(len(columns), _LONGEST_KEY, then.width - 1) + 1):
            key = columns[:length]
            if all(side.select(key).n_unique() == side.height for side in (then, now)):
                return key
    return None


def _paired(gone: pl.DataFrame, new: pl.DataFrame, key: list[str]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The rows of both sides with the same key, side by side; and the rows of one side alone."""
    if not key:
        changed = gone.hstack(new.rename(lambda name: f"{name} now"))
        return changed, gone.clear(), new.clear()
    later = new.rename({name: f"{name} now" for name in new.columns if name not in key})
    changed = gone.join(later, on=key, how="inner", nulls_equal=True, maintain_order="left")
    return (
        changed,
        gone.join(new, on=key, how="anti", nulls_equal=True, maintain_order="left"),
        new.join(gone, on=key, how="anti", nulls_equal=True, maintain_order="left"),
    )


def _changes(changed: pl.DataFrame, names: Sequence[str], key: list[str]) -> Iterator[Change]:
    rest = [name for name in changed.columns if f"{name} now" in changed.columns]
    for row in changed.head(_SHOWN).iter_rows(named=True):
        pairs = [(names[int(at)], row[at], row[f"{at} now"]) for at in rest]
        yield Change(
            tuple((_safe(names[int(at)]), _shown(row[at])) for at in key),
            tuple((_safe(name), _shown(then), _shown(now)) for name, then, now in pairs if not _equal(then, now)),
        )


def _equal(then: object, now: object) -> bool:
    return then == now or (then != then and now != now)  # noqa: PLR0124 - NaN


def _only(rows: pl.DataFrame, names: Sequence[str], *, then: bool) -> Iterable[Change]:
    for row in rows.head(_SHOWN).iter_rows(named=True):
        cells = ((_safe(names[int(at)]), _shown(value)) for at, value in row.items())
        yield Change((), tuple((name, text, None) if then else (name, None, text) for name, text in cells))


def _shown(value: Any) -> str:  # noqa: ANN401 - any value of a frame
    if value is None:
        return "NULL"
    if isinstance(value, str):
        # JSON in a text is read more easily as it is than with its quotes escaped.
        return _safe(value.replace("\n", "\\n") if '"' in value else json.dumps(value, ensure_ascii=False))
    if isinstance(value, list | dict):
        return _safe(json.dumps(value, ensure_ascii=False, default=str))
    return _safe(str(value))


def _safe(text: str) -> str:
    return visible(cut(redact(text), _LONGEST))
