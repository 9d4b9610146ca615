"""A connection in the words of PEP 249: a client, and the cursors that ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.client import Client
from posthog_nb.connecting import connect as connect_client
from posthog_nb.dbapi.cursor import Cursor
from posthog_nb.dbapi.errors import InterfaceError, in_pep_249_s_words

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Connection", "connect"]


class Connection:
    """A connection to one PostHog project. There are no transactions, as HogQL only reads.

    Attributes:
        client: Who is asked.
        dialect: The kin of HogQL that tools know, for their colours.
    """

    dialect = "clickhouse"

    def __init__(self, client: Client, *, owned: bool, timeout: float | None = None) -> None:
        self.client = client
        self._owned = owned
        self._timeout = timeout
        self._closed = False

    def cursor(self) -> Cursor:
        """A new cursor."""
        self.check_open()
        return Cursor(self, timeout=self._timeout)

    def commit(self) -> None:
        """Do nothing: nothing was written."""
        self.check_open()

    def rollback(self) -> None:
        """Do nothing: nothing was written."""
        self.check_open()

    def close(self) -> None:
        """Close the connection, and its client where that was made for it."""
        if self._owned and not self._closed:
            self.client.close()
        self._closed = True

    def check_open(self) -> None:
        """Refuse to go on when it is closed.

        Raises:
            InterfaceError: it is.
        """
        if self._closed:
            raise InterfaceError("The connection is closed.", hint="Make another: posthog_nb.dbapi.connect(...).")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Connection to {self.client.source}{', closed' if self._closed else ''}>"


def connect(
    target: str | None = None,
    *,
    client: Client | None = None,
    timeout: float | None = None,
    **options: Any,  # noqa: ANN401 - those of posthog_nb.connect
) -> Connection:
    """Connect to a PostHog project.

    Args:
        target: As for :func:`posthog_nb.connect`.
        client: A client that is there already; it stays open when the connection is closed.
        timeout: Seconds to wait for each answer; None for as long as it takes.
        options: The other arguments of :func:`posthog_nb.connect`.

    Raises:
        InterfaceError: both a client and what to make one of are given, or what is given as the client is none.
        ProgrammingError: an argument is not what it should be.
        OperationalError: the settings are missing or contradict each other.
    """
    if client is None:
        if isinstance(target, Client):
            raise InterfaceError("The target is a client.", hint="Name it: connect(client=ph).")
        with in_pep_249_s_words():
            return Connection(connect_client(target, **options), owned=True, timeout=timeout)
    if target is not None or options:
        raise InterfaceError("A client is connected already.", hint="Leave out the other arguments, or the client.")
    if not isinstance(client, Client):
        raise InterfaceError(
            f"The client is of type {type(client).__name__}.",
            hint="Give a client, as posthog_nb.connect() makes it, or a target without client=.",
        )
    return Connection(client, owned=False, timeout=timeout)
