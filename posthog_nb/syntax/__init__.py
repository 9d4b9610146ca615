"""PostHog's own HogQL parser, without PostHog, and quick on nested queries."""

from __future__ import annotations

from posthog_nb.syntax.parsing import MAX_NESTING, MAX_QUERY_LENGTH, parse_select
from posthog_nb.syntax.tokens import Token, tokenise
from posthog_nb.syntax.wheel import parser_available

__all__ = ["MAX_NESTING", "MAX_QUERY_LENGTH", "Token", "parse_select", "parser_available", "tokenise"]
