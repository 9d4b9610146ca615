"""The public names and their signatures are a promise: a change of theirs shows in review as a change of a file.

To write the file anew: ``python -m tests.test_public_api``.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import posthog_nb
from posthog_nb import dbapi

LISTING = Path(__file__).with_name("public_api.txt")


def listing() -> str:
    lines = []
    for module, name in [(place, name) for place in (posthog_nb, dbapi) for name in place.__all__]:
        found = getattr(module, name)
        if not callable(found):
            lines.append(f"{module.__name__}.{name}: {type(found).__name__}")
            continue
        if not inspect.isclass(found):
            lines.append(f"{module.__name__}.{name}{inspect.signature(found)}")
            continue
        bases = ", ".join(base.__name__ for base in found.__bases__ if base is not object)
        lines.append(f"class {module.__name__}.{name}({bases})")
        if not found.__module__.startswith("posthog_nb"):
            # Python's own, under the name that PEP 249 has for it.
            continue
        for member, value in sorted(vars(found).items()):
            if member.startswith("_"):
                continue
            if inspect.isfunction(value):
                lines.append(f"    {member}{inspect.signature(value)}")
            elif not isinstance(value, classmethod | staticmethod):
                lines.append(f"    {member}")
        fields = getattr(found, "__annotations__", {}).items()
        lines += [f"    {field}: {kind}" for field, kind in fields if not field.startswith("_")]
    return "\n".join(lines) + "\n"


def test_the_public_names_are_listed_in_order() -> None:
    assert posthog_nb.__all__ == sorted(posthog_nb.__all__)
    assert set(posthog_nb.__all__) <= set(dir(posthog_nb))


def test_the_public_names_have_the_signatures_that_are_written_down() -> None:
    assert listing() == LISTING.read_text()


@pytest.mark.parametrize("name", posthog_nb.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    found = getattr(posthog_nb, name)
    assert inspect.getdoc(found)
    for member, value in vars(found).items() if inspect.isclass(found) else ():
        if inspect.isfunction(value) and not member.startswith("_"):
            assert inspect.getdoc(value), member


@pytest.mark.parametrize("member", sorted({name for name in dir(posthog_nb.Client) if not name.startswith("_")}))
def test_a_clients_help_says_what_every_argument_is(member: str) -> None:
    found = getattr(posthog_nb.Client, member)
    if not callable(found):
        return
    told = str(inspect.getdoc(found))
    if "with the same arguments" not in " ".join(told.split()):
        assert [name for name in inspect.signature(found).parameters if name != "self" and f"{name}:" not in told] == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        posthog_nb.nothing  # noqa: B018


if __name__ == "__main__":
    LISTING.write_text(listing())
