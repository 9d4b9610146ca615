"""The body of a query request, checked as PostHog checks it: a key that it does not know is refused.

JSON in a parameter of other requests is read here too, with the same care.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from posthog_nb.embedded.hogql import NO_FILTERS, PERSON_MODES, QueryFilters, read_filters
from posthog_nb.embedded.server import errors
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from werkzeug.exceptions import HTTPException
    from werkzeug.wrappers import Request

__all__ = ["HogQLRequest", "invalid", "json_list", "json_object", "read_request"]

LARGEST_BODY = 10 * 1024 * 1024
LONGEST_NAME = 128

_BODY = frozenset(
    {
        "async",
        "client_query_id",
        "filters_override",
        "limit_context",
        "name",
        "query",
        "refresh",
        "session_id",
        "variables_override",
    }
)
_NODE = frozenset(
    {
        "connectionId",
        "explain",
        "filters",
        "kind",
        "modifiers",
        "name",
        "query",
        "response",
        "sendRawQuery",
        "tags",
        "values",
        "variables",
        "version",
    }
)
_KINDS: Mapping[str, frozenset[str]] = {
    "HogQLQuery": _NODE,
    "HogQLMetadata": frozenset(
        {"debug", "filters", "globals", "kind", "language", "modifiers", "query", "response", "sourceQuery", "tags"}
        | {"variables", "version"}
    ),
    "HogQLAutocomplete": frozenset(
        {"connectionId", "endPosition", "filters", "globals", "kind", "language", "modifiers", "query", "response"}
        | {"sourceQuery", "startPosition", "tags", "variables", "version"}
    ),
    "DatabaseSchemaQuery": frozenset({"kind", "modifiers", "response", "tags", "version"}),
}
"""The kinds of query that are answered, and the fields of each."""

_NOT_ANSWERED = ("connectionId", "sendRawQuery")
_BLOCKING = frozenset({"blocking", "force_blocking", "force_cache", "async_except_on_cache_miss"})
"""Nothing is cached here, so the last one always misses and blocks."""

_LATER = frozenset({"async", "lazy_async", "force_async"})

_MODIFIERS_USED = frozenset({"convertToProjectTimezone", "debug", "personsOnEventsMode", "timings"})
_SWITCHES = ("convertToProjectTimezone", "debug", "timings")
"""Those of them that are true or false."""

_MODIFIERS_WITHOUT_EFFECT = frozenset(
    {
        "dataWarehouseEventsModifiers",
        "forceClickhouseDataSkippingIndexes",
        "formatCsvAllowDoubleQuotes",
        "inCohortVia",
        "materializationMode",
        "materializedColumnsOptimizationMode",
        "optimizeJoinedFilters",
        "optimizeProjections",
        "personsArgMaxVersion",
        "personsJoinMode",
        "propertyGroupsMode",
        "s3TableUseInvalidColumns",
        "usePreaggregatedIntermediateResults",
        "usePreaggregatedTableTransforms",
        "usePresortedEventsTable",
        "useMaterializedViews",
    }
)
"""How PostHog computes, not what: the same rows come back."""


@dataclass(frozen=True)
class HogQLRequest:
    """One HogQL query to answer.

    Attributes:
        query: Its text.
        query_id: The handle to cancel it by: the client's own, or one made here.
        values: What its placeholders stand for.
        variables: What its ``{variables.name}`` stand for, by their code names.
        filters: What its ``{filters}`` stands for.
        modifiers: The modifiers as they were sent.
        refresh: How it is to be answered, in PostHog's word for it.
        kind: What is asked: for rows, or about a query or the tables.
        node: All its fields, for what only one kind has.
    """

    query: str
    query_id: str
    values: Mapping[str, object] = field(default_factory=dict)
    modifiers: Mapping[str, object] = field(default_factory=dict)
    refresh: str = "blocking"
    kind: str = "HogQLQuery"
    variables: Mapping[str, object] = field(default_factory=dict)
    filters: QueryFilters = NO_FILTERS
    node: Mapping[str, Any] = field(default_factory=dict)

    @property
    def later(self) -> bool:
        """Whether the rows are fetched later, by the query's id."""
        return self.refresh in _LATER

    @property
    def anew(self) -> bool:
        """Whether an earlier query of the same id does not count."""
        return self.refresh == "force_async"

    @property
    def in_project_timezone(self) -> bool:
        """Whether times are the project's; only an exact false says no."""
        return self.modifiers.get("convertToProjectTimezone") is not False

    @property
    def person_mode(self) -> str | None:
        """Where an event's person comes from, when the request says so."""
        mode = self.modifiers.get("personsOnEventsMode")
        return mode if isinstance(mode, str) else None


