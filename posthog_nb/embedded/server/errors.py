"""Answers that say no, in the shapes that PostHog gives them: ``{type, code, detail, attr}``, and text on capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from posthog_nb.embedded.hogql.escape import hogql_identifier, hogql_string
from posthog_nb.embedded.server.answers import json_answer
from posthog_nb.errors import EngineError
from posthog_nb.syntax import tokenise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.errors import HogQLError

__all__ = [
    "at_fault",
    "authentication_failed",
    "not_authenticated",
    "not_found",
    "notice",
    "of_engine",
    "of_hogql",
    "of_http",
    "of_query",
    "parse_error",
    "permission_denied",
    "plain",
    "refusal",
    "server_error",
    "validation_error",
]

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="api"'}

_QUERIES_AT_FAULT = frozenset(
    {
        "AGGREGATE_FUNCTION_DOESNT_ALLOW_PARAMETERS",
        "AMBIGUOUS_COLUMN_NAME",
        "AMBIGUOUS_IDENTIFIER",
        "ARGUMENT_OUT_OF_BOUND",
        "ATTEMPT_TO_READ_AFTER_EOF",
        "BAD_ARGUMENTS",
        "BAD_TYPE_OF_FIELD",
        "CANNOT_COMPILE_REGEXP",
        "CANNOT_CONVERT_TYPE",
        "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
        "CANNOT_PARSE_BOOL",
        "CANNOT_PARSE_DATE",
        "CANNOT_PARSE_DATETIME",
        "CANNOT_PARSE_ESCAPE_SEQUENCE",
        "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
        "CANNOT_PARSE_IPV4",
        "CANNOT_PARSE_IPV6",
        "CANNOT_PARSE_NUMBER",
        "CANNOT_PARSE_QUOTED_STRING",
        "CANNOT_PARSE_TEXT",
        "CANNOT_PARSE_UUID",
        "CANNOT_READ_ARRAY_FROM_TEXT",
        "CANNOT_READ_MAP_FROM_TEXT",
        "CYCLIC_ALIASES",
        "DATA_TYPE_CANNOT_HAVE_ARGUMENTS",
        "DECIMAL_OVERFLOW",
        "DUPLICATE_COLUMN",
        "EMPTY_QUERY",
        "FUNCTION_CANNOT_HAVE_PARAMETERS",
        "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO",
        "HYPERSCAN_CANNOT_SCAN_TEXT",
        "ILLEGAL_AGGREGATION",
        "ILLEGAL_COLUMN",
        "ILLEGAL_DIVISION",
        "ILLEGAL_PREWHERE",
        "ILLEGAL_SYNTAX_FOR_DATA_TYPE",
        "ILLEGAL_TYPE_OF_ARGUMENT",
        "ILLEGAL_TYPE_OF_COLUMN_FOR_FILTER",
        "INCOMPATIBLE_COLUMNS",
        "INCOMPATIBLE_TYPE_OF_JOIN",
        "INCORRECT_DATA",
        "INCORRECT_QUERY",
        "INCORRECT_RESULT_OF_SCALAR_SUBQUERY",
        "INDEX_OF_POSITIONAL_ARGUMENT_IS_OUT_OF_RANGE",
        "INTERSECT_OR_EXCEPT_RESULT_STRUCTURES_MISMATCH",
        "INVALID_JOIN_ON_EXPRESSION",
        "INVALID_LIMIT_EXPRESSION",
        "INVALID_WITH_FILL_EXPRESSION",
        "LIMIT_BY_WITH_TIES_IS_NOT_SUPPORTED",
        "MULTIPLE_EXPRESSIONS_FOR_ALIAS",
        "NOT_AN_AGGREGATE",
        "NOT_IMPLEMENTED",
        "NO_COMMON_TYPE",
        "NUMBER_OF_ARGUMENTS_DOESNT_MATCH",
        "NUMBER_OF_COLUMNS_DOESNT_MATCH",
        "PARAMETERS_TO_AGGREGATE_FUNCTIONS_MUST_BE_LITERALS",
        "PARAMETER_OUT_OF_BOUND",
        "QUERY_WAS_CANCELLED",
        "SET_SIZE_LIMIT_EXCEEDED",
        "SIZES_OF_ARRAYS_DONT_MATCH",
        "SIZES_OF_COLUMNS_IN_TUPLE_DOESNT_MATCH",
        "SYNTAX_ERROR",
        "TOO_BIG_AST",
        "TOO_DEEP_AST",
        "TOO_DEEP_RECURSION",
        "TOO_DEEP_SUBQUERIES",
        "TOO_FEW_ARGUMENTS_FOR_FUNCTION",
        "TOO_LARGE_ARRAY_SIZE",
        "TOO_LARGE_STRING_SIZE",
        "TOO_MANY_ARGUMENTS_FOR_FUNCTION",
        "TOO_MANY_BYTES",
        "TOO_MANY_ROWS",
        "TOO_MANY_ROWS_OR_BYTES",
        "TYPE_MISMATCH",
        "UNEXPECTED_EXPRESSION",
        "UNION_ALL_RESULT_STRUCTURES_MISMATCH",
        "UNKNOWN_AGGREGATE_FUNCTION",
        "UNKNOWN_ELEMENT_OF_ENUM",
        "UNKNOWN_FUNCTION",
        "UNKNOWN_IDENTIFIER",
        "UNKNOWN_TYPE",
        "UNSUPPORTED_JOIN_KEYS",
        "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
        "WITH_TIES_WITHOUT_ORDER_BY",
        "ZERO_ARRAY_OR_TUPLE_INDEX",
    }
)
_CAPACITY = {
    "TIMEOUT_EXCEEDED": (504, "clickhouse_timeout", "The query took longer than it may."),
    "TOO_SLOW": (512, "clickhouse_estimated_query_execution_timeout", "ClickHouse expects the query to take too long."),
    "MEMORY_LIMIT_EXCEEDED": (513, "clickhouse_memory_limit_exceeded", "The query needs more memory than it may use."),
}


def refusal(  # noqa: PLR0913 - PostHog's error body has this many fields
    status: int,
    kind: str,
    code: str,
    detail: str,
    *,
    attr: str | None = None,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HTTPException:
    """An exception that answers with PostHog's error body; ``kind`` is its ``type``."""
    body: dict[str, Any] = {"type": kind, "code": code, "detail": detail, "attr": attr}
    if extra is not None:
        body["extra"] = extra
    return HTTPException(response=json_answer(body, status, headers))


