"""What holds for every error of the tree."""

from __future__ import annotations

import copy
import pickle

import pytest

from posthog_nb import errors
from posthog_nb.errors import APIError, CaptureRejected, EngineError, PostHogError, Span
from posthog_nb.http import Question, Reply
from posthog_nb.http.faults import error_of
from tests.leaks import KEY


def one_of(kind: type[PostHogError]) -> PostHogError:
    if issubclass(kind, APIError):
        asked = {"query_id": "q", "text": "SELECT evnt", "span": Span(7, 11)}
        return kind("No.", status=400, code="c", retry_after=2.0, hint="Do.", **asked)
    if kind is EngineError:
        return EngineError("No.", name="TYPE_MISMATCH")
    return CaptureRejected(400, "No.", tag="empty_batch") if kind is CaptureRejected else kind("No.", hint="Do.")


def through_a_pipe(error: PostHogError) -> PostHogError:
    return pickle.loads(pickle.dumps(error))  # noqa: S301 - written here


KINDS = [kind for name in errors.__all__ if issubclass(kind := getattr(errors, name), PostHogError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_comes_back_whole_from_another_process(kind: type[PostHogError]) -> None:
    error = one_of(kind)
    error.may_have_arrived = True
    for again in (through_a_pipe(error), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is kind
        assert (str(again), again.args, again.lines()) == (str(error), error.args, error.lines())
        assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("query", status) for status in (401, 402, 403, 404, 429, 500, 502, 503, 504, 512, 513)]
    + [("capture", status) for status in (401, 402, 404, 413)],
)
def test_an_answer_that_says_nothing_becomes_an_error_with_a_next_step(kind: str, status: int) -> None:
    error = error_of(Reply(status, "", {}, b""), Question(kind=kind))
    assert str(status) in error.message or status in {512, 513}
    assert error.hint


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("SELECT ", "", "SELECT evnt"),
        ("x, " * 60, "", f"…{('x, ' * 60)[-50:]}evnt"),
        ("SELECT ", ", x" * 60, f"SELECT evnt{', x' * 60}"[:100] + "…"),
        (f"SELECT '{KEY}', ", "", "SELECT 'phx_...', evnt"),
    ],
    ids=["short", "far to the right", "goes on for long", "behind a key"],
)
def test_a_long_line_is_cut_around_the_place_and_the_caret_is_under_it(before: str, after: str, shown: str) -> None:
    error = APIError("No.", status=400, text=f"{before}evnt{after}", span=Span(len(before), len(before) + 4))
    line, carets = (one.removeprefix("  line 1: ") for one in error.lines()[1:3])
    assert line == shown
    assert (carets.strip(), carets.index("^") - 10) == ("^^^^", line.index("evnt"))


@pytest.mark.parametrize("between", range(0, 100, 3))
def test_no_part_of_a_key_is_left_where_a_line_is_cut(between: int) -> None:
    before = f"SELECT '{KEY}', {'x' * between}, "
    asked = {"text": f"{before}evnt{', y' * 60}", "span": Span(len(before), len(before) + 4)}
    told = "\n".join(APIError("No.", status=400, **asked).lines())
    assert not any(KEY[start : start + 6] in told for start in range(4, len(KEY) - 6))
