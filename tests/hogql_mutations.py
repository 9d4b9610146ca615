"""Changes HogQL queries at random for the fuzz: words lost, doubled and swapped, noise, endless brackets.

Every choice goes through ``below(n)``, as in :mod:`tests.hogql_writer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.syntax import tokenise

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["mutated"]

_NOISE = (
    "'", '"', "`", "\\", "\0", "🦔", "é", "\u202e", "\ufeff", "\ud800", "--", "/*", "*/", "//", "#", "(", ")", "[",
    "]", "{", "}",
    ";", "%", "\n", "\r", "\t", "\u00a0", ",", ".", "..", "?", "::", "->", ":=", "=", "<", ">", "&", "|", "@", "$",
    "~", "^", "!",
    "0", "1e", "0x", "9" * 40, " select ", " from ", " union all ", " as ", " not ", " null ", " limit ", " by ",
    " over ", " with ",
    "system.", "file(", "f'", "<a>", "</a>", "{x}", "\x1b", "\x7f", "\U000e0001", "İ", "ß",
)  # fmt: skip


def mutated(text: str, other: str, below: Callable[[int], int]) -> str:
    """``text`` with a few of its tokens or characters changed; some come from ``other``."""
    for _ in range(1 + below(3)):
        text = _MUTATIONS[below(len(_MUTATIONS))](text, other, below)
    return text


def _place(text: str, below: Callable[[int], int]) -> tuple[int, int]:
    tokens = tokenise(text)
    if not tokens:
        return 0, 0
    token = tokens[below(len(tokens))]
    return token.start, token.end


def _without_token(text: str, other: str, below: Callable[[int], int]) -> str:
    start, end = _place(text, below)
    return text[:start] + text[end:]


def _token_twice(text: str, other: str, below: Callable[[int], int]) -> str:
    start, end = _place(text, below)
    return f"{text[:end]} {text[start:end]}{text[end:]}"


def _swapped_tokens(text: str, other: str, below: Callable[[int], int]) -> str:
    (start, end), (later, last) = sorted((_place(text, below), _place(text, below)))
    return text if later < end else text[:start] + text[later:last] + text[end:later] + text[start:end] + text[last:]


def _token_of_another(text: str, other: str, below: Callable[[int], int]) -> str:
    start, end = _place(text, below)
    later, last = _place(other, below)
    return text[:start] + other[later:last] + text[end:]


def _noise(text: str, other: str, below: Callable[[int], int]) -> str:
    at = below(len(text) + 1)
    return text[:at] + _NOISE[below(len(_NOISE))] + text[at:]


def _without_a_stretch(text: str, other: str, below: Callable[[int], int]) -> str:
    at = below(len(text) + 1)
    return text[:at] + text[at + 1 + below(10) :]


def _cut(text: str, other: str, below: Callable[[int], int]) -> str:
    return text[: below(len(text) + 1)]


def _joined(text: str, other: str, below: Callable[[int], int]) -> str:
    at = below(len(text) + 1)
    return text[:at] + other[below(len(other) + 1) :]


def _nested(text: str, other: str, below: Callable[[int], int]) -> str:
    """One token within many brackets, calls, signs or the like."""
    start, end = _place(text, below)
    left, right = _BRACKETS[below(len(_BRACKETS))]
    times = (2, 5, 10, 30, 70)[below(5)]
    return text[:start] + left * times + text[start:end] + right * times + text[end:]


def _long(text: str, other: str, below: Callable[[int], int]) -> str:
    """One token many times over."""
    start, end = _place(text, below)
    between = (" ", ", ", " + ", " and ", ".", "'", "(")[below(7)]
    return text[:start] + between.join([text[start:end]] * (3, 10, 40, 100)[below(4)]) + text[end:]


_BRACKETS = (
    ("(", ")"), ("[", "]"), ("lower(", ")"), ("not ", ""), ("-", ""), ("(select ", ")"), ("{", "}"), ("if(1,",
    ",2)"), ("x -> ", ""),
    ("case when 1 then ", " end"), ("f'{", "}'"), ("<a>", "</a>"), ("cast(", " as int)"), ("", "::int"), ("",
    "[1]"), ("", ".1"),
    ("(1 + ", ")"), ("'", "'"), ("/*", "*/"), ("1 ? ", " : 2"), ("a in (", ")"), ("sum(", ") over ()"),
    ("(1 as x, ", ")"),
)  # fmt: skip
_MUTATIONS = (
    _without_token, _token_twice, _swapped_tokens, _token_of_another, _noise, _without_a_stretch, _cut, _joined,
    _nested, _long,
)  # fmt: skip
