"""The sources of one client in their order, asked no earlier than needed, with the rules of what goes where."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from posthog_nb.settings.credentials import CALLED, TOKEN, SecretName, read_secret
from posthog_nb.settings.prompt import ask_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from posthog_nb.secret import Secret
    from posthog_nb.settings.sources import Source
    from posthog_nb.settings.targets import Target

__all__ = ["Chain"]


class Chain:
    """Answers for a target what its sources have, the first that has it.

    Two rules keep a secret where it belongs. A source that names a host gives nothing for another. A token is taken
    from no source that names another project than the one that is read: what is sent is then seen where one looks.

    Args:
        target: The PostHog that was settled on.
        given: The sources that are at hand, in order.
        later: Those after them, each opened when one is asked for what those before it lack.
    """

    def __init__(self, target: Target, given: Iterable[Source], later: Iterable[Callable[[], Source | None]]) -> None:
        self._target = target
        self._lock = RLock()
        self._opened: list[Source] = []
        self._later = list(later)
        self._answers: dict[SecretName, Secret | None] = {}
        self._passed_over: dict[str, None] = {}
        for source in given:
            self._open(source)

    @property
    def passed_over(self) -> tuple[str, ...]:
        """What was not used, and why: a sentence each."""
        return tuple(self._passed_over)

    def project_id(self, *, wait: bool = True) -> int | None:
        """The project.

        Args:
            wait: Open further sources for it.
        """
        with self._lock:
            found = (source.project_id for source in self._sources(wait=wait))
            return next((number for number in found if number is not None), None)

    def secret(self, name: SecretName, *, wait: bool = True, ask: bool = False) -> Secret | None:
        """The key or the token.

        Args:
            name: Which.
            wait: Ask slow sources too, and open further ones.
            ask: In the end, ask whoever sits there, once.

        Raises:
            ConfigurationError: a source is not what it should be, or the answer is no key or token.
        """
        with self._lock:
            project = None
            for source in self._sources(wait=wait):
                if source.is_slow and not wait:
                    return None
                project = source.project_id if project is None else project
                if name == TOKEN and source.project_id not in {None, project}:
                    self._pass_over(source, f"is for project {source.project_id} and not {project}")
                elif (found := source.secret(name)) is not None:
                    return found
            return self._answer(name) if ask else self._answers.get(name)

    def _answer(self, name: SecretName) -> Secret | None:
        if name not in self._answers:
            answer = ask_secret(f"{_sentence(CALLED[name])} for {self._target.label} (not shown): ")
            if answer is None:
                return None  # nobody could be asked; somebody may be the next time
            self._answers[name] = read_secret(name, answer, f"The {CALLED[name]}")
        return self._answers[name]

    def _sources(self, *, wait: bool) -> Iterator[Source]:
        position = 0
        while True:
            while position == len(self._opened):
                if not (wait and self._later):
                    return
                source = self._later[0]()  # one that fails is not skipped: it fails again
                del self._later[0]
                if source is not None:
                    self._open(source)
            yield self._opened[position]
            position += 1

    def _open(self, source: Source) -> None:
        theirs = source.target
        if theirs is None or theirs.kind != "remote" or theirs.api_url == self._target.api_url:
            self._opened.append(source)
        else:
            self._pass_over(source, f"is for {theirs.label}")

    def _pass_over(self, source: Source, why: str) -> None:
        self._passed_over[f"{_sentence(source.where)} {why}."] = None


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
