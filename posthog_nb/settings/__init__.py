"""Where to connect, and with what."""

from __future__ import annotations

from posthog_nb.settings.credentials import hold, hold_keys
from posthog_nb.settings.profiles import remove_profile, save_profile
from posthog_nb.settings.resolve import Settings, resolve
from posthog_nb.settings.targets import DEMO_URL, LOCAL_URL, read_target

__all__ = [
    "DEMO_URL",
    "LOCAL_URL",
    "Settings",
    "hold",
    "hold_keys",
    "read_target",
    "remove_profile",
    "resolve",
    "save_profile",
]
