"""Write the tables of ``docs/reliability.md`` from what the tests expect of every fault.

Run ``python -m tools.reliability_page`` after a change of ``tools/faults.txt``. ``tests/test_faults.py`` plays each
fault on each operation and holds it against that file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PAGE", "READS", "WRITES", "Expected", "expectations", "rendered"]

PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
FAULTS = Path(__file__).parent / "faults.txt"
WRITES = ("capture", "page", "screen", "identify", "alias", "capture_many")
READS = ("query", "persons.search", "persons.get", "persons.get(17)", "persons.events")
"""``get`` by a UUID is a query, by a number a read of the REST API."""

WORDS = ("ok", "again", "later", "instead", "error")
_BEGIN, _END = "<!-- generated -->", "<!-- end -->"


@dataclass(frozen=True)
class Expected:
    """What becomes of one operation under one fault.

    Attributes:
        fault: The fault's name in ``tests/twin_faults.py``.
        operation: The operation.
        word: What becomes of it when the fault strikes once: one of :data:`WORDS`.
        error: The error's class, raised at once or when the fault stays; None where there is none.
        topic: The heading of the fault.
        told: What the fault is, for a reader.
    """

    fault: str
    operation: str
    word: str
    error: str | None
    topic: str
    told: str


def expectations(operations: tuple[str, ...] = (*WRITES, *READS)) -> Iterator[Expected]:
    """What is expected of every operation under every fault, in the order of the page."""
    lines = list(_lines())
    single = {(line.fault, line.operation): line for line in lines if line.operation not in {"reads", "writes"}}
    for line in lines:
        for operation in operations:
            if line.operation == ("writes" if operation in WRITES else "reads"):
                own = single.get((line.fault, operation), line)
                yield replace(own, operation=operation, topic=line.topic, told=line.told)


def _lines() -> Iterator[Expected]:
    topic = ""
    for line in FAULTS.read_text().splitlines():
        if line.startswith("## "):
            topic = line[3:]
        elif line and not line.startswith("#"):
            name, reads, error, writes, their, told = (part.strip() for part in line.split(";"))
            fault, _, operation = (part.strip() for part in name.partition("@"))
            for whose, word, kind in (("reads", reads, error), ("writes", writes, their)):
                if operation and (operation in WRITES) != (whose == "writes"):
                    continue
                if word not in WORDS:
                    raise ValueError(f"{name!r} is {word!r}, which is none of {', '.join(WORDS)}")
                yield Expected(fault, operation or whose, word, None if kind == "-" else kind, topic, told)


def rendered(page: str) -> str:
    """The page with its table made anew."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{_tables()}\n\n{_END}{after}"


def _tables() -> str:
    return "\n\n".join(
        f"### {topic}\n\n{_table(list(of_topic))}" for topic, of_topic in groupby(expectations(), lambda one: one.topic)
    )


def _table(cells: list[Expected]) -> str:
    head = ("What happens", *WRITES, "a write's error", *READS, "a read's error")
    rows = [head, ("---",) * len(head)]
    for _, group in groupby(cells, lambda one: one.fault):
        row = {one.operation: one for one in group}
        rows.append((row["capture"].told, *_half(row, WRITES), *_half(row, READS)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _half(row: dict[str, Expected], operations: tuple[str, ...]) -> Iterator[str]:
    yield from (row[operation].word for operation in operations)
    errors = dict.fromkeys(f"`{error}`" for operation in operations if (error := row[operation].error) is not None)
    yield ", ".join(errors)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
