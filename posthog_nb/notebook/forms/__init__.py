"""Forms for the five writes: what is typed is shown as it will be sent, checked beside its field, and sent once."""

from __future__ import annotations

from posthog_nb.notebook.forms.forms import Forms

__all__ = ["Forms"]