def read_request(request: Request, kind: str | None = None) -> HogQLRequest:
    """Read and check the body of a request.

    Args:
        request: The request.
        kind: The kind that the path names, if it does.

    Raises:
        HTTPException: 400, in PostHog's words.
    """
    body = json_object(request, "QueryRequest")
    _forbid_extras(body, _BODY, "")
    node = body.get("query")
    if not isinstance(node, Mapping):
        raise invalid("query", "Field required")
    known = _check_kind(node, kind)
    _forbid_extras(node, _KINDS[known], f"query.{known}.")
    _check_answered(body, node)
    _check_labels(body, node)
    refresh = _refresh(body)
    modifiers = _mapping(node, "modifiers")
    _check_modifiers(modifiers)
    query = node.get("query", "" if known == "DatabaseSchemaQuery" else None)
    if not isinstance(query, str):
        raise invalid("query.HogQLQuery.query", "Input should be a string")
    query_id = body.get("client_query_id")
    if query_id is not None and not isinstance(query_id, str):
        raise invalid("client_query_id", "Input should be a string")
    variables = _variables(node, "query.HogQLQuery.variables") | _variables(body, "variables_override")
    return HogQLRequest(
        query,
        query_id or str(uuid4()),
        _mapping(node, "values"),
        modifiers,
        refresh,
        known,
        variables,
        _filters(node, body),
        node,
    )


def json_list(request: Request, name: str) -> list[Any]:
    """A parameter in the query string that is a JSON list; an empty one when it is left out.

    Raises:
        HTTPException: 400, in PostHog's words, when it is not.
    """
    text = request.args.get(name)
    try:
        found = _json(text) if text else []
    except ValueError as error:
        raise errors.validation_error(f"'{name}' must be a JSON list: {error}.", attr=name) from error
    if not isinstance(found, list):
        raise errors.validation_error(f"'{name}' must be a JSON list.", attr=name)
    return found


def json_object(request: Request, model: str | None = None) -> dict[str, Any]:
    """The JSON object that a request has for a body.

    Args:
        request: The request.
        model: The class that PostHog reads it with, where its errors name one.

    Raises:
        HTTPException: 413 or 400, in PostHog's words, when it is too large or no JSON object.
    """
    if (request.content_length or 0) > LARGEST_BODY:
        raise errors.refusal(413, "invalid_request", "parse_error", "Request body too large.")
    try:
        body = _json(request.get_data(as_text=False).decode())
    except ValueError as error:
        raise errors.parse_error(str(error)) from error
    if not isinstance(body, dict):
        if model is None:
            raise errors.validation_error(f"Invalid data. Expected a dictionary, but got {type(body).__name__}.")
        raise errors.parse_error(f"1 validation error for {model}\n  Input should be a valid dictionary")
    return body


def _json(text: str) -> Any:  # noqa: ANN401 - JSON is anything
    """What JSON text says, if another program can say it too.

    Raises:
        ValueError: it is not JSON, nested too deep, or holds text that has no encoding.
    """
    try:
        found = json.loads(text, parse_constant=_no_constant)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text holds half of a surrogate pair") from error
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def invalid(place: str, fault: str) -> HTTPException:
    """400 in the words of PostHog's validation, for one field."""
    return errors.parse_error(f"1 validation error for QueryRequest\n{place}\n  {fault}")


