"""The file of profiles: its owner's alone, whole or not at all, refused when it is anything else."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pexpect
import pytest

import posthog_nb
from posthog_nb import cli
from posthog_nb.errors import ConfigurationError
from posthog_nb.secret import Secret
from posthog_nb.settings import private_file, resolve, save_profile
from posthog_nb.settings import profiles as kept_profiles
from posthog_nb.settings.profiles import read_profiles

from .tracebacks import everything_shown

ROOT = Path(__file__).parent.parent
WORK = {"host": "eu", "project_id": 7, "personal_api_key": "phx_sesame", "project_token": "phc_sesame"}


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config" / "profiles.toml"
    monkeypatch.setattr(kept_profiles, "profiles_path", lambda: path)
    return path


def written(path: Path, text: str, mode: int = 0o600) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_saved_is_read_again(path: Path) -> None:
    assert save_profile("work", **WORK) == path
    profile = read_profiles().profiles["work"]
    assert (profile.target.api_url, profile.project_id) == ("https://eu.posthog.com", 7)
    assert (profile.personal_api_key, profile.project_token) == (Secret("phx_sesame"), Secret("phc_sesame"))


def test_the_file_is_its_owners_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        save_profile("work", **WORK)
        save_profile("other", host="us")
    finally:
        os.umask(before)
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["profiles.toml"]


def test_the_file_is_as_documented(path: Path) -> None:
    save_profile("work", **WORK)
    assert tomllib.loads(path.read_text()) == {
        "default": "work",
        "profiles": {"work": {**WORK, "host": "https://eu.posthog.com"}},
    }


def test_a_profile_of_the_same_name_is_replaced_and_the_others_stay() -> None:
    save_profile("work", **WORK)
    save_profile("other", host="https://example.com/posthog")
    save_profile("work", host="us")
    kept = read_profiles()
    assert {name: profile.target.api_url for name, profile in kept.profiles.items()} == {
        "work": "https://us.posthog.com",
        "other": "https://example.com/posthog",
    }
    assert kept.profiles["work"].personal_api_key is None
    assert kept.default == "work"


def test_a_profile_is_removed_and_with_it_its_being_the_default(path: Path) -> None:
    save_profile("work", **WORK)
    save_profile("other", host="us")
    posthog_nb.remove_profile("work")
    assert "sesame" not in path.read_text()
    assert (list(read_profiles().profiles), read_profiles().usual) == (["other"], None)
    with pytest.raises(ConfigurationError, match="no such profile"):
        posthog_nb.remove_profile("work")


def test_one_called_default_is_the_default_without_being_declared(path: Path) -> None:
    written(path, '[profiles.default]\nhost = "eu"\n')
    assert resolve(environ={}).label == "eu.posthog.com"


def test_an_address_with_a_project_is_host_and_project() -> None:
    save_profile("work", host="https://eu.posthog.com/project/7/insights")
    assert read_profiles().profiles["work"].project_id == 7


def test_a_byte_order_mark_of_an_editor_does_no_harm(path: Path) -> None:
    written(path, '\ufeff[profiles.default]\nhost = "eu"\n')
    assert resolve(environ={}).label == "eu.posthog.com"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777, 0o620])
def test_a_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    save_profile("work", **WORK)
    path.chmod(mode)
    for use in (lambda: resolve(environ={}), lambda: save_profile("other", host="us")):
        with pytest.raises(ConfigurationError, match=f"may be read by others .mode {mode:04o}") as caught:
            use()
        assert caught.value.hint == f"Run: chmod 600 '{path}'"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_its_owner_alone_is_read(path: Path, mode: int) -> None:
    save_profile("work", **WORK)
    path.chmod(mode)
    assert resolve(environ={}).label == "eu.posthog.com"


def test_a_link_is_refused_and_what_it_leads_to_left_alone(path: Path, tmp_path: Path) -> None:
    save_profile("work", **WORK)
    elsewhere = tmp_path / "elsewhere.toml"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = elsewhere.read_text()
    for use in (lambda: resolve(environ={}), lambda: save_profile("other", host="us")):
        with pytest.raises(ConfigurationError, match="is a link"):
            use()
    assert elsewhere.read_text() == before


def test_a_link_that_comes_after_the_look_is_refused_by_the_system(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "elsewhere.toml", "")
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere.toml")
    monkeypatch.setattr(Path, "is_symlink", lambda _: False)
    with pytest.raises(ConfigurationError, match="is a link"):
        read_profiles()


def test_another_users_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_profile("work", **WORK)
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        resolve(environ={})


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_and_not_waited_for(path: Path, make: Any) -> None:
    path.parent.mkdir()
    make(path)
    with pytest.raises(ConfigurationError, match=r"is not a file|cannot be read"):
        read_profiles()


def test_where_modes_tell_nothing_links_are_still_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_file, "MODES_TELL", False)
    written(path, '[profiles.default]\nhost = "eu"\n', mode=0o644)
    assert resolve(environ={}).label == "eu.posthog.com"
    path.rename(path.with_name("other.toml"))
    path.symlink_to(path.with_name("other.toml"))
    with pytest.raises(ConfigurationError, match="is a link"):
        read_profiles()


def test_a_file_that_cannot_be_written_stays_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_profile("work", **WORK)
    before = path.read_text()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left on device") as caught:
        save_profile("other", host="us", personal_api_key="phx_sesame")
    assert "sesame" not in everything_shown(caught.value, but=__file__)
    assert path.read_text() == before
    assert [file.name for file in path.parent.iterdir()] == ["profiles.toml"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('personal_api_key = "phx_sesame\n', "is not TOML"),
        ("\xff", "is not TOML"),
        ("personal_api_key = 'phx_sesame'\na = " + "[" * 100_000, "is not TOML"),
        ('personal_api_key = "phx_sesame"', "something else than"),
        ("profiles = 5", "something else than"),
        ("default = 5", "something else than"),
        ('default = "work"', "no such profile"),
        ('profiles.work = "phx_sesame"', "not a table"),
        ("[profiles.work]", "The host of"),
        ('[profiles.work]\nhost = "mars"', "not a target"),
        ('[profiles.work]\nhost = "demo"', "a PostHog on the network"),
        ('[profiles."my work"]\nhost = "eu"', "cannot be called"),
        ('[profiles.work]\nhost = "eu"\nproject = 7\npersonal_api_key = "phx_sesame"', "no setting 'project'"),
        ('[profiles.work]\nhost = "eu"\nproject_id = "seven"\npersonal_api_key = "sesame"', "not a number"),
        ('[profiles.work]\nhost = "eu"\npersonal_api_key = "phc_sesame"', "is a project token"),
        ('[profiles.work]\nhost = "eu"\npersonal_api_key = 5', "of type int"),
        ('[profiles.work]\nhost = "eu"\nkeyring = "yes"\npersonal_api_key = "sesame"', "neither true nor false"),
    ],
)
def test_a_file_of_another_form_is_refused_without_showing_it(path: Path, text: str, said: str) -> None:
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=said) as caught:
        resolve(environ={})
    assert "sesame" not in everything_shown(caught.value, but=__file__)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "my work", "host": "eu"}, "cannot be called 'my work'"),
        ({"name": "", "host": "eu"}, "cannot be called"),
        ({"name": 5, "host": "eu"}, "cannot be called"),
        ({"host": "demo"}, "a PostHog on the network"),
        ({"host": "local"}, "a PostHog on the network"),
        ({"host": "mars"}, "not a target"),
        ({"host": "eu", "project_id": "x"}, "not a number"),
        ({"host": "eu", "personal_api_key": "phc_sesame"}, "is a project token"),
        ({"host": "eu", "project_token": '"phc_sesame"'}, "in quotes"),
    ],
)
def test_a_profile_that_cannot_be_is_refused_before_anything_is_written(
    path: Path, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        save_profile(**arguments)
    assert not path.exists()
    assert "sesame" not in everything_shown(caught.value, but=__file__)


def test_a_profile_by_plain_http_is_kept_and_used_only_when_asked_for() -> None:
    save_profile("lab", host="http://10.0.0.1:8000")
    with pytest.raises(ConfigurationError, match="plain http"):
        resolve(profile="lab", environ={})
    assert resolve(profile="lab", allow_http=True, environ={}).label == "10.0.0.1:8000"
    assert resolve("us", environ={}).label == "us.posthog.com", "what is not used is not refused"


# At the command line


def test_the_command_line_asks_for_the_secrets_and_shows_none(tmp_path: Path) -> None:
    environ = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    arguments = ["-m", "posthog_nb", "profile", "save", "work", "--host", "eu", "--project-id", "7", "--default"]
    typist = pexpect.spawn(sys.executable, arguments, env=environ, cwd=str(ROOT), encoding="utf-8", timeout=30)
    for secret in ("phx_sesame", "phc_sesame"):
        typist.expect("empty for none\\): ")
        typist.sendline(secret)
    typist.expect(pexpect.EOF)
    typist.close()
    shown = subprocess.run(
        [sys.executable, "-m", "posthog_nb", "profile", "list"], env=environ, capture_output=True, text=True, check=True
    ).stdout
    file = Path(shown.splitlines()[0])
    assert typist.exitstatus == 0
    assert typist.before is not None
    assert "sesame" not in typist.before + shown
    assert shown.splitlines()[1:] == ["* work: https://eu.posthog.com, project 7, phx_..., phc_..."]
    assert file.read_text().count("sesame") == 2
    assert mode_of(file) == 0o600


def test_profiles_are_listed_and_removed(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    assert cli.main(["profile", "list"]) == 0
    assert cli.main(["profile", "save", "--host", "us"]) == 0
    assert cli.main(["profile", "list"]) == 0
    assert cli.main(["profile", "remove", "default"]) == 0
    assert cli.main(["profile", "remove", "default"]) == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        f"There are no profiles in {path}.",
        f"default: https://us.posthog.com, no keys. Saved in {path}.",
        str(path),
        "* default: https://us.posthog.com, no keys",
        "Removed default.",
    ]
    assert "no such profile" in shown.err


@pytest.mark.parametrize("action", ["list", "save", "remove"])
def test_every_option_of_the_command_is_documented(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["profile", action, "--help"])
    documented = (ROOT / "docs" / "connecting.md").read_text()
    assert f"posthog-nb profile {action}" in documented
    options = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert {option for option in options if option not in documented} == set()
