"""What a verification found: whether each recorded answer is the same today."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.frames import JsonRows, Table, decode, to_frame
from posthog_nb.operations.card import Html, escaped, folded, framed, heading
from posthog_nb.snapshots.telling import rows_told, values_told, what_told
from posthog_nb.visible import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import pandas as pd
    import polars as pl

    from posthog_nb.snapshots.asked import Asked
    from posthog_nb.snapshots.comparing import Change

__all__ = ["STATUSES", "Outcome", "Verification"]

STATUSES: Mapping[str, str] = {"differs": "≠", "gone": "✗", "not asked": "!", "not comparable": "?", "same": "✓"}
"""Each status and its sign, those first that a reader has to look at."""

_COLUMNS = {
    "status": "String",
    "asked": "String",
    "values": "String",
    "rows": "String",
    "then": "Nullable(Int64)",
    "now": "Nullable(Int64)",
    "detail": "String",
    "hint": "Nullable(String)",
    "recorded_at": "DateTime64(0, 'UTC')",
    "key": "String",
}

# A colour that can be told on light and on dark; the sign and the word say the same.
_STYLE = (
    ".posthog-nb-verification table.v{border-collapse:collapse;width:100%;margin:2px 0 8px;table-layout:auto;"
    "font-size:inherit;color:inherit}"
    ".posthog-nb-verification table.v :is(th,td){text-align:left;vertical-align:top;padding:3px 12px 3px 0;border:0;"
    "border-bottom:1px solid rgba(128,128,128,.3)}"
    ".posthog-nb-verification table.v th{font-weight:500;opacity:.75;white-space:nowrap}"
    ".posthog-nb-verification .w{white-space:nowrap}"
    ".posthog-nb-verification .s{font-weight:600;overflow-wrap:normal}"
    ".posthog-nb-verification .a{width:36%}"
    # On a narrow page the table scrolls: a query a letter wide is no query.
    ".posthog-nb-verification table.v :is(.a,td:last-child:not(:empty)){min-width:14em}"
    ".posthog-nb-verification .n{text-align:right!important;white-space:nowrap}"
    ".posthog-nb-verification .same{color:#2b8a3e}"
    ".posthog-nb-verification .differs{color:#d9480f}"
    ".posthog-nb-verification .gone{color:#e03131}"
    ".posthog-nb-verification :is(ins,del){text-decoration:none}"
    ".posthog-nb-verification ins{font-weight:600}"
    ".posthog-nb-verification table.v ul{margin:2px 0;padding:0;list-style:none}"
    ".posthog-nb-verification table.v code{background:none;padding:0;font-size:.9em}"
)


@dataclass(frozen=True)
class Outcome:
    """What became of one recorded answer.

    Attributes:
        status: ``"same"``, ``"differs"``, ``"gone"`` (PostHog refuses it now), ``"not asked"`` (it could not be asked
            now) or ``"not comparable"``.
        asked: What was asked.
        recorded_at: When the answer was recorded.
        then: How many rows it had; None for a refusal and for what has no rows.
        now: How many it has now.
        detail: What changed, or why nobody can tell; empty where there is nothing to say.
        changes: The first rows that differ.
        hint: What may be the reason; of what was not asked, the next step.
    """

    status: str
    asked: Asked
    recorded_at: datetime
    then: int | None = None
    now: int | None = None
    detail: str = ""
    changes: tuple[Change, ...] = ()
    hint: str | None = None

    @property
    def query(self) -> str:
        """The query; of a look-up, what was looked up."""
        found: str = self.asked.detail.get("hogql") or what_told(self.asked)
        return found


@dataclass(frozen=True, repr=False)
class Verification:
    """Whether a snapshot holds: what each of its answers is today.

    Attributes:
        snapshot: What the snapshot is called.
        source: Who was asked.
        outcomes: One an answer, in the order in which they were first asked.
        notes: Sentences that hold for all of them.
    """

    snapshot: str
    source: str
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether something was compared, and all that was is the same: nothing differs, is gone or was not asked."""
        statuses = {one.status for one in self.outcomes}
        return "same" in statuses and statuses <= {"same", "not comparable"}

    @property
    def counts(self) -> dict[str, int]:
        """How many answers have which status."""
        found = Counter(one.status for one in self.outcomes)
        return {status: found[status] for status in STATUSES if found[status]}

    def __len__(self) -> int:
        return len(self.outcomes)

    def __bool__(self) -> bool:
        # ``if verification`` would be read as ``if verification.ok`` by one and as "is there one" by another.
        return True

    def to_pandas(self) -> pd.DataFrame:
        """A row an answer: status, asked, values, rows, then, now, detail, hint, recorded_at, key."""
        frame: pd.DataFrame = to_frame(self._table(), "pandas")
        return frame

    def to_polars(self) -> pl.DataFrame:
        """The same as a polars frame."""
        frame: pl.DataFrame = to_frame(self._table(), "polars")
        return frame

    def _table(self) -> Table:
        rows: list[list[Any]] = [
            [
                one.status,
                what_told(one.asked),
                values_told(one.asked),
                rows_told(one.asked),
                one.then,
                one.now,
                "; ".join(_details(one)),
                one.hint,
                one.recorded_at.isoformat(),
                one.asked.key,
            ]
            for one in self.outcomes
        ]
        return decode(list(_COLUMNS), list(_COLUMNS.values()), JsonRows.of(rows))

    @property
    def _title(self) -> str:
        number = len(self.outcomes)
        counts = ", ".join(f"{count:,} {_plural(status, count)}" for status, count in self.counts.items())
        found = f"{counted(number, 'answer')}: {counts}" if number else "nothing to compare"
        return f"{self.snapshot}, asked again of {self.source}: {found}"

    def __repr__(self) -> str:
        lines = [self._title, *self.notes]
        for one in self._by_status():
            # Of what is the same as it was, the title has the number.
            lines += _lines(one) if one.status != "same" or one.detail else []
        return visible("\n".join(lines))

    def _by_status(self) -> Iterator[Outcome]:
        for status in STATUSES:
            yield from (one for one in self.outcomes if one.status == status)

    def _repr_html_(self) -> str:
        shown = [one for one in self._by_status() if one.status != "same"]
        same = [one for one in self.outcomes if one.status == "same"]
        parts = [heading(self._title), *(Html(f'<div class="q">{escaped(note)}</div>') for note in self.notes)]
        if shown:
            parts.append(_table(shown))
        if same:
            parts.append(folded(f"{len(same):,} the same", _table(same)) if shown else _table(same))
        return framed(*parts, style=_STYLE, kind="verification")