def _forbid_extras(body: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    extras = sorted(body.keys() - known)
    if extras:
        places = "".join(f"\n{where}{name}\n  Extra inputs are not permitted" for name in extras)
        errors_found = "1 validation error" if len(extras) == 1 else f"{len(extras)} validation errors"
        raise errors.parse_error(f"{errors_found} for QueryRequest{places}")


def _check_kind(node: Mapping[str, Any], kind: str | None) -> str:
    found = node.get("kind")
    if kind is not None and found != kind:
        raise errors.validation_error(f"Query kind mismatch: the path says {kind} and the body says {found}.")
    if not isinstance(found, str) or found not in _KINDS:
        raise errors.validation_error(
            f"Query kind {found!r} is not answered by the embedded project; {', '.join(_KINDS)} are.", attr="query"
        )
    return found


def _check_answered(body: Mapping[str, Any], node: Mapping[str, Any]) -> None:
    for name in _NOT_ANSWERED:
        if body.get(name) or node.get(name):
            raise errors.validation_error(f"'{name}' is not answered by the embedded project.", attr=name)


def _check_labels(body: Mapping[str, Any], node: Mapping[str, Any]) -> None:
    """Check what has no effect here and is refused all the same when PostHog could not read it."""
    _check_text(body, "name")
    if len(body.get("name") or "") > LONGEST_NAME:
        raise invalid("name", f"String should have at most {LONGEST_NAME} characters")
    _check_text(node, "name", "query.HogQLQuery.")
    _mapping(node, "tags")
    if body.get("limit_context") not in (None, "posthog_ai"):
        raise invalid("limit_context", "Input should be 'posthog_ai'")


def _check_text(found: Mapping[str, Any], name: str, where: str = "") -> None:
    if found.get(name) is not None and not isinstance(found[name], str):
        raise invalid(f"{where}{name}", "Input should be a valid string")


def _variables(holder: Mapping[str, Any], place: str) -> dict[str, object]:
    """The values of the query's variables by their code names; one that is null is NULL."""
    given = holder.get(place.rpartition(".")[2]) or {}
    if not isinstance(given, Mapping):
        raise invalid(place, "Input should be a valid dictionary")
    found: dict[str, object] = {}
    for key, variable in given.items():
        name = variable.get("code_name") if isinstance(variable, Mapping) else None
        if not isinstance(name, str):
            raise invalid(f"{place}.{key}.code_name", "Field required")
        if variable.get("isNull"):
            found[name] = None
        elif "value" in variable and variable["value"] is not None:
            found[name] = variable["value"]
    return found


def _filters(node: Mapping[str, Any], body: Mapping[str, Any]) -> QueryFilters:
    """The query's own filters, and over them those of the dashboard that it is asked for."""
    own = _read_filters("query.HogQLQuery.filters", _mapping(node, "filters"))
    override = dict(_mapping(body, "filters_override"))
    dates = {name: override.pop(name) for name in ("date_from", "date_to", "explicitDate") if name in override}
    over = _read_filters("filters_override", override | {"dateRange": dates})
    dated = over if over.date_from or over.date_to else own
    return QueryFilters(
        dated.date_from,
        dated.date_to,
        (*own.properties, *over.properties),
        own.without_test_accounts or over.without_test_accounts,
    )


def _read_filters(place: str, found: Mapping[str, Any]) -> QueryFilters:
    try:
        return read_filters(found)
    except InvalidInputError as error:
        raise invalid(place, str(error)) from error


def _refresh(body: Mapping[str, Any]) -> str:
    later = body.get("async")
    if later is not None and not isinstance(later, bool):
        raise invalid("async", "Input should be a valid boolean")
    refresh = body.get("refresh")
    if refresh is None and later:
        return "async"
    if refresh is None or isinstance(refresh, bool):
        return "force_blocking" if refresh else "blocking"
    if not isinstance(refresh, str) or refresh not in _BLOCKING | _LATER:
        raise invalid("refresh", f"Unknown value {refresh!r}")
    return refresh


def _check_modifiers(modifiers: Mapping[str, object]) -> None:
    for name, value in modifiers.items():
        if value is not None and name not in _MODIFIERS_USED | _MODIFIERS_WITHOUT_EFFECT:
            raise errors.validation_error(f"Modifier '{name}' is not answered by the embedded project.", attr="query")
    for name in _SWITCHES:
        if not isinstance(modifiers.get(name), bool | None):
            raise invalid(f"query.HogQLQuery.modifiers.{name}", "Input should be a valid boolean")
    mode = modifiers.get("personsOnEventsMode")
    if mode is not None and mode not in PERSON_MODES:
        raise invalid(
            "query.HogQLQuery.modifiers.personsOnEventsMode", f"Input should be one of {', '.join(PERSON_MODES)}"
        )


def _mapping(node: Mapping[str, Any], name: str) -> Mapping[str, object]:
    found = node.get(name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise invalid(f"query.HogQLQuery.{name}", "Input should be a valid dictionary")
    return found
