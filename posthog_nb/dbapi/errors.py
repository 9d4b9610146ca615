"""The exceptions of PEP 249, each of them also a :class:`posthog_nb.PostHogError`.

::

    Error                       a PostHogError
    ├── InterfaceError          the connection or the cursor is closed, or has no result
    └── DatabaseError
        ├── OperationalError    no answer, no permission, too many requests, the data moved
        ├── ProgrammingError    the query or its values were refused
        ├── NotSupportedError   what a database of this kind cannot do
        └── DataError, IntegrityError, InternalError    PEP 249's; nothing here raises them

nor does anything raise PEP 249's ``Warning``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from posthog_nb.errors import InvalidInputError, MissingDependencyError, NotFoundError, PostHogError, QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Warning",
    "in_pep_249_s_words",
]


class Warning(Exception):  # noqa: A001, N818 - its name in PEP 249
    """PEP 249's; nothing here raises it."""


class Error(PostHogError):
    """Any error of a database. ``__cause__`` is the one that the client raised, with all that is known of it."""

    def _details(self) -> list[str]:
        cause = self.__cause__
        return cause._details() if isinstance(cause, PostHogError) else []  # noqa: SLF001 - of this class


class InterfaceError(Error):
    """The connection or the cursor is closed, or there is no result to fetch from."""


class DatabaseError(Error):
    """Something that has to do with the database."""


class OperationalError(DatabaseError):
    """No answer, no permission, too many requests, or data that moved while it was fetched."""


class ProgrammingError(DatabaseError):
    """The query or its values were refused."""


class NotSupportedError(DatabaseError):
    """What HogQL, which only reads, cannot do."""


class DataError(DatabaseError):
    """PEP 249's; nothing here raises it."""


class IntegrityError(DatabaseError):
    """PEP 249's; nothing here raises it."""


class InternalError(DatabaseError):
    """PEP 249's; nothing here raises it."""


_PROGRAMMING = (QueryError, InvalidInputError, NotFoundError)


@contextmanager
def in_pep_249_s_words() -> Iterator[None]:
    """Raise what the client raises as the exception of PEP 249 that says so."""
    try:
        yield
    except Error:
        raise
    except PostHogError as error:
        kind: type[Error] = OperationalError
        if isinstance(error, _PROGRAMMING):
            kind = ProgrammingError
        elif isinstance(error, MissingDependencyError):
            kind = InterfaceError
        raised = kind(error.message, hint=error.hint, text=error.text, span=error.span)
        raised.may_have_arrived = error.may_have_arrived
        raise raised from error
