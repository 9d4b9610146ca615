"""Where IPython and its kernel ask for completions and help, and where we answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.completer import context_matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Completion"]

_IDENTIFIER = "posthog_nb.hogql"


class Completion:
    """Completion and help of one shell, from :meth:`register` to :meth:`unregister`.

    Args:
        shell: The shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._completer: Any = shell.Completer

        @context_matcher(identifier=_IDENTIFIER)  # type: ignore[untyped-decorator]
        def hogql_matcher(context: CompletionContext) -> SimpleMatcherResult:
            from posthog_nb.notebook.completion.matcher import match  # noqa: PLC0415 - the engine loads for who asks

            return match(context, shell)

        self._matcher = hogql_matcher
        self._kernel: Any = getattr(shell, "kernel", None)
        self._inspect: Callable[..., dict[str, Any]] | None = None

    def register(self) -> None:
        """Answer from now on, beside whoever else does."""
        self._completer.custom_matchers.append(self._matcher)
        kernel: Any = self._kernel
        if hasattr(kernel, "do_inspect"):
            # IPython itself is told no more than a name; what it is a name of depends on the code around it.
            self._inspect = kernel.do_inspect
            kernel.do_inspect = self._answer

    def unregister(self) -> None:
        """Leave no trace."""
        if self._matcher in self._completer.custom_matchers:
            self._completer.custom_matchers.remove(self._matcher)
        inspect, self._inspect = self._inspect, None
        if inspect is not None and vars(self._kernel).get("do_inspect") == self._answer:
            # The method of its class shows again, or what another extension had put in its place.
            del self._kernel.do_inspect
            if self._kernel.do_inspect != inspect:
                self._kernel.do_inspect = inspect

    def _answer(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Iterable[str] = ()
    ) -> dict[str, Any]:
        from posthog_nb.notebook.completion.help import help_at  # noqa: PLC0415 - as above

        bundle = help_at(code, cursor_pos, self._shell)
        if bundle is not None:
            return {"status": "ok", "found": bool(bundle), "data": bundle, "metadata": {}}
        assert self._inspect is not None  # noqa: S101 - set before this is called
        return self._inspect(code, cursor_pos, detail_level, omit_sections)
