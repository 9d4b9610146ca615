"""A key is in no text that leaves the package."""

from __future__ import annotations

import copy
import json
import pickle
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_nb.errors import PostHogError, Span
from posthog_nb.secret import Secret, redact

ROOT = Path(__file__).parent.parent
REAL_KEY = re.compile(r"ph[cxsar]_[A-Za-z0-9]{20,}")
keys = st.from_regex(r"\Aph[cxs]_[A-Za-z0-9]{8,60}\Z")


@given(before=st.text(max_size=20), key=keys, after=st.text(alphabet=" ,;:/?&=\"'<>{}\n", max_size=5))
def test_redaction_leaves_nothing_of_a_key_but_its_prefix(before: str, key: str, after: str) -> None:
    text = redact(f"{before} {key}{after}")
    assert key not in text
    assert key[4:] not in text.removeprefix(before)
    assert f"{key[:4]}..." in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("phx_abcd", "phx_..."),
        ("key=phc_abcd,", "key=phc_...,"),
        ("a key:phx_ab-cd_ef", "a key:phx_..."),
        ("phx_abc", "phx_abc"),
        ("myphx_abcdefgh12345678", "myphx_..."),
        ("my_phx_abcdefgh12345678", "my_phx_..."),
        ("%20phx_abcdefgh12345678_x", "%20phx_..."),
        ("\\nphc_abcdefgh12345678", "\\nphc_..."),
        ("graphs_and_more", "graphs_and_more"),
        ("paragraphs_of_the_documentation_of_it", "paragraphs_of_the_documentation_of_it"),
        ("alpha_testers", "alpha_testers"),
        ("epochs_per_iteration", "epochs_per_iteration"),
        ("PHX_ABCDEFGH12345678", "PHX_ABCDEFGH12345678"),
    ],
)
def test_a_key_is_masked_wherever_it_stands_and_a_word_is_not(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(key=keys)
def test_a_secret_shows_its_prefix_alone(key: str) -> None:
    secret = Secret(key)
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret:>40}", repr([secret]), repr(vars_of(secret))):
        assert key[4:] not in shown
    assert secret.reveal() == key
    assert secret.prefix == key[:4]


def vars_of(secret: Secret) -> object:
    return getattr(secret, "__dict__", {})


def test_a_secret_is_neither_pickled_nor_written_as_json() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret("phx_test_key"))
    with pytest.raises(TypeError):
        json.dumps(Secret("phx_test_key"))
    with pytest.raises(TypeError):
        copy.deepcopy(Secret("phx_test_key"))


def test_secrets_compare_by_their_text() -> None:
    assert Secret("phx_one") == Secret(" phx_one\n")
    assert Secret("phx_one") != Secret("phx_two")
    assert len({Secret("phx_one"), Secret("phx_one")}) == 1


def test_an_error_masks_keys_in_its_message_its_hint_and_the_query_it_shows() -> None:
    query = "SELECT 'phx_abcdefgh1234' FROM events"
    error = PostHogError("no phc_abcdefgh1234 here", hint="use phs_abcdefgh1234", text=query, span=Span(7, 10))
    shown = "\n".join([*error.lines(), str(error), repr(error)])
    assert "abcdefgh1234" not in shown
    assert "phx_..." in shown


def test_no_file_of_the_project_holds_a_key() -> None:
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if files.returncode != 0:
        pytest.skip("not a git checkout")
    found = [
        name
        for name in files.stdout.split("\0")
        if name and REAL_KEY.search((ROOT / name).read_text(errors="ignore") if (ROOT / name).is_file() else "")
    ]
    assert found == []
