"""PostHog's functions about surveys, as the HogQL that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.build import all_of, call, compare, field, select, value

if TYPE_CHECKING:
    from posthog_nb.embedded.hogql.refuse import Refuse

__all__ = ["survey_response", "unique_submissions"]

_RESPONSE = "$survey_response"
_MOST_DIGITS = 9


def survey_response(node: ast.Call, refuse: Refuse) -> ast.Node:
    """``getSurveyResponse(index[, question ID[, several]])``: the answer by the question's ID, else by its place."""
    index, question, several = (*(_constant(arg) for arg in node.args), None, None)[:3]
    if not isinstance(node.args[0], ast.Constant):
        raise refuse("getSurveyResponse first argument must be a constant")
    digits = str(index)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
        raise refuse("getSurveyResponse first argument must be a valid integer")
    place = int(digits)
    by_id = value(f"{_RESPONSE}_{question}") if question else _key_by_id(place)
    by_place = value(_RESPONSE if place == 0 else f"{_RESPONSE}_{place}")
    if several:
        answers = _json("JSONExtractArrayRaw", by_id)
        return call("if", call("notEmpty", answers), answers, _json("JSONExtractArrayRaw", by_place))
    texts = (_json("JSONExtractString", key) for key in (by_id, by_place))
    return call("coalesce", *(call("nullIf", text, value("")) for text in texts))


def unique_submissions(node: ast.Call, refuse: Refuse) -> ast.Node:
    """``uniqueSurveySubmissionsFilter(survey[, from[, to]])``: the last event of each submission of a survey."""
    for place, arg in zip(("first", "second", "third"), node.args, strict=False):
        if not isinstance(arg, ast.Constant):
            raise refuse(f"uniqueSurveySubmissionsFilter {place} argument must be a constant")
    survey, *bounds = node.args
    submission = field("properties", "$survey_submission_id")
    nameless = compare(call("coalesce", submission, value("")), "==", "")
    last = select(
        call("argMax", field("uuid"), field("timestamp")),
        table="events",
        where=all_of(
            [
                compare(field("event"), "==", "survey sent"),
                compare(field("properties", "$survey_id"), "==", survey),
                *(compare(field("timestamp"), op, bound) for op, bound in zip((">=", "<="), bounds, strict=False)),
            ]
        ),
        group_by=(call("if", nameless, call("toString", field("uuid")), submission),),
    )
    return compare(field("uuid"), "in", last)


def _constant(node: ast.Node) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _json(function: str, key: ast.Node) -> ast.Node:
    return call(function, field("properties"), key)


def _key_by_id(place: int) -> ast.Node:
    """The key of the answer to one of the questions that the event lists."""
    question = call("arrayElement", _json("JSONExtractArrayRaw", value("$survey_questions")), value(place + 1))
    return call("concat", value(f"{_RESPONSE}_"), call("JSONExtractString", question, value("id")))