def _plural(status: str, count: int) -> str:
    return "differ" if status == "differs" and count > 1 else status


def _details(one: Outcome) -> list[str]:
    return [one.detail, *map(_change_text, one.changes)] if one.detail else list(map(_change_text, one.changes))


def _lines(one: Outcome) -> list[str]:
    where = ", ".join(filter(None, [values_told(one.asked), rows_told(one.asked)]))
    first = f"  {STATUSES[one.status]} {one.status}  {what_told(one.asked)}{f'  ({where})' if where else ''}"
    hint = [] if one.hint is None else [one.hint]
    return [first, *(f"      {line}" for line in [*_details(one), *hint])]


def _sign(change: Change) -> str:
    """How a diff marks it: a row that is gone, one that is new, one that changed."""
    if all(now is None for _, _, now in change.cells):
        return "-"
    return "+" if all(then is None for _, then, _ in change.cells) else "~"


def _change_text(change: Change) -> str:
    key = ", ".join(f"{name} {text}" for name, text in change.key)
    cells = ", ".join(f"{name} {' -> '.join(filter(None, [then, now]))}" for name, then, now in change.cells)
    return f"{_sign(change)} {key}: {cells}" if key else f"{_sign(change)} {cells}"


def _change_html(change: Change) -> str:
    key = ", ".join(f"{escaped(name)} {escaped(text)}" for name, text in change.key)
    cells = ", ".join(_cell_html(*cell) for cell in change.cells)
    return f"<li>{_sign(change)} {key}: {cells}</li>" if key else f"<li>{_sign(change)} {cells}</li>"


def _cell_html(name: str, then: str | None, now: str | None) -> str:
    if then is None or now is None:
        return f"{escaped(name)} {escaped(then or now or '')}"
    return f"{escaped(name)} <del>{escaped(then)}</del> → <ins>{escaped(now)}</ins>"


def _table(outcomes: list[Outcome]) -> Html:
    head = "".join(f'<th scope="col">{name}</th>' for name in ("", "asked", "rows", "then", "now", "what changed"))
    return Html(f'<table class="v"><thead><tr>{head}</tr></thead><tbody>{"".join(map(_row, outcomes))}</tbody></table>')


def _row(one: Outcome) -> str:
    told = what_told(one.asked)
    asked = f"<code>{escaped(told)}</code>"
    if told != one.query:
        asked = folded(asked, f"<pre>{escaped(one.query)}</pre>")
    values = values_told(one.asked)
    changed = [
        escaped(one.detail),
        f"<ul>{''.join(map(_change_html, one.changes))}</ul>" if one.changes else "",
        f'<div class="q">{escaped(one.hint)}</div>' if one.hint else "",
    ]
    cells = (
        f'<td class="s {one.status.replace(" ", "-")}">{STATUSES[one.status]}&nbsp;{one.status}</td>',
        f'<td class="a">{asked}{f"<div class=q>{escaped(values)}</div>" if values else ""}</td>',
        f'<td class="w">{escaped(rows_told(one.asked))}</td>',
        *(f'<td class="n">{"" if number is None else f"{number:,}"}</td>' for number in (one.then, one.now)),
        f"<td>{''.join(changed)}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"
