"""What all tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# A property test's first example may start ClickHouse; how long an example takes says nothing about the property.
settings.register_profile("default", deadline=None)
settings.load_profile("default")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test fails when a key is in what it or the package wrote or logged."""
    report = yield
    found = leaks("\n".join(text for _, text in report.sections))
    if found and report.outcome == "passed":
        report.outcome = "failed"
        report.longrepr = f"There are keys in what was written or logged: {', '.join(found)}"
    return report


@pytest.fixture(autouse=True, scope="session")
def nobody_has_profiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The profiles of whoever runs the tests are theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield
