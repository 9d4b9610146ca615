"""Emails that are about to be kept: counted, told of once, and never shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from posthog_nb.cautions import PersonalDataWarning, warn_caller
from posthog_nb.snapshots.asked import QUERY
from posthog_nb.snapshots.leaves import leaves_of, may_hold
from posthog_nb.visible import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from posthog_nb.snapshots.asked import Asked

__all__ = ["Emails", "count_emails", "has_email"]

_AT = r"(?:@|%40|\\u0040)"
_EMAIL = rf"[\w.+\-]{_AT}[\w\-]+(?:\.[\w\-]+)*\.[A-Za-z]{{2,}}"
_FOUND = re.compile(_EMAIL)
_IN_ARROW = _EMAIL.replace(r"\w", r"\pL\pN_")
# Three simple searches take a tenth of the time of one for any of the three.
_SIGNS = tuple(map(re.compile, (b"@", b"%40", rb"\\u0040")))


def has_email(text: str) -> bool:
    """Whether an email stands in ``text``, as it is or with its @ as URLs and JSON may write it."""
    return _FOUND.search(text) is not None


def count_emails(texts: pa.Array) -> int:
    """In how many of ``texts`` one stands."""
    import pyarrow.compute as pc  # noqa: PLC0415 - loaded when there are answers

    if not any(may_hold(texts, sign) for sign in _SIGNS):
        return 0
    likely = texts.filter(pc.match_substring_regex(texts, _AT))
    return pc.sum(pc.match_substring_regex(likely, _IN_ARROW)).as_py() or 0


class Emails:
    """Tells of emails, once for each place.

    Args:
        covered: How the properties and ids that are covered are called, for the sentence; empty when nothing is.
    """

    def __init__(self, covered: str) -> None:
        self._covered = covered
        self._told: set[str] = set()

    def look(self, asked: Asked, table: pa.Table | None) -> None:
        """Warn of those in a question, and in its answer if it has one, that nobody has been warned of."""
        found: dict[str, str] = {}
        columns = [] if table is None else zip(table.column_names, table.columns, strict=True)
        for place, (name, column) in enumerate(columns, 1):
            if number := sum(count_emails(leaf) for chunk in column.chunks for leaf in leaves_of(chunk)):
                # A column without an alias is called as what it is made of.
                called = f"column {place}" if has_email(name) else f"the column {name!r}"
                found[f"{called} ({counted(number, 'value')})"] = f"column {name}"
        found |= {place: place for place, texts in _question(asked) if any(map(has_email, texts))}
        new = [shown for shown, place in found.items() if place not in self._told]
        self._told.update(found.values())
        if new:
            still = f"although {self._covered}" if self._covered else "as they are"
            warn_caller(
                f"Emails are about to be recorded {still}, in {_listed(new)}. Whoever reads the snapshot reads them."
                ' mask=["email"] covers a property, drop=["email"] leaves it out, hash_ids=True covers distinct ids;'
                " a value that a query names is best left out of it.",
                PersonalDataWarning,
            )


def _question(asked: Asked) -> Iterator[tuple[str, list[str]]]:
    if asked.kind != QUERY:
        yield "what was looked up", list(_texts(asked.detail))
        return
    yield "the text of a query", [str(asked.detail.get("hogql", ""))]
    for name, value in asked.detail.get("values", {}).items():
        yield f"the value of {name!r}", list(_texts(value))


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    match value:
        case str():
            yield value
        case list() | tuple():
            for item in value:
                yield from _texts(item)
        case dict():
            for name, item in value.items():
                yield name
                yield from _texts(item)


def _listed(places: list[str]) -> str:
    return places[0] if len(places) == 1 else f"{', '.join(places[:-1])} and {places[-1]}"
