"""Property values and event names that are out to break a page, a terminal or a format: text that must stay text.

Each goes through capture unchanged (a lone half of a surrogate pair does not: no UTF-8 holds one, and it is refused).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import reduce
from typing import Any

__all__ = ["HOSTILE", "Hostile"]

_LONGEST_NAME = 200


@dataclass(frozen=True)
class Hostile:
    """One of them.

    Attributes:
        id: What it is after.
        value: The value of a property, as JSON holds it.
    """

    id: str
    value: Any

    @property
    def text(self) -> str:
        """The value as a text: a text is itself, anything else its JSON."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)

    @property
    def name(self) -> str:
        """It as the name of an event or a property, which has at most 200 characters."""
        return self.text[:_LONGEST_NAME]

    def __str__(self) -> str:
        return self.id


def _nested(depth: int) -> dict[str, Any]:
    return reduce(lambda inner, level: {f"level {level}": inner}, range(depth, 0, -1), {"<b>": "</script>"})


HOSTILE: tuple[Hostile, ...] = (
    Hostile("script", "<script>alert('xss')</script>"),
    Hostile("end-of-script", '</script><script src="https://example.com/x.js"></script>'),
    Hostile("handler", "<img src=x onerror=\"document.body.innerHTML=''\"><svg/onload=alert(1)>"),
    Hostile("attribute", "\" onmouseover=\"alert(1)\" x=\"' onfocus='alert(1)' autofocus='"),
    Hostile("entities", "&lt;b&gt; &amp;amp; &#60;i&#62; &nbsp;&copy &notanentity;"),
    Hostile("unclosed", "</td></tr></table></div></details></section><!-- <textarea><title><style>"),
    Hostile("style", "</style><style>*{display:none!important}</style>}body{background:url(https://example.com/)}"),
    Hostile("link", "javascript:alert(1)//data:text/html,<script>alert(1)</script>"),
    Hostile("markdown", "[click](javascript:alert(1)) ![x](x) `code` **bold** | a | b |\n|---|---|\n# title\n***"),
    Hostile("formula", r"$\href{javascript:alert(1)}{x}$ $$\frac{1}{0}$$ \(\unicode{60}\) \[x\] $5 and $6"),
    Hostile(
        "ansi", "\x1b[31mred\x1b[0m \x1b[2J\x1b[H \x1b]0;title\x07 \x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\"
    ),
    Hostile("controls", "a\x00b\x07c\x08\x08d\re\x0b\x0cf\x7fg\x9b31mh\x85i"),
    Hostile("right-to-left", "invoice\u202egpj.exe \u2066\u2067isolated \u202b\u05d0\u05d1"),
    Hostile("line-separators", "one\u2028two\u2029three\r\nfour\n\n\tfive"),
    Hostile("zalgo", "Z" + "\u0300\u0301\u0302\u0315\u0316\u0317\u033f\u0360\u0489" * 40 + "algo"),
    Hostile(
        "emoji",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f4\U000e0067\U000e0062\U000e007f"
        " e\u0301 \ufe0f\ufeff",
    ),
    Hostile("homoglyph", "p\u0430yp\u0430l \u0455ign\u200bup \u00a0\u3000 sign\u00adup"),
    Hostile("surrogate-escapes", r"\ud800 \udfff \u0000 \x1b[31m \N{BULLET} %00 &#xD800;"),
    Hostile(
        "format", "{0} {evt} {{x}} {0.__class__.__mro__} %s %(name)s %n ${HOME} $(id) `id` '; DROP TABLE events --"
    ),
    Hostile("quotes", "'\"\\\\'\\\" \\' '' \"\"\" ''' `"),
    Hostile("long-word", "unbreakable" * 2_000),
    Hostile("megabyte", "<b>1 MB</b> " * 82_000),
    Hostile("deep", _nested(45)),
    Hostile(
        "prototype",
        {"__proto__": {"polluted": True}, "constructor": {"prototype": {"x": 1}}, "": None, "toString": "<b>"},
    ),
    Hostile("words-of-nothing", "null"),
)
