"""What holds for every error of the tree."""

from __future__ import annotations

import copy
import pickle

import pytest

from posthog_nb import errors
from posthog_nb.errors import APIError, CaptureRejected, EngineError, PostHogError, Span
from posthog_nb.http import Question, Reply
from posthog_nb.http.faults import error_of


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
