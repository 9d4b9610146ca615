"""IPython's matcher: what could be typed at the cursor of a `%%hogql` cell, of a magic's line, of a query in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion

from posthog_nb.embedded.hogql.completion import complete
from posthog_nb.notebook.completion.line import complete_line
from posthog_nb.notebook.completion.project import place_in, project_at
from posthog_nb.notebook.completion.shown import is_harmless
from posthog_nb.notebook.values import names_of_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from posthog_nb.embedded.hogql.completion import Suggestion
    from posthog_nb.notebook.completion.place import Place

__all__ = ["match"]

_WORDS = {"Folder": "table", "Keyword": "keyword", "Function": "function"}


def match(context: CompletionContext, shell: InteractiveShell) -> SimpleMatcherResult:
    """What could be typed at the cursor, the likeliest first.

    Where HogQL or options are written, Python's guesses are left out; matchers that others have added are heard.
    """
    lines = context.full_text.split("\n")
    cursor = sum(len(line) + 1 for line in lines[: context.cursor_line]) + context.cursor_position
    place = place_in(context.full_text, cursor, shell)
    if place is None:
        return {"completions": [], "matched_fragment": "", "suppress": False}
    if place.kind == "options":
        fragment, found = complete_line(place, shell)
    else:
        fragment, found = _complete_query(place, shell)
    if place.quote:
        return {"completions": found, "matched_fragment": fragment, "ordered": True, "suppress": False}
    # IPython leaves guesses out for a matcher that has something to say: where nothing fits, that is what stands there.
    completions = found or [SimpleCompletion(fragment, type="text")]
    suppress = _matchers_of_python(shell)
    return {"completions": completions, "matched_fragment": fragment, "ordered": True, "suppress": suppress}


def _matchers_of_python(shell: InteractiveShell) -> set[str]:
    completer: Any = shell.Completer
    return {
        matcher.matcher_identifier for matcher in completer.matchers if getattr(matcher, "__self__", None) is completer
    }


def _complete_query(place: Place, shell: InteractiveShell) -> tuple[str, list[SimpleCompletion]]:
    project = project_at(place, shell)
    found = complete(
        place.text,
        0,
        place.cursor,
        project.facts,
        known=project,
        # A function does not look at its caller's variables.
        placeholders=() if place.quote else names_of_values(shell.user_ns),
    )
    return found.term, list(_shown(found.suggestions, place.quote))


def _shown(suggestions: tuple[Suggestion, ...], quote: str) -> Iterator[SimpleCompletion]:
    for one in suggestions:
        text = one.insert_text
        if one.kind == "Function":
            # As Python's own functions are completed: what follows is the user's.
            text = text.removesuffix("()")
        # PostHog's parser drops the character NUL, so that such a name cannot be written.
        if is_harmless(text) and "\0" not in one.label and not (quote and _means_something(text, quote)):
            yield SimpleCompletion(text, type=_type_of(one))


def _type_of(one: Suggestion) -> str:
    return _WORDS.get(one.kind) or (one.detail or one.kind).lower()


def _means_something(text: str, quote: str) -> bool:
    """Whether the text cannot stand between Python's quotes as it is."""
    return quote[0] in text or "\\" in text
