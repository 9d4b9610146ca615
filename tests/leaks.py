"""Finding keys where none may be."""

from __future__ import annotations

import re
import sys
from pathlib import Path

__all__ = ["KEY", "TOKEN", "leaks"]

KEY = "phx_keep_this_key_out"
TOKEN = "phc_keep_this_token_out"
"""What tests use where it matters that no key comes out."""

_KEY = re.compile(r"ph[cxsar]_[A-Za-z0-9]{20,}|keep_this_(?:key|token)_out")
"""What looks like a real key, such as an embedded project makes for itself, and the ends of those two."""


def leaks(text: str) -> list[str]:
    """The keys in ``text``, cut short so that a report of them is no leak."""
    return sorted({f"{found[0][:12]}..." for found in _KEY.finditer(text)})


if __name__ == "__main__":
    sys.exit("\n".join(f"{path}: {found}" for path in sys.argv[1:] for found in leaks(Path(path).read_text())) or None)
