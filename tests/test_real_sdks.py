"""Real input: PostHog's own SDKs send to a served project, and `%%hogql` cells read it back."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import nbformat
import posthog
import pytest
from nbclient import NotebookClient

import posthog_nb
from tests.serving import Served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

SDKS = "tests/sdks"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("sdks") / "store") as server:
        yield server


@pytest.fixture(scope="module")
def from_python(served: Served) -> None:
    """What the `posthog` SDK sends: captures, a person update, an identify, an alias, a group."""
    client = posthog.Posthog(served.project_token, host=served.url, gzip=True, sync_mode=False)
    client.capture("opened", distinct_id="py-anon", properties={"plan": "free", "amount": 9.5})
    client.capture(
        "$identify",
        distinct_id="py-user",
        properties={"$anon_distinct_id": "py-anon", "$set": {"email": "py@example.com", "vip": True}},
    )
    client.capture("bought", distinct_id="py-user", properties={"amount": 20, "coupon": 'it\'s "10%" {off}'})
    client.set(distinct_id="py-user", properties={"name": "Py"})
    client.set_once(distinct_id="py-user", properties={"name": "too late", "first_seen": "2026-01-01"})
    client.alias(previous_id="py-user", distinct_id="py-user-phone")
    client.capture("opened", distinct_id="py-user-phone")
    client.group_identify("company", "globex", {"name": "Globex"})
    client.shutdown()


@pytest.fixture(scope="module")
def node_sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the `posthog-node` SDK and the program that sends with it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not installed")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "send.js"):
        shutil.copy(f"{SDKS}/{name}", folder)
    install = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if install.returncode != 0:
        if os.environ.get("CI"):
            pytest.fail(f"npm could not install posthog-node: {install.stderr}")
        pytest.skip("npm could not install posthog-node (no network?)")
    return folder


@pytest.fixture(scope="module")
def from_node(served: Served, node_sdk: Path) -> None:
    """What the `posthog-node` SDK sends: an identify, an alias, a group, and 5,000 events."""
    send_from_node(served, node_sdk)


def send_from_node(served: Served, folder: Path, **environment: str) -> None:
    sent = subprocess.run(
        ["node", "send.js"],
        cwd=folder,
        env={**os.environ, "POSTHOG_HOST": served.url, "POSTHOG_PROJECT_TOKEN": served.project_token, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert sent.returncode == 0, sent.stderr


def run_cells(served: Served, folder: Path, *cells: str) -> None:
    """Execute the cells in a clean kernel that finds the served project through its environment."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute(
        env={**os.environ, **served.environment()}
    )
    assert served.personal_api_key not in nbformat.writes(notebook)
    assert served.project_token not in nbformat.writes(notebook)


@pytest.mark.usefixtures("from_python")
def test_events_of_the_python_sdk_are_read_back_with_types_and_merged_persons(served: Served, tmp_path: Path) -> None:
    run_cells(
        served,
        tmp_path,
        "%load_ext posthog_nb",
        "%%hogql events\nSELECT event, distinct_id, person_id, timestamp, properties.amount AS amount,"
        " properties.coupon AS coupon, person.properties.vip AS vip\nFROM events WHERE distinct_id LIKE 'py-%'"
        " ORDER BY timestamp, event",
        """
import pandas as pd
assert len(events) == 7, events
assert events["person_id"].nunique() == 1, "anonymous, identified and aliased ids are one person"
assert isinstance(events["timestamp"].dt.tz, object) and events["timestamp"].dt.tz is not None
assert events["amount"].dtype.kind == "f" or "double" in str(events["amount"].dtype).lower()
assert set(events["amount"].dropna()) == {9.5, 20.0}
assert events["coupon"].dropna().tolist() == ['it\\'s \\\\"10%\\\\" {off}'], events["coupon"].dropna().tolist()
assert events["vip"].dropna().all() and "bool" in str(events["vip"].dtype).lower()
""",
        "coupon = 'py@example.com'",
        "%%hogql people --frame polars\nSELECT properties.email AS email, properties.name AS name,"
        " properties.first_seen AS first_seen, is_identified FROM persons WHERE properties.email = {coupon}",
        """
import polars as pl
assert isinstance(people, pl.DataFrame)
assert people["email"].to_list() == ["py@example.com"]
assert people["name"].to_list() == ["Py"], "$set_once does not overwrite"
""",
        "%%hogql ids\nSELECT distinct_id FROM person_distinct_ids WHERE distinct_id LIKE 'py-%' ORDER BY distinct_id",
        "assert ids['distinct_id'].tolist() == ['py-anon', 'py-user', 'py-user-phone'], ids",
    )


@pytest.mark.node
@pytest.mark.usefixtures("from_node")
def test_five_thousand_events_of_the_node_sdk_are_all_there_once_with_types(served: Served, tmp_path: Path) -> None:
    run_cells(
        served,
        tmp_path,
        "%load_ext posthog_nb",
        "%%hogql bulk --all --frame polars\nSELECT uuid, timestamp, toInt(properties.n) AS n,"
        " properties.price AS price, properties.even AS even,"
        " properties.at AS at, $group_0 AS company\nFROM events WHERE event = 'bulk'"
        " ORDER BY timestamp, uuid",
        """
import polars as pl
assert bulk.height == 5000 and bulk["uuid"].n_unique() == 5000
assert bulk["n"].to_list() == list(range(5000)), "in order, once each"
assert bulk.schema["n"] == pl.Int64 and bulk.schema["price"] == pl.Float64 and bulk.schema["even"] == pl.Boolean
assert isinstance(bulk.schema["timestamp"], pl.Datetime) and bulk.schema["timestamp"].time_zone is not None
assert isinstance(bulk.schema["at"], pl.Datetime), "an ISO text property is a DateTime by its definition"
assert bulk["price"].sum() == sum(n / 4 for n in range(5000))
assert set(bulk["company"]) == {"acme"}
""",
        "%%hogql merged\nSELECT person_id, groupUniqArray(distinct_id) AS ids FROM events"
        " WHERE distinct_id IN ('node-anon', 'node-user') GROUP BY person_id",
        "assert len(merged) == 1 and set(merged['ids'][0]) == {'node-anon', 'node-user'}, merged",
        "%%hogql person\nSELECT properties.email AS email, properties.seats AS seats FROM persons"
        " WHERE properties.email = 'node@example.com'",
        "assert person['seats'].tolist() == [12.0]",
    )


@pytest.mark.node
def test_the_node_sdk_in_capture_v1_mode_sends_the_same(node_sdk: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "store") as served:
        send_from_node(served, node_sdk, POSTHOG_CAPTURE_MODE="v1")
        with posthog_nb.connect(
            served.url, project_id=served.project_id, personal_api_key=served.personal_api_key
        ) as ph:
            asked = (
                "SELECT count(), count(DISTINCT uuid), sum(toInt(properties.n)), any($group_0)"
                " FROM events WHERE event = 'bulk'"
            )
            assert ph.query(asked).rows == [[5000, 5000, sum(range(5000)), "acme"]]
            merged = ph.query("SELECT uniq(person_id) FROM events WHERE distinct_id IN ('node-anon', 'node-user')").rows
            assert merged == [[1]]
            alone = ph.query("SELECT count() FROM person_distinct_ids WHERE distinct_id = 'system'").rows
            assert alone == [[0]], "which capture v0 would have given a person"
