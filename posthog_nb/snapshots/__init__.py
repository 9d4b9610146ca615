"""Answers recorded beside a notebook, and replayed without a network. The format is in docs/snapshots.md."""

from __future__ import annotations
