"""A journey as a timeline: HTML for a notebook, text for a terminal.

Equal events that follow each other are one line with their number. What is left out is said: events before these,
events beyond what a page can hold, and an event's further properties.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from posthog_nb.operations.card import Html, escaped, folded, framed, heading, shortened, time_html
from posthog_nb.operations.spans import in_words
from posthog_nb.operations.story import Told, told
from posthog_nb.visible import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from posthog_nb.operations.journey import Journey, Session, Step

__all__ = ["journey_html", "journey_text"]

_MOST_EVENTS = 5_000
"""Events on one page; the newest where there are more."""
_OPEN_SESSIONS = 3
_OPEN_LINES = 40
"""A journey of no more events is all open, and a session shows so many lines before it folds."""
_TEXT_LINES = 60
_SHOWN_IDS = 5

# Two classes, as JupyterLab indents lists by a rule of the weight of one.
_STYLE = "".join(
    f".posthog-nb.posthog-nb-journey {rule}"
    for rule in (
        ":is(ol,ul){list-style:none;margin:0;padding:0}",
        "ol ol{margin:2px 0 4px 4px;padding-left:12px;border-left:2px solid rgba(128,128,128,.35)}",
        "li{margin:0;padding:1px 0;overflow:hidden}",
        ":is(b,i,span){unicode-bidi:isolate}",
        "time{font-variant-numeric:tabular-nums;margin-right:4px}",
        "ol ol time{opacity:.75}",
        "summary{padding:2px 0}",
        "b{font-weight:600;margin-right:4px}",
        "i{font-style:normal;opacity:.75;margin-right:4px}",
        ".g{opacity:.75;font-size:.9em;padding:6px 0 6px 18px}",
        ".m{margin-right:4px;padding:0 6px;border:1px solid rgba(128,128,128,.6);border-radius:8px}",
    )
)


@dataclass(frozen=True, slots=True)
class _Line:
    """Events that are shown alike and follow each other.

    Attributes:
        steps: The events.
        told: What is said of each of them.
        under: The distinct id, where it is another than that of the event before.
    """

    steps: tuple[Step, ...]
    told: Told
    under: str | None


@dataclass(frozen=True, slots=True)
class _Part:
    """A session, or its end where a page cannot hold more.

    Attributes:
        session: The session.
        steps: The events that are shown.
        gap: How long after what came before it begins; None for the first.
    """

    session: Session
    steps: tuple[Step, ...]
    gap: str | None

    def about(self, journey: Journey) -> list[str]:
        """What there is to say of it in a few words, after its beginning."""
        session, count = self.session, len(self.session.steps)
        first = session.steps[0]
        entry = next((where for step in session.steps if (where := told(step).where)), None)
        device = [str(first.properties[key]) for key in ("$browser", "$os") if first.properties.get(key)]
        return [
            *([in_words(session.duration)] if session.duration.total_seconds() >= 1 else []),
            counted(count, "event"),
            *([f"from {entry}"] if entry else []),
            *([shortened(" on ".join(device))] if device else []),
            *(["no session id"] if session.id is None else []),
            *(["may have begun earlier"] if journey.has_more and first.place == 0 else []),
            *([f"its first {count - len(self.steps):,} events are not shown"] if count > len(self.steps) else []),
        ]

    def lines(self, *, several_ids: bool) -> Iterator[_Line]:
        """Its events, equal ones together."""
        before: str | None = None
        for (distinct_id, said), some in groupby(self.steps, key=lambda step: (step.distinct_id, told(step))):
            under = distinct_id if several_ids and distinct_id != before else None
            before = distinct_id
            yield _Line(tuple(some), said, under)


def journey_html(journey: Journey) -> str:
    """The timeline of a notebook."""
    parts, hidden = _parts(journey)
    several = len(_ids(journey)) > 1
    all_open = len(journey) <= _OPEN_LINES
    items = []
    for number, part in enumerate(parts):
        gap = "" if part.gap is None else f'<div class="g">{escaped(part.gap)}</div>'
        summary = f"{time_html(part.steps[0].timestamp)} " + escaped(" · ".join(part.about(journey)))
        lines = [_line_html(line, part.session.start) for line in part.lines(several_ids=several)]
        shown, rest = lines[:_OPEN_LINES], lines[_OPEN_LINES:]
        steps = f"<ol>{''.join(shown)}</ol>"
        if rest:
            steps += folded(f"{len(rest):,} more lines of this session", f"<ol>{''.join(rest)}</ol>")
        is_open = " open" if all_open or number < _OPEN_SESSIONS else ""
        items.append(f"<li>{gap}<details{is_open}><summary>{summary}</summary>{steps}</details></li>")
    return framed(
        heading(f"Journey of {shortened(journey.person.name)}"),
        *(f'<div class="q">{escaped(note)}</div>' for note in _notes(journey, hidden)),
        f"<ol>{''.join(items)}</ol>" if items else "",
        style=_STYLE,
        kind="journey",
    )


def journey_text(journey: Journey) -> str:
    """The timeline of a terminal: its first lines."""
    parts, hidden = _parts(journey)
    head = [f"Journey of {shortened(journey.person.name)}", *_notes(journey, hidden)]
    lines: list[str] = []
    shown = 0
    for text, steps in _text_lines(journey, parts):
        if len(lines) >= _TEXT_LINES:
            lines.append(f"... {len(journey) - hidden - shown:,} more events: .to_frame() has all")
            break
        lines.append(text)
        shown += steps
    return "\n".join(visible(line.replace("\n", " ")) for line in [*head, *lines])


def _text_lines(journey: Journey, parts: Sequence[_Part]) -> Iterator[tuple[str, int]]:
    """Each line, and how many events it tells of."""
    several = len(_ids(journey)) > 1
    for part in parts:
        if part.gap is not None:
            yield f"  ({part.gap})", 0
        yield " · ".join([f"{part.steps[0].timestamp:%Y-%m-%d %H:%M:%S}", *part.about(journey)]), 0
        for line in part.lines(several_ids=several):
            yield "    " + "  ".join([_time(line.steps[0], part.session.start), *_words(line)]), len(line.steps)


def _words(line: _Line) -> list[str]:
    said = line.told
    return [
        said.event,
        *([said.where] if said.where else []),
        *said.details,
        *([f"+{said.further}"] if said.further else []),
        *([f"[{said.moment}]"] if said.moment else []),
        *([f"[under {line.under}]"] if line.under else []),
        *([f"x {len(line.steps):,}"] if len(line.steps) > 1 else []),
    ]


def _line_html(line: _Line, start: datetime) -> Html:
    said, first, last = line.told, line.steps[0], line.steps[-1]
    words = [
        time_html(first.timestamp, _time(first, start)),
        f"<b>{escaped(said.event)}</b>",
        *([f"<span>{escaped(said.where)}</span>"] if said.where else []),
        *(f"<i>{escaped(detail)}</i>" for detail in said.details),
        *([f"<i>+{said.further}</i>"] if said.further else []),
        *([f'<span class="m">{escaped(said.moment)}</span>'] if said.moment else []),
        *([f'<span class="m">under {escaped(line.under)}</span>'] if line.under else []),
    ]
    if len(line.steps) > 1:
        until = time_html(last.timestamp, _time(last, start))
        words.append(f"<span>\N{MULTIPLICATION SIGN} {len(line.steps):,}, until {until}</span>")
    return Html(f"<li>{' '.join(words)}</li>")


def _time(step: Step, start: datetime) -> str:
    of_another_day = step.timestamp.date() != start.date()
    return f"{step.timestamp:%Y-%m-%d %H:%M:%S}" if of_another_day else f"{step.timestamp:%H:%M:%S}"


def _parts(journey: Journey) -> tuple[list[_Part], int]:
    """The sessions of the newest events, and how many events are left out before them."""
    hidden = max(0, len(journey) - _MOST_EVENTS)
    parts: list[_Part] = []
    latest: datetime | None = None
    for session in journey.sessions:
        if steps := tuple(step for step in session.steps if step.place >= hidden):
            parts.append(_Part(session, steps, None if latest is None else _gap(latest, session.start)))
            latest = session.end if latest is None else max(latest, session.end)
    return parts, hidden


def _gap(before: datetime, start: datetime) -> str:
    # Of one zone, Python subtracts what the clocks show, and they are changed twice a year.
    span = start.astimezone(UTC) - before.astimezone(UTC)
    if span.total_seconds() < 0:
        return "meanwhile"
    return "right after" if span.total_seconds() < 1 else f"{in_words(span)} later"


def _ids(journey: Journey) -> list[str]:
    return list(dict.fromkeys(step.distinct_id for session in journey.sessions for step in session.steps))


def _notes(journey: Journey, hidden: int) -> list[str]:
    count, sessions = len(journey), journey.sessions
    place = f"time zone {journey.timezone} · {journey.person.source}"
    if not sessions:
        return [f"no events · {place}"]
    ids = _ids(journey)
    start, end = min(session.start for session in sessions), max(session.end for session in sessions)
    days = " to ".join(dict.fromkeys(f"{moment:%Y-%m-%d}" for moment in (start, end)))
    notes = [f"{counted(count, 'event')} in {counted(len(sessions), 'session')} · {days} · {place}"]
    if journey.has_more:
        notes.append("These are the newest; there are earlier ones: give journey() a larger limit, or before=.")
    if hidden:
        notes.append(f"The {hidden:,} oldest of them are not shown here: .to_frame() has all.")
    if len(ids) > 1:
        more = f" and {len(ids) - _SHOWN_IDS:,} more" if len(ids) > _SHOWN_IDS else ""
        notes.append(f"Under {len(ids):,} distinct ids: {', '.join(ids[:_SHOWN_IDS])}{more}.")
    if nameless := sum(len(session.steps) for session in sessions if session.id is None):
        notes.append(f"{counted(nameless, 'event')} without $session_id, put together by pauses of 30 minutes.")
    notes.append("An event shows its page and a few properties, +3 for three more; .to_frame() has all of them.")
    return notes
