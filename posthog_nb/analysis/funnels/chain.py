"""A query as a chain of named parts, each made of the one before, to be read from top to bottom."""

from __future__ import annotations

from posthog_nb.analysis.text import indented

__all__ = ["Chain", "select"]


def select(columns: list[str], source: str, **clauses: str | None) -> str:
    """A SELECT, its columns one a line.

    Args:
        columns: What is selected.
        source: What stands after FROM.
        clauses: What follows, such as ``group_by="actor"``; None for what does not.
    """
    listed = ",\n".join(f"  {indented(one, 2)}" for one in columns)
    lines = [f"SELECT\n{listed}", f"FROM {source}"]
    lines += [f"{name.replace('_', ' ').upper()} {text}" for name, text in clauses.items() if text is not None]
    return "\n".join(lines)


class Chain:
    """The parts of a query, in the order that they are read in.

    HogQL writes an alias out wherever it is used, so that a step made of the step before would double with each: a part
    of its own is worked out once.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[str, str]] = []

    @property
    def last(self) -> str:
        """The name of the last part."""
        return self._parts[-1][0]

    def add(self, name: str, query: str) -> None:
        """Add a part."""
        self._parts.append((name, query))

    def go_on(self, name: str, columns: list[str], where: str | None = None) -> None:
        """Add a part with all columns of the last one and more."""
        self.add(name, select(["*", *columns], self.last, where=where))

    def query(self, final: str) -> str:
        """The parts, and the SELECT at their end."""
        parts = ",\n".join(f"  {name} AS (\n    {indented(query, 4)}\n  )" for name, query in self._parts)
        return f"WITH\n{parts}\n{final}"
