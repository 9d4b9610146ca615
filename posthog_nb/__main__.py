"""``python -m posthog_nb``."""

from __future__ import annotations

import sys

from posthog_nb.cli import main

if __name__ == "__main__":
    sys.exit(main())
