"""Which of the notebook's own variables a query takes its values from."""

from __future__ import annotations

import datetime as dt
import uuid
from difflib import get_close_matches
from typing import TYPE_CHECKING

from posthog_nb.errors import InvalidInputError, MissingParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from posthog_nb.errors import Span

__all__ = ["collect_values", "names_of_values"]

_MOST_SHOWN = 10
_IPYTHONS = frozenset({"In", "Out", "exit", "quit"})
_PLAIN = (str, bool, int, float, dt.date, uuid.UUID, list, tuple, set, frozenset)


def collect_values(
    text: str, placeholders: Iterable[tuple[str, Span]], params: Mapping[str, object], namespace: Mapping[str, object]
) -> dict[str, object]:
    """A value for each ``{name}`` of the query: from ``params``, else from the variable of exactly that name.

    Raises:
        MissingParameterError: a name is in neither; it says what is there.
        InvalidInputError: a ``--param`` is used nowhere.
    """
    values: dict[str, object] = {}
    names: set[str] = set()
    for name, span in placeholders:
        names.add(name)
        if name in params:
            values[name] = params[name]
        elif name in namespace:
            values[name] = namespace[name]
        else:
            raise MissingParameterError(
                f"The query uses {{{name}}}, and there is no variable or --param of that name.",
                hint=_what_there_is(name, params, namespace),
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


def _what_there_is(name: str, params: Mapping[str, object], namespace: Mapping[str, object]) -> str:
    in_scope = [
        key
        for key, value in {**namespace, **params}.items()
        if not key.startswith("_") and key not in _IPYTHONS and _is_value(value)
    ]
    near = get_close_matches(name, in_scope, n=3)
    if near:
        told = f"Perhaps you meant {' or '.join(f'{{{key}}}' for key in near)}? Or set it: {name} = ..."
    else:
        told = f"Set it in a cell above ({name} = ...) or on the line (--param {name}=...)."
    if not in_scope:
        return told
    # The latest are last in a namespace.
    shown = sorted(in_scope[-_MOST_SHOWN:])
    more = f" and {len(in_scope) - len(shown)} more" if len(in_scope) > len(shown) else ""
    return f"{told} In scope: {', '.join(shown)}{more}."


def _is_value(value: object) -> bool:
    """Whether it looks like a value for a query, and not like a module, a function or a frame."""
    return value is None or isinstance(value, _PLAIN) or hasattr(value, "tolist") or hasattr(value, "to_list")


def names_of_values(namespace: Mapping[str, object]) -> list[str]:
    """The notebook's own variables that hold a value for a query, the latest first."""
    own = (name for name in namespace if not name.startswith("_") and name not in _IPYTHONS)
    return [name for name in own if namespace[name] is not None and _is_value(namespace[name])][::-1]
