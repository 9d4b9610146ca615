"""Completion and hover help where HogQL is written in a notebook.

::

    code, cursor --place--> query or options --project--> what is known --embedded.hogql.completion--> suggestions

Loading this package costs nothing to speak of; the engine is imported at the first question. Nothing here waits for the
network: what a project has is looked up by ``client.known`` in the background.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.notebook.completion.hooks import Completion

if TYPE_CHECKING:
    from posthog_nb.client import Client

__all__ = ["Completion", "help_on"]


def help_on(name: str, client: Client) -> Any:  # noqa: ANN401 - what IPython shows
    """What a name of HogQL stands for, as `%posthog help` shows it.

    Raises:
        InvalidInputError: nothing goes by that name.
    """
    from posthog_nb.notebook.completion.help import help_on as found  # noqa: PLC0415 - the engine loads for who asks

    return found(name, client)
