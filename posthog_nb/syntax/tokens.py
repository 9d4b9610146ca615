"""Words and marks of a HogQL text, for what PostHog's parser reads and does not report.

This is no second parser: it knows where strings, quoted names and comments begin and end, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Token", "tokenise"]


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number, quoted piece or single mark; ``word`` is upper-case and empty for quoted pieces."""

    start: int
    end: int
    word: str

    @property
    def is_word(self) -> bool:
        """Whether it is a word: neither a number, a quoted piece nor a mark."""
        return self.word != "" and (self.word[0].isalpha() or self.word[0] in "_$")


def tokenise(text: str) -> list[Token]:
    """Cut ``text`` into tokens; comments and white space are left out."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        char = text[position]
        if char.isspace():
            position += 1
        elif text.startswith(("--", "//"), position) or (
            char == "#" and not text[position + 1 : position + 2].isdigit()
        ):
            line_end = text.find("\n", position)
            position = len(text) if line_end < 0 else line_end
        elif text.startswith("/*", position):
            comment_end = text.find("*/", position + 2)
            position = len(text) if comment_end < 0 else comment_end + 2
        elif char in "'\"`":
            end = _quoted_end(text, position)
            tokens.append(Token(position, end, ""))
            position = end
        elif _is_word(char):
            end = position + 1
            while end < len(text) and _is_word(text[end]):
                end += 1
            if text[position:end] in ("f", "F") and text.startswith("'", end):
                end = _template_end(text, end)
                tokens.append(Token(position, end, ""))
            else:
                tokens.append(Token(position, end, text[position:end].upper()))
            position = end
        else:
            tokens.append(Token(position, position + 1, char))
            position += 1
    return tokens


def _is_hash_comment(text: str, position: int) -> bool:
    # `#1` is a place in the SELECT.
    return text[position] == "#" and not text[position + 1 : position + 2].isdigit()


def _is_word(char: str) -> bool:
    return char.isalnum() or char in "_$"


def _quoted_end(text: str, start: int) -> int:
    quote = text[start]
    position = start + 1
    while position < len(text):
        if text[position] == "\\":
            position += 2
        elif text[position] == quote:
            if text.startswith(quote, position + 1):
                position += 2
            else:
                return position + 1
        else:
            position += 1
    return len(text)


def _template_end(text: str, start: int) -> int:
    """Where an f-string ends: its ``{...}`` may hold strings of their own."""
    depth = 0
    position = start + 1
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 2
        elif char == "'" and depth == 0:
            return position + 1
        elif char in "'\"`":
            position = _quoted_end(text, position)
        else:
            depth += (char == "{") - (char == "}")
            position += 1
    return len(text)
