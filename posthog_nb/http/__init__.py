"""The one way out: a requests session with signing per call, retries, a redirect rule and errors in PostHog's terms."""

from __future__ import annotations

from posthog_nb.http.budget import AT_ONCE, Budget, budget_for
from posthog_nb.http.deadline import Deadline
from posthog_nb.http.faults import Question
from posthog_nb.http.retry import CAPTURE, ONCE, READ, Policy
from posthog_nb.http.session import Http, note_doubt
from posthog_nb.http.wire import Reply, Request

__all__ = [
    "AT_ONCE",
    "CAPTURE",
    "ONCE",
    "READ",
    "Budget",
    "Deadline",
    "Http",
    "Policy",
    "Question",
    "Reply",
    "Request",
    "budget_for",
    "note_doubt",
]
