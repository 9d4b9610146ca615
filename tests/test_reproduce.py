"""What is said of a notebook that gives something else than is committed, by `python -m tests.reproduce` and others."""

from __future__ import annotations

import nbformat

from tests.reproduce import differences


def ran(*texts: str) -> nbformat.NotebookNode:
    outputs = [[nbformat.v4.new_output("stream", text=text)] if text else [] for text in texts]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("...", outputs=each) for each in outputs])


def test_the_same_outputs_differ_in_nothing() -> None:
    assert differences(ran("1\n2\n", ""), ran("1\n2\n", "")) == ""


def test_the_time_that_a_query_took_is_no_difference() -> None:
    assert differences(ran("2 rows · 0.1 s · demo"), ran("2 rows · 3 min 2.5 s · demo")) == ""


def test_a_line_that_changed_in_a_long_text_is_shown_with_its_cell_and_its_neighbours_alone() -> None:
    before = [f"line {number}" for number in range(1000)]
    after = [*before[:500], "another", *before[501:]]
    shown = differences(ran("a", "\n".join(before)), ran("a", "\n".join(after)))
    assert shown.splitlines()[:2] == ["--- cell 2, committed", "+++ cell 2, run"]
    assert shown.splitlines()[3:] == [" line 499", "-line 500", "+another", " line 501"]


def test_an_output_that_is_missing_or_new_is_shown() -> None:
    assert '-  "text": "a"' in differences(ran("a"), ran(""))
    assert '+  "text": "a"' in differences(ran(""), ran("a"))


def test_what_is_printed_of_a_line_has_an_end() -> None:
    assert max(map(len, differences(ran("a" * 9000), ran("b" * 9000)).splitlines())) == 200
