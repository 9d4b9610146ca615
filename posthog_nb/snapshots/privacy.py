"""What of an answer is covered before anybody sees it: chosen properties, ids, keys; and a word about emails."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from operator import is_, or_
from typing import TYPE_CHECKING, Any
from uuid import UUID

from posthog_nb.cautions import PersonalDataWarning, warn_caller
from posthog_nb.embedded.hogql.escape import hogql_string
from posthog_nb.errors import InvalidInputError, QueryError
from posthog_nb.frames.arrow import unique_names
from posthog_nb.secret import redact
from posthog_nb.snapshots.asked import QUERY
from posthog_nb.snapshots.covering import Covering, without_keys
from posthog_nb.snapshots.personal import Emails
from posthog_nb.snapshots.pseudonyms import Pseudonyms
from posthog_nb.snapshots.sought import NOTHING, Reach, Sought
from posthog_nb.snapshots.tracing import trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from posthog_nb.errors import APIError
    from posthog_nb.snapshots.asked import Answered, Asked

__all__ = ["Privacy", "Veil"]

_WAY = re.compile(r"(?:\w+\.)*(?:person_|group_)?properties\.(?=.)")
_QUOTE = re.compile("'")
_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)
"""A text as HogQL writes it, which may begin at any quote: one that stands in a name is no beginning."""
_OF_THE_QUERY = frozenset(
    {
        "ambiguous_identifier",
        "cyclic_aliases",
        "hogql_error",
        "hogql_query_error",
        "hogql_syntax_error",
        "illegal_aggregation",
        "illegal_prewhere",
        "illegal_type_of_argument",
        "invalid_join_on_expression",
        "invalid_property_filter",
        "no_common_type",
        "not_an_aggregate",
        "number_of_arguments_doesnt_match",
        "syntax_error",
        "table_access_denied",
        "unknown_function",
        "unknown_identifier",
    }
)
"""PostHog's codes for what is found wrong with a query before a value is read."""


@dataclass(frozen=True)
class Privacy:
    """What an author chose to cover.

    Attributes:
        mask: Properties whose values become a mask.
        drop: Properties that are left out.
        hash_ids: Whether distinct ids and persons' UUIDs become pseudonyms.

    Raises:
        InvalidInputError: a name is no text, or a property is in both lists.
    """

    mask: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    hash_ids: bool = False

    def __post_init__(self) -> None:
        for argument in ("mask", "drop"):
            object.__setattr__(self, argument, _names(getattr(self, argument), argument))
        if not isinstance(self.hash_ids, bool):
            raise InvalidInputError(f"hash_ids is {self.hash_ids!r}; it is True or False.", argument="hash_ids")
        both = sorted(set(self.mask) & set(self.drop))
        if both:
            raise InvalidInputError(
                f"The property {both[0]!r} is in mask and in drop.",
                hint="Mask it to see that there was a value, drop it to see nothing.",
                argument="drop",
            )

    def __bool__(self) -> bool:
        return bool(self.mask or self.drop or self.hash_ids)

    def __str__(self) -> str:
        said = [
            f"{', '.join(map(repr, names))} {'is' if len(names) == 1 else 'are'} {what}"
            for names, what in ((self.mask, "masked"), (self.drop, "left out"))
            if names
        ]
        if self.hash_ids:
            said.append("ids are pseudonyms")
        return said[0] if len(said) == 1 else " and ".join([", ".join(said[:-1]), said[-1]] if said else [])

    def as_json(self) -> dict[str, Any]:
        """As the manifest of a snapshot has it, in whatever order they were named."""
        return {"mask": sorted(self.mask), "drop": sorted(self.drop), "hash_ids": self.hash_ids}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Privacy:
        """What :meth:`as_json` gave.

        Raises:
            InvalidInputError: it is something else.
        """
        if not isinstance(found, dict) or set(found) != {"mask", "drop", "hash_ids"}:
            raise InvalidInputError(f"{found!r} is no privacy.", hint="It has mask, drop and hash_ids.")
        return cls(**found)


def _names(given: object, argument: str) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidInputError(
            f"{argument} is {given!r}.", hint=f'Give the names of properties: {argument}=["email"].', argument=argument
        )
    names = tuple(dict.fromkeys(given))
    for name in names:
        if not isinstance(name, str) or not name:
            raise InvalidInputError(f"{argument} holds {name!r}, which is no property's name.", argument=argument)
        if (way := _WAY.match(name)) is not None:
            raise InvalidInputError(
                f"{argument} holds {name!r}, which is the way to a property in a query.",
                hint=f"Give its name, which is looked for wherever it may be: {argument}=[{name[way.end() :]!r}].",
                argument=argument,
            )
    return names


