"""What works with a client's settings: the report that :func:`posthog_nb.operations.checking.check` writes."""

from __future__ import annotations

from dataclasses import dataclass

from posthog_nb.operations.card import card
from posthog_nb.visible import visible

__all__ = ["Check", "Part"]

_STATES = {True: "ok", False: "not ok", None: "not tried"}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that was checked.

    Attributes:
        name: ``"host"``, ``"project"``, ``"time zone"``, ``"read"``, ``"scopes"``, ``"token"`` or ``"write"``.
        ok: Whether it works; None when it was not tried or could not be told.
        found: What was found.
        advice: The next step, or None.
    """

    name: str
    ok: bool | None
    found: str
    advice: str | None = None

    @property
    def state(self) -> str:
        """``"ok"``, ``"not ok"`` or ``"not tried"``."""
        return _STATES[self.ok]


@dataclass(frozen=True, repr=False)
class Check:
    """What works with a client's settings, and what to do about what does not.

    Attributes:
        source: The target, such as ``"demo"`` or ``"eu.posthog.com"``.
        host: Where queries go.
        project_id: The project's number, or None.
        project_name: Its name, where the key may read it, else None.
        timezone: Its time zone, or None.
        scopes: What the key may do as PostHog tells it, ``("*",)`` for all; None when it does not.
        missing_scopes: Those that this package needs and the key does not have.
        event_uuid: The id of the event that ``check(write=True)`` sent, or None.
        parts: Each thing that was checked: ``name``, ``ok``, ``state``, ``found``, ``advice``.
    """

    source: str
    host: str
    project_id: int | None = None
    project_name: str | None = None
    timezone: str | None = None
    scopes: tuple[str, ...] | None = None
    missing_scopes: tuple[str, ...] = ()
    event_uuid: str | None = None
    parts: tuple[Part, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing that was tried failed."""
        return all(part.ok is not False for part in self.parts)

    def part(self, name: str) -> Part:
        """One part by its name.

        Raises:
            KeyError: there is no such part.
        """
        found = {part.name: part for part in self.parts}
        return found[name]

    @property
    def _summary(self) -> str:
        failed = [part.name for part in self.parts if part.ok is False]
        return f"{self.source}: " + (f"not ok: {', '.join(failed)}" if failed else "all that was tried works")

    def __repr__(self) -> str:
        lines = [self._summary]
        for part in self.parts:
            lines.append(f"  {part.state:<9}  {part.name:<9}  {part.found}")
            if part.advice:
                lines.append(f"{'':24}{part.advice}")
        return visible("\n".join(lines))

    def _repr_html_(self) -> str:
        return card(
            {part.name: " ".join(filter(None, [f"{part.state}:", part.found, part.advice])) for part in self.parts},
            title=self._summary,
        )
