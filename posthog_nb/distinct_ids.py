"""Distinct ids over which PostHog never merges persons: they stand for a missing value, so many people share them."""

from __future__ import annotations

__all__ = ["is_illegal_distinct_id", "is_personless_distinct_id"]

_ILLEGAL_IN_ANY_CASE = frozenset(
    [
        "anonymous",
        "guest",
        "distinctid",
        "distinct_id",
        "id",
        "not_authenticated",
        "email",
        "undefined",
        "true",
        "false",
    ]
)
_ILLEGAL_AS_WRITTEN = frozenset(["[object Object]", "NaN", "None", "none", "null", "0"])

_PERSONLESS_IN_V1 = frozenset(
    {
        *_ILLEGAL_IN_ANY_CASE,
        *(text.lower() for text in _ILLEGAL_AS_WRITTEN),
        "00000000-0000-0000-0000-000000000000",
        "anonymous-user",
        "backend",
        "system",
        "user",
    }
)


def is_illegal_distinct_id(distinct_id: str) -> bool:
    """Whether PostHog refuses to merge over this id; it may stand in quotes. For events it is an id like any other."""
    bare = distinct_id.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\"":
        bare = bare[1:-1].strip()
    return not bare or bare.lower() in _ILLEGAL_IN_ANY_CASE or bare in _ILLEGAL_AS_WRITTEN


def is_personless_distinct_id(distinct_id: str) -> bool:
    """Whether capture v1 takes this id's events and keeps persons out of them."""
    return distinct_id.strip().lower() in _PERSONLESS_IN_V1
