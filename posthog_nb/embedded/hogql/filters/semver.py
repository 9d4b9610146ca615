"""Ranges of versions: ``~1.2``, ``^1.2.3``, ``1.2.*``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["VERSION_RANGES"]


def _numbers(version: str) -> list[int]:
    """The numbers of a version, what stands behind a hyphen left out."""
    parts = version.split("-", maxsplit=1)[0].split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise InvalidInputError(f"{version!r:.60} is no version such as 1.2.3.")
    return [int(part) for part in parts]


def _text(*numbers: int) -> str:
    return ".".join(map(str, numbers))


def _tilde(version: str) -> tuple[str, str]:
    given = _numbers(version)
    major, minor, patch = (*given, 0, 0)[:3]
    upper = _text(major + 1, 0, 0) if len(given) == 1 else _text(major, minor + 1, 0)
    return _text(major, minor, patch), upper


def _caret(version: str) -> tuple[str, str]:
    """Up to the next change of the first number that is not 0."""
    major, minor, patch = (*_numbers(version), 0, 0)[:3]
    if major:
        return _text(major, minor, patch), _text(major + 1, 0, 0)
    return _text(0, minor, patch), _text(0, minor + 1, 0) if minor else _text(0, 0, patch + 1)


def _wildcard(version: str) -> tuple[str, str]:
    given = _numbers(version.rstrip(".*"))
    match given:
        case [major]:
            return _text(major, 0, 0), _text(major + 1, 0, 0)
        case [major, minor]:
            return _text(major, minor, 0), _text(major, minor + 1, 0)
        case [major, minor, patch, *_]:
            return _text(major, minor, patch, 0), _text(major, minor, patch + 1, 0)
    raise AssertionError(given)


VERSION_RANGES: Mapping[str, Callable[[str], tuple[str, str]]] = {
    "semver_tilde": _tilde,
    "semver_caret": _caret,
    "semver_wildcard": _wildcard,
}
"""From an operator to the least version of its range, and the first one above it."""