def plain(status: int, text: str) -> HTTPException:
    """An exception that answers with text, as capture does."""
    return HTTPException(response=Response(text, status=status, content_type="text/plain; charset=utf-8"))


def not_authenticated() -> HTTPException:
    """401: no key came with the request."""
    detail = "Authentication credentials were not provided."
    return refusal(401, "authentication_error", "not_authenticated", detail, headers=_CHALLENGE)


def authentication_failed(detail: str) -> HTTPException:
    """401: a key came, and it is not this project's."""
    return refusal(401, "authentication_error", "authentication_failed", detail, headers=_CHALLENGE)


def permission_denied(detail: str) -> HTTPException:
    """403: the key is known and may not do this."""
    return refusal(403, "authentication_error", "permission_denied", detail)


def not_found(detail: str = "Not found.") -> HTTPException:
    """404: there is no such thing."""
    return refusal(404, "invalid_request", "not_found", detail)


def parse_error(detail: str) -> HTTPException:
    """400: the body is not what the endpoint takes."""
    return refusal(400, "invalid_request", "parse_error", f"JSON parse error - {detail}")


def validation_error(
    detail: str, *, code: str = "invalid_input", attr: str | None = None, extra: Mapping[str, Any] | None = None
) -> HTTPException:
    """400: the body is well formed and cannot be answered."""
    return refusal(400, "validation_error", code, detail, attr=attr, extra=extra)


def server_error(detail: str = "A server error occurred.", *, status: int = 500, code: str = "error") -> HTTPException:
    """5xx in PostHog's general form."""
    return refusal(status, "server_error", code, detail)


def notice(error: HogQLError) -> dict[str, Any]:
    """A refusal as PostHog's metadata has it: what is wrong, and from where to where."""
    message = error.message
    if error.hint:
        message += f"{'' if message.endswith(('.', '?', '!')) else '.'} {error.hint}"
    found: dict[str, Any] = {"message": message}
    if error.span is not None:
        found |= {"start": error.span.start, "end": error.span.end}
        fix = _fix(error)
        if fix is not None:
            found["fix"] = fix
    return found


def _fix(error: HogQLError) -> str | None:
    """The marked piece of the text with the name in it that was probably meant."""
    if error.meant is None or error.text is None or error.span is None:
        return None
    wrong, right = error.meant
    piece = error.text[error.span.start : error.span.end]
    token = next((token for token in tokenise(piece) if piece[token.start : token.end].strip("'`\"") == wrong), None)
    if token is None:
        return None
    written = hogql_string(right) if piece[token.start] == "'" else hogql_identifier(right)
    return piece[: token.start] + written + piece[token.end :]


def of_hogql(error: HogQLError, query: str) -> HTTPException:
    """400 for a query that is refused, with the place of the fault as PostHog's metadata tells it."""
    metadata = {"isValid": False, "query": query, "errors": [notice(error)], "warnings": [], "notices": []}
    detail = f"{error.message}\nHint: {error.hint}" if error.hint else error.message
    return validation_error(detail, code=error.code, extra={"hogql_metadata": metadata})


def of_engine(error: EngineError, *, attr: str | None = None) -> HTTPException:
    """What ClickHouse said, with the status that PostHog gives it.

    PostHog hides the text of an internal error. Here the reader owns the engine, so the text is shown.

    Args:
        error: What ClickHouse said.
        attr: The parameter that is at fault when the engine is not.
    """
    if error.name in _CAPACITY:
        status, code, detail = _CAPACITY[error.name]
        return server_error(detail, status=status, code=code)
    if error.name in _QUERIES_AT_FAULT:
        return validation_error(error.message, code=error.name.lower(), attr=attr)
    return server_error(f"ClickHouse: {error.message} ({error.name})")


def of_query(error: HogQLError | EngineError, query: str) -> HTTPException:
    """What a query that cannot be answered is answered with."""
    return of_engine(error) if isinstance(error, EngineError) else of_hogql(error, query)


def at_fault(error: HogQLError | EngineError) -> str | None:
    """Why the query is at fault; None when it is not, but the engine."""
    return None if isinstance(error, EngineError) and error.name not in _QUERIES_AT_FAULT else error.message


def of_http(error: HTTPException, *, method: str, rest: bool) -> Response:
    """The answer for an exception of werkzeug: one of ours as it is, a routing failure in PostHog's words."""
    if error.response is not None:
        found = error
    elif not rest:
        found = plain(error.code or 500, error.name)
    elif error.code == 405:  # noqa: PLR2004 - Method Not Allowed
        found = refusal(405, "invalid_request", "method_not_allowed", f'Method "{method}" not allowed.')
    elif error.code == 404:  # noqa: PLR2004 - Not Found
        found = not_found("Endpoint not found.")
    else:
        found = refusal(error.code or 500, "invalid_request", "invalid", error.description or error.name)
    return found.get_response()
