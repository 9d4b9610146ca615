"""Values covered: a property's becomes a mask or nothing, an id its pseudonym, in columns, nested values and JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from enum import Enum
from operator import is_
from typing import TYPE_CHECKING, Any

from posthog_nb.secret import KEY, SHORTENED_KEY
from posthog_nb.snapshots.json_text import Keys, each_text, is_null, is_text, plain_text, quoted
from posthog_nb.snapshots.leaves import by_value, may_hold, replaced_where, with_entries, with_fields, with_values
from posthog_nb.snapshots.sought import DISTINCT_IDS, NOTHING, PERSON_IDS, PROPERTIES, Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa

    from posthog_nb.snapshots.pseudonyms import Pseudonyms

__all__ = ["MASK", "Covering", "without_keys"]

MASK = "(masked)"
_ID, _IDS = "distinct_id", "distinct_ids"
_IS_JSON = re.compile(rb'"[\s\\]*[:nrtu]')
_KEY_BEGINS = re.compile(rb"ph[cxsar]_")


class How(Enum):
    """What becomes of a value. The names of those that JSON is searched for are the groups of :class:`Keys`."""

    AS_IT_IS = "as_it_is"
    MASK = "mask"
    DROP = "drop"
    DISTINCT = "distinct"
    PERSON = "person"


@dataclass(frozen=True)
class Plan:
    """What becomes of a column.

    Attributes:
        texts: Of the texts in it.
        others: Of its other values.
        parts: Of the elements, where it has tuples whose elements differ.
    """

    texts: How = How.AS_IT_IS
    others: How = How.AS_IT_IS
    parts: tuple[Plan, ...] = ()


def without_keys(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without PostHog's keys and tokens in its texts."""
    return _each_chunk(column, _redacted)


