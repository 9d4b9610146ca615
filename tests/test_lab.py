"""In JupyterLab itself: the line stands under the frame, and hostile values are text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.screenshot import CELLS, CHROMIUM, opened, take

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

HOSTILE = """%%hogql --frame {kind}
SELECT '{{"$browser": "Chrome", "$os": "Mac"}}' AS `$properties`,
    '<script>document.title = "x"</script>' AS `<b id=bold>`,
    '<img src=x onerror="document.title = 1">' AS image, repeat('long ', 10000) AS long"""


def test_a_frame_and_its_line_are_shown_as_they_are(tmp_path: Path) -> None:
    cells = [*CELLS, HOSTILE.format(kind="pandas"), HOSTILE.format(kind="polars")]
    with opened(tmp_path, cells, height=1600) as page:
        assert page.locator(".posthog-nb-footer").count() == 3
        frame, line = (
            page.locator(".dataframe").first.bounding_box(),
            page.locator(".posthog-nb-footer").first.bounding_box(),
        )
        assert frame["y"] + frame["height"] <= line["y"]
        assert "its data is made up" in page.locator(".posthog-nb-footer").first.inner_text()
        assert page.get_by_text('{"$browser": "Chrome", "$os": "Mac"}').count() >= 1
        assert page.locator("mjx-container").count() == 0
        assert page.locator("#bold").count() == 0
        assert page.locator(".jp-OutputArea img").count() == 0
        assert "quickstart" in page.title()
        assert max(frame.bounding_box()["width"] for frame in page.locator(".dataframe").all()) < 1500
        take(page, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
