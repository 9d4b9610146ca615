"""Where in the page something was clicked: CSS selectors as conditions on an event's ``elements_chain``.

The chain is one text: elements from the inside out, divided by ``;``, each ``tag.class1.class2:key="value"...``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.build import all_of, array, call, compare, field, value

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["selector_condition", "selector_pattern", "tag_condition"]

_CLICKABLE = frozenset({"a", "button", "form", "input", "select", "textarea", "label"})
"""The tags that the column ``elements_chain_elements`` knows."""

_ATTRIBUTE = re.compile(r"\[\s*([^\]\s=]+)\s*=\s*(['\"])(.*?)\2\s*\]")
_POSITION = re.compile(r":(nth-child|nth-of-type)\((\d+)\)")
_CLASS_DOT = re.compile(r"\.(?![^\[]*\])")
_PLAIN_KEYS = frozenset({"attr_id", "href", "text", "nth-child", "nth-of-type"})
"""Keys that the chain writes as they are; any other stands after ``attr__``."""

_QUOTED = r'"(?:\\.|[^"])*"'
_WITHIN = rf'(?:[^;"]|{_QUOTED})*?'
_WHOLE_ELEMENTS = rf'(?:(?:[^;"]|{_QUOTED})*;)*'
_END = r"($|;|:([^;^\s]*(;|$|\s)))"


@dataclass(frozen=True)
class _Part:
    """One element of a selector: ``tag#id.class[attribute="value"]``."""

    tag: str
    classes: tuple[str, ...]
    attributes: dict[str, str]
    is_parent: bool


def tag_condition(tag: str) -> ast.Node:
    """An element of this tag is in the chain."""
    return compare(field("elements_chain"), "=~", rf"(^|;){tag}(\.|$|;|:)")


def selector_condition(selector: str) -> ast.Node:
    """What the selector names is in the chain."""
    parts = list(_parts(selector))
    ids = [part.attributes["attr_id"] for part in parts if "attr_id" in part.attributes]
    conditions: list[ast.Node] = [
        compare(field("elements_chain"), "=~", _pattern(parts)),
        *(compare(call("indexOf", field("elements_chain_ids"), value(one)), ">", 0) for one in ids),
    ]
    tags = [part.tag for part in parts if part.tag in _CLICKABLE]
    if tags:
        is_one = ast.Lambda(ast.NOWHERE, ("x",), compare(field("x"), "in", array(tags)))
        conditions.append(compare(call("arrayCount", is_one, field("elements_chain_elements")), ">", 0))
    return all_of(conditions)


def selector_pattern(selector: str) -> str:
    """The regular expression of a selector, which PostHog shows with an action's step."""
    return _pattern(list(_parts(selector)))


def _parts(selector: str) -> Iterator[_Part]:
    """The elements of a selector from the inside out, as the chain has them."""
    text = selector.replace("> * > ", "").replace("> *", "").replace("\\:", ":").strip()
    tags = list(_split(text))[::-1]
    for index, tag in enumerate(tags):
        if tag not in {">", ""}:
            yield _part(tag, is_parent=index > 0 and tags[index - 1] == ">")


def _split(selector: str) -> Iterator[str]:
    """Divide at spaces, those inside of brackets aside."""
    quote, in_brackets, part = "", False, ""
    for char in selector:
        if char in "[]" and not quote:
            in_brackets = char == "["
        if char in "\"'" and quote in ("", char):
            quote = "" if quote else char
        if char == " " and not in_brackets:
            yield part
            part = ""
        else:
            part += char
    yield part


def _part(text: str, *, is_parent: bool) -> _Part:
    attributes = {"attr_id" if match[1] == "id" else match[1]: match[3] for match in _ATTRIBUTE.finditer(text)} | {
        match[1]: match[2] for match in _POSITION.finditer(text)
    }
    rest, *classes = _CLASS_DOT.split(_POSITION.sub("", _ATTRIBUTE.sub("", text)))
    tag, *ids = rest.split("#")
    if ids:
        attributes["attr_id"] = ids[0]
    return _Part(tag, tuple(classes), attributes, is_parent)


def _pattern(parts: list[_Part]) -> str:
    pattern = ""
    for index, part in enumerate(parts):
        if index > 0 and not part.is_parent:
            pattern += _WHOLE_ELEMENTS
        if part.tag and part.tag != "*":
            pattern += re.escape(part.tag)
        if part.classes:
            escaped = (re.escape(one) for one in sorted(part.classes))
            pattern += rf"{_WITHIN}\." + rf"\.{_WITHIN}".join(escaped)
        if part.attributes:
            pattern += _WITHIN
            # In the order in which the chain writes its keys: the gaps in between match forwards alone.
            for key in sorted(part.attributes, key=_chain_key):
                text = part.attributes[key].replace('\\"', '"').replace('"', '\\"')
                pattern += f'{re.escape(key)}="{re.escape(text)}"' + _WITHIN
        pattern += _WITHIN + _END
        if part.is_parent:
            pattern += ".*"
    return f"(^|;){pattern}" if pattern else ""


def _chain_key(key: str) -> str:
    return key if key in _PLAIN_KEYS else f"attr__{key}"
