"""Cohorts: sets of persons that a project keeps, for ``IN COHORT`` and for breakdowns.

They are PostHog's own static cohorts (https://posthog.com/docs/data/cohorts), made through its cohorts endpoint
(``posthog/api/cohort.py``): from a query, which PostHog runs after it has answered, or by adding persons, at most a
thousand a request. PostHog deletes a cohort by hiding it.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, ClassVar

from posthog_nb.analysis.cohort_definition import Found, Listed, ask, identity_of, read_definition
from posthog_nb.embedded.hogql.escape import hogql_string
from posthog_nb.errors import AnswerTimeoutError, InvalidInputError, NotFoundError, PostHogError, QueryError
from posthog_nb.operations.card import card
from posthog_nb.operations.kept import look_up, real
from posthog_nb.operations.persons import Persons
from posthog_nb.operations.plain import most_rows, whole_number
from posthog_nb.visible import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from posthog_nb.analysis.asking import Asking

__all__ = ["Cohort", "cohort", "cohort_facts"]

PERSONS_A_REQUEST = 1_000
"""The most that PostHog takes at once."""
_LONGEST_NAME = 400
_COHORTS_A_PAGE = 100
_EVERYBODY = 2**53
_NOT_FOUND = 404
_REFUSED = 400
_PATIENCE_SECONDS = 600.0
_SHORTEST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Cohort:
    """A set of persons that the project keeps.

    It is a breakdown of :meth:`~posthog_nb.client.Client.trends`, of a funnel and of a retention, and queries name it:
    ``person_id IN COHORT 'Pro users'``.

    Attributes:
        id: PostHog's number for it.
        name: What it is called.
        count: How many persons were in it when it was read.
        is_static: Whether it lists persons. Else it is made of criteria in PostHog, and who is in it changes.
    """

    id: int
    name: str
    count: int
    is_static: bool
    # No field: asdict() and replace() are about the cohort and not about a connection.
    _asking: ClassVar[Asking | None] = None

    def __len__(self) -> int:
        return self.count

    def __bool__(self) -> bool:
        # A cohort of nobody is one all the same.
        return True

    def __getstate__(self) -> dict[str, Any]:
        # A copy or a pickle is about the cohort, as asdict() is: a connection's keys stay in the process.
        return {name: value for name, value in vars(self).items() if name != "_asking"}

    def persons(self, limit: int | None = None, *, frame: str | None = None) -> Any:  # noqa: ANN401 - a frame
        """Who is in it now, as :meth:`posthog_nb.operations.persons.Persons.search` gives persons, newest first.

        Args:
            limit: The most persons to return; all by default.
            frame: ``"pandas"``, ``"polars"`` or ``"arrow"``.

        Raises:
            InvalidInputError: an argument is not what it should be, or the cohort was not read by a client.
        """
        size = _EVERYBODY if limit is None else most_rows(limit)
        if self._asking is None:
            raise InvalidInputError("This cohort was not read by a client.", hint=f"Use ph.cohort({self.id}).")
        persons = Persons(self._asking.connection, self._asking.frame, self._asking.notes)
        return persons.matching([f"id IN COHORT {self.id:d}"], {}, size, frame)

    def _repr_html_(self) -> str:
        kind = "static: it lists persons" if self.is_static else "dynamic: who fulfils its criteria in PostHog"
        rows = {
            "id": self.id,
            "persons": f"{self.count:,}",
            "kind": kind,
            "in a query": f"person_id IN COHORT {hogql_string(self.name)}",
        }
        return card(rows, title=f"Cohort {self.name}")


def cohort(asking: Asking, name: str | int, definition: object = None, *, replace: bool = False) -> Cohort:
    """Make a cohort, or find one; see :meth:`posthog_nb.client.Client.cohort`."""
    if definition is None:
        if replace:
            raise InvalidInputError("replace=True needs a definition of what is to be in the cohort.")
        detail: dict[str, Any] = {"name": name.strip() if isinstance(name, str) else _number(name)}
        return _looked_up(asking, detail, lambda: cohort_facts(asking, name))
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME:
        raise InvalidInputError(f"A new cohort cannot be called {name!r}.", hint="Give it a name, as text.")
    called = name.strip()  # as PostHog does

    def made() -> dict[str, Any]:
        old = _replaceable(asking, called, replace=replace)
        return _facts(asking, _made(asking, called, read_definition(asking, definition), old))

    return _looked_up(asking, {"name": called, "made_of": identity_of(definition)}, made)


def _looked_up(asking: Asking, detail: Mapping[str, Any], live: Callable[[], dict[str, Any]]) -> Cohort:
    cohort = Cohort(**look_up(asking.connection, "cohort", detail, live))
    vars(cohort)["_asking"] = asking
    return cohort


def cohort_facts(asking: Asking, name: str | int) -> dict[str, Any]:
    """What a :class:`Cohort` has of the cohort of that name or number.

    Raises:
        NotFoundError: there is none.
        InvalidInputError: there are several of that name.
    """
    return _facts(asking, _found(asking, name))


def _facts(asking: Asking, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": found["id"],
        "name": found["name"] or "",
        "count": _count(asking, found),
        "is_static": found["is_static"],
    }


# Finding -----------------------------------------------------------------------------------------------------------


def _found(asking: Asking, name: str | int) -> Mapping[str, Any]:
    if not isinstance(name, str):
        return _by_number(asking, _number(name))
    named = _named(asking, name.strip())
    if not named:
        raise NotFoundError(
            f"There is no cohort called {name!r}.",
            status=_NOT_FOUND,
            hint="The name is to be exact. To make one, give a HogQL query or a frame of persons.",
        )
    if len(named) > 1:
        raise _ambiguous(name, named)
    return named[0]


def _number(given: object) -> int:
    number = whole_number(given)
    if number is None:
        raise InvalidInputError(f"A cohort is found by its name or its number, not by {given!r}.")
    return number


def _by_number(asking: Asking, number: int) -> Mapping[str, Any]:
    missing = NotFoundError(f"There is no cohort {number}.", status=_NOT_FOUND, hint="ph.cohort() takes a name too.")
    try:
        found: Mapping[str, Any] = asking.connection.get(f"cohorts/{number:d}/")
    except NotFoundError as error:
        raise missing from error
    if found["deleted"]:
        raise missing
    return found


def _named(asking: Asking, name: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    offset, more = 0, True
    while more:
        page = asking.connection.get("cohorts/", {"search": name, "limit": _COHORTS_A_PAGE, "offset": offset})
        found += [one for one in page["results"] if one["name"] == name]
        offset += _COHORTS_A_PAGE
        more = bool(page["next"])
    return found


def _ambiguous(name: str, named: list[Mapping[str, Any]]) -> InvalidInputError:
    numbers = " and ".join(str(one["id"]) for one in named)
    return InvalidInputError(
        f"{len(named)} cohorts are called {name!r}: {numbers}.",
        hint="Name one by its number; no query can name them by their name.",
    )


def _replaceable(asking: Asking, name: str, *, replace: bool) -> Mapping[str, Any] | None:
    """The cohort whose place a new one of this name is to take."""
    named = _named(asking, name)
    if len(named) > 1:
        raise _ambiguous(name, named)
    old = next(iter(named), None)
    if old is not None and not replace:
        persons = counted(_count(asking, old), "person")
        raise InvalidInputError(
            f"There is a cohort called {name!r} already: number {old['id']}, of {persons}.",
            hint=f"ph.cohort({name!r}) gives it; replace=True makes a new one in its place.",
        )
    if old is not None and not old["is_static"]:
        raise InvalidInputError(
            f"The cohort {name!r} is made of criteria in PostHog, which are not replaced from here.",
            hint="Choose another name, or delete it in PostHog.",
        )
    return old


# Making ------------------------------------------------------------------------------------------------------------


def _made(asking: Asking, name: str, members: Found | Listed, old: Mapping[str, Any] | None) -> Mapping[str, Any]:
    body: dict[str, object] = {"name": name, "is_static": True}
    if isinstance(members, Found):
        body["query"] = {"kind": "HogQLQuery", "query": members.query}
    made = asking.connection.create("cohorts/", body)
    path = f"cohorts/{made['id']:d}/"
    try:
        if isinstance(members, Listed):
            for start in range(0, len(members.persons), PERSONS_A_REQUEST):
                some = real(asking.connection, members.persons[start : start + PERSONS_A_REQUEST])
                asking.connection.change(f"{path}add_persons_to_static_cohort/", {"person_ids": some})
        filled = _settled(asking, name, path)
        if old is not None:
            asking.connection.change(f"cohorts/{old['id']:d}/", {"deleted": True})
    except BaseException as error:
        # Half a cohort would pass for a whole one.
        _take_back(asking, path, made["id"], error)
        raise
    return filled


def _settled(asking: Asking, name: str, path: str) -> Mapping[str, Any]:
    """The cohort when PostHog has listed its persons, which it does after it has answered; it has one at least."""
    end, pause = monotonic() + _PATIENCE_SECONDS, _SHORTEST_PAUSE
    while True:
        found: Mapping[str, Any] = asking.connection.get(path)
        if found["errors_calculating"]:
            why = found.get("last_error_message")
            raise QueryError(
                f"PostHog could not list the persons of the cohort {name!r}{f': {why}' if why else '.'}",
                status=_REFUSED,
                hint="Run the definition with ph.query() to see what is wrong with it.",
            )
        if not found["is_calculating"] and found["count"]:
            return found
        if monotonic() > end:
            raise AnswerTimeoutError(
                f"PostHog has not listed the persons of the cohort {name!r} in {_PATIENCE_SECONDS:.0f} s."
            )
        sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _take_back(asking: Asking, path: str, number: int, error: BaseException) -> None:
    try:
        asking.connection.change(path, {"deleted": True})
    except PostHogError:
        left = f"The cohort {number} is there, unfinished: delete it in PostHog."
        if not isinstance(error, PostHogError):
            raise
        error.hint = f"{error.hint} {left}" if error.hint else left


def _count(asking: Asking, found: Mapping[str, Any]) -> int:
    """PostHog's own count, or one made now where it has none yet."""
    if found["count"] is not None:
        return int(found["count"])
    return int(ask(asking, f"SELECT count() FROM persons WHERE id IN COHORT {found['id']:d}").rows[0][0])
