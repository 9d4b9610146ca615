"""What holds for every cell: the settings under `%config`; and `hogql()`, which has none."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest

import posthog_nb
from posthog_nb.errors import InvalidInputError, MissingParameterError
from posthog_nb.notebook.magics import PostHogMagics
from tests.test_magics import run, value

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

NUMBERS = "SELECT number FROM numbers(250) ORDER BY number"
PAGE = (Path(__file__).parent.parent / "docs" / "notebook.md").read_text()


def settings(shell: InteractiveShell) -> tuple[Any, ...]:
    magics = shell.magics_manager.registry["PostHogMagics"]
    return magics.frame, magics.limit, magics.timeout, magics.progress


class TestConfig:
    def test_a_setting_holds_for_every_cell_and_an_option_comes_before_it(self, shell: InteractiveShell) -> None:
        run(shell, "%config PostHogMagics.limit = 7\n%config PostHogMagics.frame = 'polars'")
        assert len(value(shell, f"%%hogql\n{NUMBERS}")) == 7
        assert isinstance(value(shell, "%hogql --more"), pl.DataFrame)
        assert len(value(shell, f"%%hogql --limit 9 --frame pandas\n{NUMBERS}")) == 9
        assert len(value(shell, f"%%hogql --all\n{NUMBERS}")) == 250
        assert isinstance(value(shell, "%hogql --frame pandas SELECT 1"), pd.DataFrame)

    def test_a_timeout_holds_for_every_cell(self, shell: InteractiveShell) -> None:
        run(shell, "%config PostHogMagics.timeout = 0.3")
        endless = "SELECT count() FROM numbers(100000000000) WHERE cityHash64(number) = 1"
        assert "within 0.3 s" in str(run(shell, f"%%hogql\n{endless}").error)

    @pytest.mark.parametrize("line", ["limit = 0", "limit = 'x'", "frame = 'excel'", "timeout = -1", "progress = 'no'"])
    def test_a_value_that_makes_no_sense_changes_nothing_and_is_gone_after_a_reload(
        self, shell: InteractiveShell, line: str
    ) -> None:
        usual = settings(shell)
        run(shell, f"%config PostHogMagics.{line}")
        assert settings(shell) == usual
        with pytest.warns(UserWarning, match=f"PostHogMagics.{line.split(maxsplit=1)[0]} = .* is left out"):
            posthog_nb.load_ipython_extension(shell)
        assert settings(shell) == usual
        assert value(shell, "%hogql SELECT 1 AS one").one.tolist() == [1]

    def test_a_good_value_outlives_a_reload(self, shell: InteractiveShell) -> None:
        run(shell, "%config PostHogMagics.limit = 7")
        run(shell, "%reload_ext posthog_nb")
        assert settings(shell)[1] == 7

    def test_config_lists_the_magics_once_and_not_after_unloading(self, shell: InteractiveShell) -> None:
        def listed() -> int:
            return sum(type(one).__name__ == "PostHogMagics" for one in shell.configurables)

        run(shell, "%reload_ext posthog_nb")
        assert listed() == 1
        run(shell, "%unload_ext posthog_nb")
        assert listed() == 0

    @pytest.mark.parametrize("name", sorted(PostHogMagics.class_own_traits(config=True)))
    def test_every_setting_is_documented(self, name: str) -> None:
        assert f"| `PostHogMagics.{name}` |" in PAGE


class TestHogql:
    def test_it_gives_what_a_cell_gives(self, shell: InteractiveShell, demo: posthog_nb.Client) -> None:
        cell = value(shell, f"%%hogql --param n=3\n{NUMBERS.replace('number FROM', 'number + {n} AS m FROM')}")
        frame = posthog_nb.hogql(NUMBERS.replace("number FROM", "number + {n} AS m FROM"), values={"n": 3}, client=demo)
        pd.testing.assert_frame_equal(frame, cell)

    def test_its_options_are_those_of_the_cell(self, demo: posthog_nb.Client) -> None:
        assert len(posthog_nb.hogql(NUMBERS, limit=5, frame="polars", client=demo)) == 5
        assert len(posthog_nb.hogql(NUMBERS, all=True, fresh=True, timeout=20, client=demo)) == 250

    def test_without_a_client_it_asks_the_one_that_was_made_last(self) -> None:
        with posthog_nb.connect("demo", as_of="2026-03-31T00:00:00Z") as client:
            assert posthog_nb.hogql("SELECT 1 AS n").attrs["posthog"]["source"] == client.source

    def test_a_slip_is_told_before_anything_is_sent(self) -> None:
        with posthog_nb.connect("https://posthog.example") as client:
            with pytest.raises(InvalidInputError, match="contradict"):
                posthog_nb.hogql("SELECT 1", all=True, limit=3, client=client)
            with pytest.raises(MissingParameterError):
                posthog_nb.hogql("SELECT {n}", client=client)

    @pytest.mark.parametrize("name", inspect.signature(posthog_nb.hogql).parameters)
    def test_every_argument_is_documented(self, name: str) -> None:
        assert name == "query" or f"`{name}`" in PAGE.partition("## Without magics")[2].partition("## ")[0]