class Covering:
    """Covers values.

    Args:
        mask: The properties that become a mask.
        drop: Those that become nothing.
        ids: The pseudonyms of ids; None leaves ids as they are.
    """

    def __init__(self, mask: Iterable[str], drop: Iterable[str], ids: Pseudonyms | None) -> None:
        self._ids = ids
        names = {How.DISTINCT: DISTINCT_IDS, How.PERSON: PERSON_IDS} if ids is not None else {}
        self._how = {name: how for how, some in names.items() for name in some}
        chosen = dict.fromkeys(mask, How.MASK) | dict.fromkeys(drop, How.DROP)
        if _ID in chosen:
            # Queries make the one of the other. A person that is looked up has the list alone.
            chosen.setdefault(_IDS, chosen[_ID])
        self._how |= chosen
        groups: dict[str, list[str]] = {}
        for name, how in self._how.items():
            groups.setdefault(how.value, []).append(name)
        self._keys = Keys(groups)

    def plan(self, sure: Reach, guess: Reach = NOTHING) -> Plan:
        """What is to become of a column.

        Args:
            sure: What its values are made of.
            guess: What may be in its texts besides.
        """
        parts = () if guess else tuple(map(self.plan, sure.parts))
        return Plan(self._how_of(sure | guess), self._how_of(sure), parts)

    def _how_of(self, reach: Reach) -> How:
        """A mask rather than nothing, and that rather than a pseudonym."""
        found = {self._how[name] for name in reach.properties} | set(map(How, reach.ids))
        return next((how for how in (How.MASK, How.DROP, How.PERSON, How.DISTINCT) if how in found), How.AS_IT_IS)

    def column(self, column: pa.ChunkedArray, plan: Plan) -> pa.ChunkedArray:
        """A column of the same type, covered as planned."""
        return _each_chunk(column, lambda chunk: self._array(chunk, plan))

    def looked_up(self, column: pa.ChunkedArray, said: Callable[[str], str]) -> pa.ChunkedArray:
        """A column of what was looked up, as JSON, in whose texts ``said`` covers what was asked."""
        return _each_chunk(column, lambda chunk: by_value(chunk, lambda text: self._json(text, said)))

    # Arrow --------------------------------------------------------------------------------------------------------

    def _array(self, array: pa.Array, plan: Plan) -> pa.Array:
        import pyarrow as pa  # noqa: PLC0415 - loaded when there are answers

        kind = array.type
        if pa.types.is_string(kind):
            return self._texts(array, plan.texts)
        if pa.types.is_map(kind):
            return with_entries(array, lambda keys, items: self._entries(keys, items, plan))
        if pa.types.is_struct(kind):
            parts = plan.parts if len(plan.parts) == kind.num_fields else [replace(plan, parts=())] * kind.num_fields
            plans = [self._of_part(kind.field(number).name, part) for number, part in enumerate(parts)]
            return with_fields(array, lambda number, part: self._array(part, plans[number]))
        if pa.types.is_list(kind):
            return with_values(array, lambda values: self._array(values, plan))
        return array if plan.others is How.AS_IT_IS else pa.nulls(len(array), kind)

    def _of_part(self, name: str, plan: Plan) -> Plan:
        own = self._how.get(name, How.AS_IT_IS)
        return plan if own is How.AS_IT_IS or plan.texts is How.MASK else Plan(own, own)

    def _entries(self, keys: pa.Array, items: pa.Array, plan: Plan) -> tuple[pa.Array, pa.Array]:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        covered = self._array(items, plan)
        if pa.types.is_string(keys.type) and plan.texts is not How.MASK:
            for how in set(self._how.values()):
                hits = pc.is_in(keys, pa.array([name for name, found in self._how.items() if found is how]))
                if pc.any(hits).as_py():
                    covered = pc.if_else(hits, self._array(items, Plan(how, how)), covered)
        # A key is never null.
        return self._array(keys, replace(plan, texts=How.MASK) if plan.texts is How.DROP else plan), covered

    def _texts(self, array: pa.Array, how: How) -> pa.Array:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        match how:
            case How.MASK:
                return pc.if_else(array.is_valid(), pa.scalar(MASK), pa.scalar(None, pa.string()))
            case How.DROP:
                return pa.nulls(len(array), array.type)
            case How.DISTINCT | How.PERSON:
                return by_value(array, self._pseudonym(how))
        if not self._keys.hint or not may_hold(array, _IS_JSON):
            return array
        return replaced_where(array, pc.match_substring_regex(array, self._keys.hint), self._text)

    def _pseudonym(self, how: How) -> Callable[[str], str]:
        assert self._ids is not None  # noqa: S101 - ids are not sought without
        return self._ids.of_person if how is How.PERSON else self._ids.of

    # JSON in texts ------------------------------------------------------------------------------------------------

    def _text(self, text: str) -> str:
        return self._keys.rewritten(text, self._put)

    def _put(self, group: str, value: str, level: int) -> str | None:
        how = How(group)
        if how is How.DROP:
            return None
        if how is How.MASK:
            if is_null(value):
                return value
            return quoted(MASK, level) if is_text(value, level) or value[0] in "{[" else "null"
        pseudonym = self._pseudonym(how)
        if is_text(value, level):
            return quoted(pseudonym(plain_text(value, level)), level)
        if value[:1] in {"{", "["}:
            return each_text(value, level, lambda one: quoted(pseudonym(plain_text(one, level)), level))
        # PostHog makes a text of a number.
        return value if is_null(value) or value in {"true", "false"} else quoted(pseudonym(value), level)

    # What was looked up -------------------------------------------------------------------------------------------

    def _json(self, text: str, said: Callable[[str], str]) -> str:
        value = json.loads(text)
        covered = _each_text(self._value(value, within=False), said)
        return text if covered == value else json.dumps(covered, ensure_ascii=False)

    def _value(self, value: Any, *, within: bool) -> Any:  # noqa: ANN401 - JSON
        """A value that was looked up.

        Args:
            value: The value.
            within: Whether it stands among properties; elsewhere ``name`` and the like are PostHog's own.
        """
        match value:
            case str():
                return self._text(value)
            case list():
                return [self._value(item, within=within) for item in value]
            case dict():
                return self._object(value, within=within)
        return value

    def _object(self, value: dict[str, Any], *, within: bool) -> dict[str, Any]:
        covered: dict[str, Any] = {}
        is_person = _IDS in value
        for key, item in value.items():
            how = self._how.get(key, How.AS_IT_IS)
            # The other fields are PostHog's own, whatever they are called.
            chosen = within or key in PROPERTIES or (is_person and key == _IDS)
            if key == "value" and self._how.get(str(value.get("key"))) in {How.MASK, How.DROP}:
                # A filter of a cohort.
                covered[key] = _masked(item)
            elif is_person and key == "name" and self._how:
                # A naming property's value, or an id. The client finds a name itself where there is none.
                covered[key] = None
            elif is_person and key in {"id", "uuid"} and self._ids is not None:
                covered[key] = self._ids.of_person(str(value.get("uuid", item)))
            elif how in {How.DISTINCT, How.PERSON}:
                covered[key] = _each(item, self._pseudonym(how))
            elif chosen and how is How.DROP:
                continue
            elif chosen and how is How.MASK:
                covered[key] = _each(item, lambda _: MASK) if key == _IDS else _masked(item)
            else:
                covered[key] = self._value(item, within=within or key in PROPERTIES)
        return covered


def _masked(value: Any) -> Any:  # noqa: ANN401 - JSON
    return MASK if isinstance(value, str | list | dict) else None


def _each_text(value: Any, put: Callable[[str], str]) -> Any:  # noqa: ANN401 - JSON
    match value:
        case str():
            return put(value)
        case list():
            return [_each_text(item, put) for item in value]
        case dict():
            return {key: _each_text(item, put) for key, item in value.items()}
    return value


def _each(value: Any, put: Callable[[str], str]) -> Any:  # noqa: ANN401 - JSON
    match value:
        case str():
            return put(value)
        case list():
            return [_each(item, put) for item in value]
        case int() | float() if not isinstance(value, bool):
            return put(str(value))
    return value


def _each_chunk(column: pa.ChunkedArray, put: Callable[[pa.Array], pa.Array]) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415

    given = column.chunks
    chunks = list(map(put, given))
    if all(map(is_, chunks, given)):
        return column
    return pa.chunked_array(chunks, type=column.type)


def _redacted(array: pa.Array) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    kind = array.type
    if pa.types.is_string(kind):
        return pc.replace_substring_regex(array, KEY, SHORTENED_KEY) if may_hold(array, _KEY_BEGINS) else array
    if pa.types.is_map(kind):
        return with_entries(array, lambda keys, items: (_redacted(keys), _redacted(items)))
    if pa.types.is_struct(kind):
        return with_fields(array, lambda _, part: _redacted(part))
    if pa.types.is_list(kind):
        return with_values(array, _redacted)
    return array
