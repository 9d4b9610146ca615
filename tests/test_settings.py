"""Where to connect, and with what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posthog_nb.errors import ConfigurationError, MissingCredentialError
from posthog_nb.secret import Secret
from posthog_nb.settings import Settings, resolve

FULL = {
    "POSTHOG_HOST": "eu",
    "POSTHOG_PROJECT_ID": "7",
    "POSTHOG_PERSONAL_API_KEY": "phx_env",
    "POSTHOG_PROJECT_TOKEN": "phc_env",
}
US = ("https://us.posthog.com", "https://us.i.posthog.com")
EU = ("https://eu.posthog.com", "https://eu.i.posthog.com")


def urls(settings: Settings) -> tuple[str, str]:
    return settings.api_url, settings.ingestion_url


def test_an_argument_comes_before_the_environment() -> None:
    settings = resolve("us", project_id=8, personal_api_key="phx_arg", project_token="phc_arg", environ=FULL)
    assert urls(settings) == US
    assert settings.project_id == 8
    assert settings.personal_api_key == Secret("phx_arg")
    assert settings.project_token == Secret("phc_arg")


def test_the_environment_fills_what_is_not_given() -> None:
    settings = resolve(environ=FULL)
    assert urls(settings) == EU
    assert (settings.project_id, settings.kind, settings.label) == (7, "remote", "eu.posthog.com")
    assert settings.need_key() == Secret("phx_env")
    assert settings.need_token() == Secret("phc_env")


def test_the_other_name_of_the_key_is_understood() -> None:
    assert resolve(environ={"POSTHOG_API_KEY": "phx_other"}).personal_api_key == Secret("phx_other")
    both = {"POSTHOG_API_KEY": "phx_other", "POSTHOG_PERSONAL_API_KEY": "phx_first"}
    assert resolve(environ=both).personal_api_key == Secret("phx_first")


def test_blank_settings_are_none() -> None:
    blank = dict.fromkeys(FULL, "  ")
    assert resolve(environ=blank).kind == "demo"
    assert resolve("  ", environ={}).kind == "demo"
    assert resolve("us", project_id=" ", personal_api_key="", environ={}).project_id is None


def test_without_any_credential_it_is_the_demo_and_nobody_chose_it() -> None:
    settings = resolve(environ={"POSTHOG_PROJECT_ID": "7"})
    assert (settings.kind, settings.chosen, settings.label) == ("demo", False, "demo")
    assert resolve("demo", environ=FULL).chosen


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("us", US),
        ("EU", EU),
        ("https://app.posthog.com", US),
        ("https://us.posthog.com/", US),
        ("us.i.posthog.com", US),
        ("https://eu.i.posthog.com", EU),
        ("eu.posthog.com/project/1", EU),
        ("http://us.posthog.com", US),
        ("https://analytics.example.com/", ("https://analytics.example.com",) * 2),
        ("https://Example.com:8443/posthog/", ("https://example.com:8443/posthog",) * 2),
        ("http://localhost:8000", ("http://localhost:8000",) * 2),
        ("http://127.0.0.1:8000", ("http://127.0.0.1:8000",) * 2),
        ("http://[::1]:8000", ("http://[::1]:8000",) * 2),
    ],
)
def test_hosts_map_to_where_reads_and_events_go(target: str, expected: tuple[str, str]) -> None:
    assert urls(resolve(target, environ={})) == expected


def test_local_projects_have_a_path_of_their_own() -> None:
    assert resolve("local", environ={}).path is None
    assert resolve("local:~/data", environ={}).path == Path("~/data").expanduser()
    assert resolve(environ={"POSTHOG_HOST": "local:/tmp/x"}).kind == "local"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"personal_api_key": "phc_test"}, "project token"),
        ({"project_token": "phx_test"}, "private key"),
        ({"project_token": "phs_test"}, "private key"),
        ({"target": "http://analytics.example.com"}, "plain http"),
        ({"target": "http://10.0.0.1"}, "plain http"),
        ({"target": "mars"}, "not a target"),
        ({"target": "ftp://example.com"}, "http or https"),
        ({"target": "https://user:phx_test@example.com"}, "user name"),
        ({"target": "https://example.com:port"}, "not a URL"),
        ({"target": "us", "project_id": "my project"}, "not a number"),
        ({"target": "us", "project_id": "9" * 5000}, "not a number"),
        ({"target": "us", "project_id": "phc_abcdef"}, "not a number"),
        ({"target": 5}, "not text"),
        ({"target": "us", "personal_api_key": 5}, "of type int"),
    ],
)
def test_a_setting_that_cannot_be_is_told_at_once(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        resolve(**arguments, environ={})
    assert caught.value.hint
    assert "phx_test" not in str(caught.value)


def test_plain_http_is_taken_when_asked_for() -> None:
    assert resolve("http://10.0.0.1:8000", allow_http=True, environ={}).api_url == "http://10.0.0.1:8000"


def test_what_is_missing_is_told_only_when_it_is_needed_with_where_to_find_it() -> None:
    settings = resolve("eu", environ={})
    for need, where in (
        (settings.need_key, "https://eu.posthog.com/settings/user-api-keys"),
        (settings.need_project_id, "/project/<id>"),
        (settings.need_token, "https://eu.posthog.com/settings/project"),
    ):
        with pytest.raises(MissingCredentialError) as caught:
            need()
        assert where in (caught.value.hint or "")


def test_settings_show_no_key() -> None:
    assert "phx_env" not in repr(resolve(environ=FULL))