class Veil:
    """The privacy of one recording at work. The salt of its pseudonyms is in no other place.

    Args:
        privacy: What to cover.
    """

    def __init__(self, privacy: Privacy) -> None:
        self.privacy = privacy
        self._ids = Pseudonyms()
        self._covering = Covering(privacy.mask, privacy.drop, self._ids if privacy.hash_ids else None)
        self._sought = Sought(frozenset(privacy.mask) | frozenset(privacy.drop), privacy.hash_ids)
        self._emails = Emails(str(privacy))
        self._asked_for: dict[str, str] = {}
        self._literals: dict[str, str] = {}
        self._warned = False

    def cover(self, asked: Asked, answered: Answered) -> Answered:
        """The answer as it may be seen and kept: with the same columns, of the same types.

        A column's name is another where an id or a key stands in it.
        """
        import pyarrow as pa  # noqa: PLC0415 - loaded when there are answers

        table = answered.table.arrow
        given = table.columns
        columns = self._covered(asked, answered, given) if self.privacy else given
        # A column without an alias is called as what it is made of, values and all.
        names, _ = unique_names(list(map(self.said, table.column_names)))
        fields = [field.with_name(name) for field, name in zip(table.schema, names, strict=True)]
        schema = pa.schema(fields, metadata=table.schema.metadata)
        arrow = pa.Table.from_arrays([without_keys(column) for column in columns], schema=schema)
        self._emails.look(asked, arrow)
        notes = list(map(self.said, answered.table.notes))
        covered = [name for name, old, new in zip(names, given, columns, strict=True) if new is not old]
        if covered:
            notes.append(f"Personal data is covered in {', '.join(map(repr, covered))}: {self.privacy}.")
        return replace(
            answered,
            table=replace(answered.table, arrow=arrow, notes=tuple(notes)),
            columns=tuple(map(self.said, answered.columns)),
            hogql=None if answered.hogql is None else self.said(answered.hogql),
        )

    def check(self, asked: Asked) -> None:
        """Refuse a query in whose text a pseudonym stands: PostHog would find nobody, and nobody be told.

        Raises:
            InvalidInputError: it is so.
        """
        found = self._ids.within(str(asked.detail.get("hogql", ""))) if self.privacy.hash_ids else None
        if found is None:
            return
        self._refuse_another(found)
        raise InvalidInputError(
            f"{found!r} in the text of the query is a pseudonym, which this recording gave out in the place of an id.",
            hint=f"Give it as a value, which is asked for: {{who}} in the query, values={{'who': {found!r}}}.",
        )

    def look(self, asked: Asked) -> None:
        """Warn of emails in a question that has no answer to cover."""
        self._emails.look(asked, None)

    def real(self, value: Any) -> Any:  # noqa: ANN401 - any value that a query can be bound to
        """A bound value in which this recording's pseudonyms are ids again, so that they can be asked for.

        Raises:
            InvalidInputError: it is another recording's pseudonym, which would find nobody.
        """
        match value:
            case str():
                real = self._ids.real(value)
                if real is None:
                    self._refuse_another(value)
                    return value
                self._asked_for[real] = self._literals[hogql_string(real)] = self._literals[f"'{real}'"] = value
                return real
            case UUID():
                real = self.real(str(value))
                return value if real == str(value) else UUID(real)
            case list() | tuple():
                found = [self.real(item) for item in value]
                return value if all(map(is_, found, value)) else type(value)(found)
        return value

    def _refuse_another(self, text: str) -> None:
        if self.privacy.hash_ids and self._ids.is_of_another(text):
            raise InvalidInputError(
                f"{text!r} is a pseudonym that another recording gave out, and nobody knows of whom.",
                hint="Run the cells above again: each client that records has pseudonyms of its own.",
            )

    def said(self, text: str) -> str:
        """What PostHog says of a question, such as the query as it understood it.

        The values that a query is bound to stand in it, in quotes, and so the ids whose pseudonyms were asked for.
        """
        # An id may be as short as 1. Without its quotes it would be found in names and numbers.
        parts, done = [], 0
        for quote in _QUOTE.finditer(text):
            literal = _LITERAL.match(text, quote.start()) if quote.start() >= done else None
            pseudonym = None if literal is None else self._literals.get(literal[0])
            if literal is not None and pseudonym is not None:
                parts += [text[done : literal.start()], f"'{pseudonym}'"]
                done = literal.end()
        return redact("".join([*parts, text[done:]]))

    def refusal(self, error: APIError) -> str:
        """Why PostHog refused a question. ClickHouse quotes what it cannot read, which may be a covered value."""
        if not self.privacy or not isinstance(error, QueryError) or error.code in _OF_THE_QUERY:
            message = self.said(error.message)
            for real, pseudonym in list(self._asked_for.items()):  # others may ask meanwhile
                if real in message:
                    message = re.sub(rf"(?<![\w-]){re.escape(real)}(?![\w-])", pseudonym, message)
            return message
        why = (error.code or "no reason is given").replace("_", " ")
        return f"ClickHouse refused this query: {why}. What it said may quote a value that is covered, and is left out."

    def _covered(self, asked: Asked, answered: Answered, columns: list[pa.ChunkedArray]) -> list[pa.ChunkedArray]:
        if asked.kind == "schema":
            return columns  # names of columns, which properties may have too
        if asked.kind != QUERY:
            return [self._covering.looked_up(column, self.said) for column in columns]
        values = asked.detail["values"]
        # PostHog was asked for the ids, so where a query shows what it is bound to, those stand.
        reached = {name: found for name, value in values.items() if (found := self._reach_of(value))}
        traced = trace(self._sought, asked.detail["hogql"], values, answered.columns, reached)
        if not traced.read and not self._warned:
            self._warned = True
            warn_caller(
                "A query cannot be read here, so the names of its columns alone tell which ones hold what is to be"
                " covered. Look at its rows before you give the snapshot away.",
                PersonalDataWarning,
            )
        return [
            self._covering.column(column, self._covering.plan(sure, guess))
            for column, sure, guess in zip(columns, traced.sure, traced.guesses, strict=True)
        ]

    def _reach_of(self, value: Any) -> Reach:  # noqa: ANN401 - JSON
        """What a bound value holds: ids where there are pseudonyms in it."""
        if isinstance(value, list):
            return reduce(or_, map(self._reach_of, value), NOTHING)
        kind = self._ids.kind(value) if isinstance(value, str) else None
        return NOTHING if kind is None else Reach(ids=frozenset({kind}))

    def __repr__(self) -> str:
        return f"Veil({self.privacy!r})"

    def __reduce__(self) -> str | tuple[object, ...]:
        msg = "A Veil is not pickled: the salt of its pseudonyms would leave the process."
        raise TypeError(msg)
