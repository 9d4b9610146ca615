"""A snapshot in its author's hands: what is in it, and whether it still holds."""

from __future__ import annotations
