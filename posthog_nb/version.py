"""The version, in a module of its own so that any room may read it without importing the whole house."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
