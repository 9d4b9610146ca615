"""The one way out: a requests session with signing per call, retries, a redirect rule and errors in PostHog's terms."""

from __future__ import annotations

from posthog_nb.http.faults import Question
from posthog_nb.http.session import Http

__all__ = ["Http", "Question"]
