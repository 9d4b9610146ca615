"""What somebody calls a PostHog, and where queries and events go then."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_nb.errors import ConfigurationError
from posthog_nb.settings import resolve
from posthog_nb.settings.targets import read_target

US = ("https://us.posthog.com", "https://us.i.posthog.com")
EU = ("https://eu.posthog.com", "https://eu.i.posthog.com")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("us", US),
        (" EU ", EU),
        ("https://us.posthog.com", US),
        ("https://app.posthog.com/", US),
        ("https://us.i.posthog.com", US),
        ("https://app.i.posthog.com", US),
        ("https://us-assets.i.posthog.com/static/array.js", US),
        ("eu.posthog.com", EU),
        ("https://eu.i.posthog.com/", EU),
        ("https://eu-assets.i.posthog.com", EU),
        ("HTTPS://EU.POSTHOG.COM", EU),
        ("https://eu.posthog.com.", EU),
        ("https://eu.posthog.com:443", EU),
        ("http://us.posthog.com", US),
        ("http://us.posthog.com:80/", US),
    ],
)
def test_every_address_of_the_cloud_leads_to_both_of_its_hosts(given: str, expected: tuple[str, str]) -> None:
    target = read_target(given)
    assert (target.api_url, target.ingestion_url) == expected


@pytest.mark.parametrize(
    ("given", "expected", "label"),
    [
        ("https://analytics.example.com/", "https://analytics.example.com", "analytics.example.com"),
        ("analytics.example.com", "https://analytics.example.com", "analytics.example.com"),
        ("https://Example.com:8443/posthog//", "https://example.com:8443/posthog", "example.com:8443"),
        ("https://example.com:443", "https://example.com", "example.com"),
        ("http://localhost:8000", "http://localhost:8000", "localhost:8000"),
        ("http://localhost:80", "http://localhost", "localhost"),
        ("localhost:8000", "http://localhost:8000", "localhost:8000"),
        ("posthog.localhost", "http://posthog.localhost", "posthog.localhost"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("[::1]:8000", "http://[::1]:8000", "[::1]:8000"),
        ("https://[2001:DB8::1]/", "https://[2001:db8::1]", "[2001:db8::1]"),
        ("https://us.posthog.com.example.com", "https://us.posthog.com.example.com", "us.posthog.com.example.com"),
        ("https://posthog.example.com/project/5/insights", "https://posthog.example.com", "posthog.example.com"),
    ],
)
def test_a_posthog_of_ones_own_has_one_address_for_all(given: str, expected: str, label: str) -> None:
    target = read_target(given)
    assert (target.api_url, target.ingestion_url, target.label) == (expected, expected, label)


@pytest.mark.parametrize(
    ("given", "api_url", "project_id"),
    [
        ("https://eu.posthog.com/project/123", EU[0], 123),
        ("https://us.posthog.com/project/123/insights/abc", US[0], 123),
        ("eu.posthog.com/project/123/", EU[0], 123),
        ("https://eu.posthog.com/api/projects/123/query/", EU[0], 123),
        ("https://eu.posthog.com/api/environments/123", EU[0], 123),
        ("https://example.com/posthog/project/5", "https://example.com/posthog", 5),
        ("https://eu.posthog.com/project/", EU[0], None),
        ("https://eu.posthog.com/settings/project", EU[0], None),
        ("https://example.com/projects/5", "https://example.com/projects/5", None),
    ],
)
def test_an_address_with_a_project_in_it_names_the_project(given: str, api_url: str, project_id: int | None) -> None:
    target = read_target(given)
    assert (target.api_url, target.project_id) == (api_url, project_id)


def test_two_projects_are_one_too_many() -> None:
    address = "https://eu.posthog.com/project/123"
    assert resolve(address, environ={}).project_id == 123
    assert resolve(address, project_id=123, environ={}).project_id == 123
    with pytest.raises(ConfigurationError, match="names project 123, and the project id is 7"):
        resolve(address, project_id=7, environ={})
    with pytest.raises(ConfigurationError, match="names project 123, and the project id is 7"):
        resolve(environ={"POSTHOG_HOST": address, "POSTHOG_PROJECT_ID": "7"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("mars", "not a target"),
        ("mars:8000", "not a target"),
        ("usa", "not a target"),
        ("posthog.com", "PostHog's website"),
        ("https://www.posthog.com/docs", "PostHog's website"),
        ("ftp://example.com", "http or https"),
        ("https://", "http or https"),
        ("..", "'..', not an http or https URL"),
        ("https://a..example.com", "http or https"),
        ("https://example.com:port", "not a URL"),
        ("https://example.com:99999", "not a URL"),
        ("https://example.com:0", "port 0"),
        ("https://eu.posthog.com:8443", "no port 8443"),
        ("https://[::1", "not a URL"),
        ("https://exa mple.com", "a space"),
        ("https://example.com\nevil.example", "a line break"),
        ("https://example.com\\@evil.example", "a backslash"),
        ("https://user:password@example.com", "user name"),
        ("https://@example.com", "user name"),
        ("https://example.com/?a=1", "a query"),
        ("https://example.com/#a", "a fragment"),
        ("phx_abcdefgh", "a key or token in it"),
        ("https://example.com/?key=phx_abcdefgh", "a key or token in it"),
        ("https://eu.posthog.com/project/phc_abcdefgh", "a key or token in it"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(given: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        resolve(given, environ={})
    assert "abcdefgh" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["http://10.0.0.1", "http://analytics.example.com", "http://0.0.0.0:8000", "http://127.0.0.1.example.com"],
)
def test_plain_http_beyond_this_computer_has_to_be_asked_for(address: str) -> None:
    with pytest.raises(ConfigurationError, match="plain http"):
        resolve(address, environ={})
    assert resolve(address, allow_http=True, environ={}).api_url == address


hosts = st.from_regex(r"\A[a-z][a-z0-9-]{0,10}(\.[a-z][a-z0-9]{1,6}){1,3}\Z").filter(lambda host: "posthog" not in host)
paths = st.lists(st.from_regex(r"\A[a-z]{1,8}\Z").filter(lambda name: name not in {"project", "api"}), max_size=3)


@given(
    scheme=st.sampled_from(["https", "http", "HTTPS"]),
    host=hosts,
    port=st.none() | st.integers(1, 65535),
    path=paths,
    slashes=st.integers(0, 2),
)
def test_an_address_keeps_its_origin_and_its_path_and_reads_the_same_again(
    scheme: str, host: str, port: int | None, path: list[str], slashes: int
) -> None:
    below = "".join(f"/{name}" for name in path)
    written = f"{scheme}://{host.upper()}{'' if port is None else f':{port}'}{below}{'/' * slashes}"
    target = read_target(written)
    parts, usual = urlsplit(target.api_url), {"https": 443, "http": 80}[scheme.lower()]
    assert (parts.scheme, parts.hostname, parts.path) == (scheme.lower(), host, below)
    assert (parts.port or usual) == (port or usual)
    assert target.ingestion_url == target.api_url
    assert read_target(target.api_url) == target


@given(st.text(max_size=40) | st.from_regex(r"\A[a-z:/@.\[\]#?0-9-]{1,30}\Z"))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        target = read_target(text)
    except ConfigurationError:
        return
    if target.kind == "remote":
        assert urlsplit(target.api_url).hostname
        assert read_target(target.api_url).api_url == target.api_url
