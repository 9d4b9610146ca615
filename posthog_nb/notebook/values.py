"""The notebook's own variables as typed values for a query."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import InvalidInputError, MissingParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from posthog_nb.errors import Span

__all__ = ["collect_values", "plain_value"]

_PLAIN = (str, bool, int, float, dt.date, decimal.Decimal, uuid.UUID)


def collect_values(
    text: str, placeholders: Iterable[tuple[str, Span]], params: Mapping[str, object], namespace: Mapping[str, object]
) -> dict[str, object]:
    """A value for each ``{name}`` of the query: from ``params``, else from the variable of exactly that name.

    Raises:
        MissingParameterError: a name is in neither; it says what is near.
        InvalidInputError: a variable is of a kind that cannot be sent, or a ``--param`` is used nowhere.
    """
    values: dict[str, object] = {}
    names: set[str] = set()
    for name, span in placeholders:
        names.add(name)
        if name in params:
            values[name] = params[name]
        elif name in namespace:
            values[name] = plain_value(name, namespace[name])
        else:
            raise MissingParameterError(
                f"The query uses {{{name}}}, and there is no variable or --param of that name.",
                hint=_near(name, params, namespace),
                text=text,
                span=span,
            )
    unused = sorted(set(params) - names)
    if unused:
        raise InvalidInputError(
            f"--param {unused[0]} is given, and the query has no {{{unused[0]}}}.",
            hint=f"The query uses {', '.join(f'{{{name}}}' for name in sorted(names)) or 'no parameter'}.",
        )
    return values


def _near(name: str, params: Mapping[str, object], namespace: Mapping[str, object]) -> str:
    in_scope = [
        key for key, value in {**namespace, **params}.items() if not key.startswith("_") and _is_sendable(value)
    ]
    near = get_close_matches(name, in_scope, n=3)
    if near:
        return f"Perhaps you meant {' or '.join(f'{{{key}}}' for key in near)}? Or set it: {name} = ..."
    return f"Set it in a cell above ({name} = ...) or on the line (--param {name}=...)."


def _is_sendable(value: object) -> bool:
    return value is None or isinstance(value, (*_PLAIN, list, tuple)) or hasattr(value, "tolist")


def plain_value(name: str, value: Any) -> object:  # noqa: ANN401 - a notebook's variable is anything
    """The value as Python's own type: a number, text, date, UUID, None, or a list of them.

    NumPy scalars and arrays, pandas and polars series, sets and pandas' timestamps are taken for what they hold;
    pandas' NaT and NA are None.

    Raises:
        InvalidInputError: the value is of another kind, a frame or a dict for example.
    """
    if value is None or _is_missing(value):
        return None
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [plain_value(name, item) for item in items]
    if hasattr(value, "to_pydatetime"):  # pd.Timestamp; before the check for datetime, which it also is
        return value.to_pydatetime(warn=False)
    if hasattr(value, "tolist") and not hasattr(
        value, "columns"
    ):  # NumPy scalars and arrays, pandas series and indexes
        held = value.tolist()
        return plain_value(name, held) if held is not value else held
    if isinstance(value, _PLAIN):
        return value
    if hasattr(value, "to_list") and not hasattr(value, "columns"):  # polars series
        return plain_value(name, value.to_list())
    raise InvalidInputError(
        f"{{{name}}} is a {type(value).__name__}, which is no value for a query.",
        hint="Numbers, text, dates, UUIDs, None, and lists or series of them are.",
    )


def _is_missing(value: object) -> bool:
    # pd.NaT and pd.NA, without importing pandas: both are singletons of classes of these names.
    return type(value).__name__ in {"NaTType", "NAType"}
