"""Where settings come from, in which order, and to which host what they hold may go."""

from __future__ import annotations

import getpass
import io
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import keyring
import pytest
from jupyter_client.manager import start_new_kernel
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

import posthog_nb
from posthog_nb.errors import ConfigurationError, MissingCredentialError, TransportError
from posthog_nb.secret import Secret
from posthog_nb.settings import Settings, resolve, save_profile
from posthog_nb.settings import profiles as kept_profiles

from .tracebacks import everything_shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
EU = "https://eu.posthog.com"


@pytest.fixture(autouse=True)
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config" / "profiles.toml"
    monkeypatch.setattr(kept_profiles, "profiles_path", lambda: path)
    return path


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Colab's secrets: the module that a Colab kernel has loaded."""
    secrets: dict[str, str] = {}
    package, userdata = ModuleType("google.colab"), ModuleType("google.colab.userdata")

    def get(name: str) -> str:
        if name not in secrets:
            raise RuntimeError(f"Secret {name} does not exist.")
        return secrets[name]

    userdata.get = get  # type: ignore[attr-defined]
    package.userdata = userdata  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", package)
    monkeypatch.setitem(sys.modules, "google.colab.userdata", userdata)
    return secrets


class InMemory(KeyringBackend):
    """A real keyring backend that forgets everything with the process, counts, and can be locked."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.asked: list[tuple[str, str]] = []
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append((service, username))
        if self.locked:
            raise KeyringLocked("phx_secretsecret")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringLocked(password)
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@pytest.fixture
def ring() -> Iterator[InMemory]:
    before, ring = keyring.get_keyring(), InMemory()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Somebody at a terminal, with these answers; gives the questions."""

    def sits_there(*answers: str | BaseException) -> list[str]:
        questions: list[str] = []
        left = list(answers)

        def ask(question: str) -> str:
            questions.append(question)
            answer = left.pop(0)
            if isinstance(answer, BaseException):
                raise answer
            return answer

        stdin = io.StringIO()
        monkeypatch.setattr(stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(getpass, "getpass", ask)
        return questions

    return sits_there


def key_of(settings: Settings) -> str | None:
    try:
        return settings.need_key().reveal()
    except MissingCredentialError:
        return None


def token_of(settings: Settings) -> str | None:
    found = settings.find_token()
    return None if found is None else found.reveal()


# Names in the environment


@pytest.mark.parametrize(
    ("environ", "key", "token"),
    [
        ({"POSTHOG_PERSONAL_API_KEY": "phx_a"}, "phx_a", None),
        ({"POSTHOG_PROJECT_TOKEN": "phc_a"}, None, "phc_a"),
        ({"POSTHOG_PROJECT_API_KEY": "phc_a"}, None, "phc_a"),
        ({"POSTHOG_PROJECT_API_KEY": "phc_a", "POSTHOG_PROJECT_TOKEN": "phc_b"}, None, "phc_b"),
        ({"POSTHOG_API_KEY": "phc_a"}, None, "phc_a"),
        ({"POSTHOG_API_KEY": "phx_a"}, "phx_a", None),
        ({"POSTHOG_API_KEY": "phs_a"}, "phs_a", None),
        ({"POSTHOG_API_KEY": "of-an-old-server"}, "of-an-old-server", None),
        ({"POSTHOG_API_KEY": "phx_a", "POSTHOG_PERSONAL_API_KEY": "phx_b"}, "phx_b", None),
        ({"POSTHOG_API_KEY": "phc_a", "POSTHOG_PROJECT_TOKEN": "phc_b"}, None, "phc_b"),
        ({"POSTHOG_API_KEY": "phc_a", "POSTHOG_PERSONAL_API_KEY": "phx_b"}, "phx_b", "phc_a"),
        ({"POSTHOG_CLI_API_KEY": "phx_a"}, "phx_a", None),
        ({"POSTHOG_CLI_TOKEN": "phx_a"}, "phx_a", None),
        ({"POSTHOG_CLI_TOKEN": "phx_a", "POSTHOG_CLI_API_KEY": "phx_b"}, "phx_b", None),
        ({"POSTHOG_CLI_API_KEY": "phx_a", "POSTHOG_PERSONAL_API_KEY": "phx_b"}, "phx_b", None),
    ],
)
def test_the_names_of_posthogs_own_programs_are_understood(
    environ: dict[str, str], key: str | None, token: str | None
) -> None:
    settings = resolve(environ=environ)
    assert (settings.kind, settings.label) == ("remote", "us.posthog.com")
    assert (key_of(settings), token_of(settings)) == (key, token)


def test_the_command_lines_variables_are_a_set_of_their_own() -> None:
    line = {"POSTHOG_CLI_API_KEY": "phx_line", "POSTHOG_CLI_ENV_ID": "7", "POSTHOG_CLI_HOST": EU}
    settings = resolve(environ=line)
    assert (settings.label, settings.project_id, key_of(settings)) == ("eu.posthog.com", 7, "phx_line")
    assert resolve(environ=line | {"POSTHOG_CLI_PROJECT_ID": "8"}).project_id == 8
    assert resolve(environ={"POSTHOG_CLI_HOST": EU}).kind == "demo", "a host alone redirects nothing"
    elsewhere = resolve(environ=line | {"POSTHOG_HOST": "us"})
    assert (elsewhere.label, elsewhere.project_id, key_of(elsewhere)) == ("us.posthog.com", None, None)


@pytest.mark.parametrize(
    ("setting", "fault"), [("project_id", "seven"), ("personal_api_key", "phc_a"), ("project_token", "your token")]
)
def test_a_faulty_variable_is_told_when_it_counts_and_does_no_harm_else(setting: str, fault: str) -> None:
    given: dict[str, Any] = {"project_id": 7, "personal_api_key": "phx_a", "project_token": "phc_a"}
    environ = {f"POSTHOG_{setting.upper()}": fault}
    settings = resolve("eu", **given, environ=environ)
    assert (settings.project_id, key_of(settings), token_of(settings)) == (7, "phx_a", "phc_a")
    with pytest.raises(ConfigurationError, match=f"POSTHOG_{setting.upper()}"):
        resolve("eu", **given | {setting: None}, environ=environ)


# A set belongs to its host


@pytest.mark.parametrize(
    ("target", "environ", "key"),
    [
        ("eu", {"POSTHOG_HOST": "eu"}, "phx_env"),
        (EU, {"POSTHOG_HOST": "https://eu.i.posthog.com/"}, "phx_env"),
        ("us", {"POSTHOG_HOST": "eu"}, None),
        ("https://example.com", {"POSTHOG_HOST": "eu"}, None),
        ("https://example.com", {}, "phx_env"),
        ("eu", {}, "phx_env"),
        (None, {}, "phx_env"),
        ("eu", {"POSTHOG_HOST": "demo"}, "phx_env"),
    ],
)
def test_the_environments_key_goes_to_the_environments_host(
    target: str | None, environ: dict[str, str], key: str | None
) -> None:
    settings = resolve(target, environ={"POSTHOG_PERSONAL_API_KEY": "phx_env", **environ})
    assert key_of(settings) == key


def test_what_was_passed_over_is_told_with_what_is_missing() -> None:
    settings = resolve("us", environ={"POSTHOG_HOST": "eu", "POSTHOG_PERSONAL_API_KEY": "phx_env"})
    with pytest.raises(MissingCredentialError, match=r"The environment is for eu\.posthog\.com\."):
        settings.need_key()


def test_a_profiles_secrets_go_to_its_host_alone() -> None:
    save_profile("work", host="eu", project_id=7, personal_api_key="phx_work", project_token="phc_work")
    for environ in ({"POSTHOG_HOST": "us"}, {"POSTHOG_HOST": "us", "POSTHOG_PROFILE": "work"}):
        settings = resolve(environ=environ)
        assert (key_of(settings), token_of(settings), settings.project_id) == (None, None, None)
        with pytest.raises(MissingCredentialError, match=r"The profile work is for eu\.posthog\.com"):
            settings.need_key()
    assert key_of(resolve("https://evil.example", environ={})) is None
    assert key_of(resolve("https://eu.i.posthog.com", environ={})) == "phx_work"


def test_a_token_of_another_project_is_not_taken() -> None:
    environ = {"POSTHOG_PROJECT_ID": "7", "POSTHOG_PROJECT_TOKEN": "phc_7", "POSTHOG_PERSONAL_API_KEY": "phx_a"}
    assert token_of(resolve(environ=environ)) == "phc_7"
    assert token_of(resolve(project_id=7, environ=environ)) == "phc_7"
    other = resolve(project_id=8, environ=environ)
    assert (other.project_id, key_of(other), token_of(other)) == (8, "phx_a", None)
    with pytest.raises(MissingCredentialError, match="The environment is for project 7 and not 8"):
        other.need_token()
    assert token_of(resolve(project_id=8, project_token="phc_8", environ=environ)) == "phc_8"


# Profiles


def test_a_profile_named_in_the_call_comes_before_the_environment() -> None:
    save_profile("work", host="eu", project_id=7, personal_api_key="phx_work")
    environ = {"POSTHOG_HOST": "us", "POSTHOG_PERSONAL_API_KEY": "phx_env", "POSTHOG_PROJECT_ID": "1"}
    settings = resolve(profile="work", environ=environ)
    assert (settings.label, settings.project_id, key_of(settings)) == ("eu.posthog.com", 7, "phx_work")
    assert resolve(profile="work", project_id=8, environ=environ).project_id == 8
    assert key_of(resolve(profile="work", personal_api_key="phx_arg", environ=environ)) == "phx_arg"


def test_what_a_named_profile_lacks_comes_from_an_environment_of_the_same_host_or_none() -> None:
    save_profile("work", host="eu", project_id=7)
    key = {"POSTHOG_PERSONAL_API_KEY": "phx_env"}
    assert key_of(resolve(profile="work", environ=key)) == "phx_env"
    assert key_of(resolve(profile="work", environ=key | {"POSTHOG_HOST": "us"})) is None
    assert resolve(environ=key | {"POSTHOG_PROFILE": "work"}).label == "eu.posthog.com"


def test_a_profile_named_in_the_environment_comes_after_its_other_variables() -> None:
    save_profile("work", host="eu", project_id=7, personal_api_key="phx_work")
    environ = {"POSTHOG_PROFILE": "work", "POSTHOG_PROJECT_ID": "8", "POSTHOG_PERSONAL_API_KEY": "phx_env"}
    settings = resolve(environ=environ)
    assert (settings.label, settings.project_id, key_of(settings)) == ("eu.posthog.com", 8, "phx_env")


def test_the_default_profile_decides_when_nothing_else_does() -> None:
    assert resolve(environ={}).kind == "demo"
    save_profile("work", host="eu", project_id=7, personal_api_key="phx_work")
    save_profile("other", host="us", project_id=8, personal_api_key="phx_other")
    settings = resolve(environ={})
    assert (settings.label, settings.project_id, key_of(settings)) == ("eu.posthog.com", 7, "phx_work")
    assert resolve(environ={"POSTHOG_PROJECT_ID": "9"}).project_id == 9
    assert resolve("demo", environ={}).kind == "demo"
    save_profile("other", host="us", default=True)
    assert resolve(environ={}).label == "us.posthog.com"


def test_a_key_in_the_environment_without_a_host_is_for_the_us_cloud_whatever_the_default_profile() -> None:
    save_profile("work", host="https://example.com", project_id=7)
    settings = resolve(environ={"POSTHOG_PERSONAL_API_KEY": "phx_env"})
    assert (settings.label, settings.project_id) == ("us.posthog.com", None)
    with pytest.raises(MissingCredentialError, match=r"The profile work is for example\.com"):
        settings.need_project_id()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"profile": "nope"}, r"no such profile \(work\)"),
        ({"environ": {"POSTHOG_PROFILE": "nope"}}, "POSTHOG_PROFILE is 'nope'"),
        ({"profile": "work", "target": "us"}, "The target is us.posthog.com, and the profile work is for eu"),
        ({"profile": "work", "target": "demo"}, "The target is demo"),
        ({"profile": 5}, "not the name of a profile"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_told_at_once(arguments: dict[str, Any], said: str) -> None:
    save_profile("work", host="eu", project_id=7)
    with pytest.raises(ConfigurationError, match=said):
        resolve(**{"environ": {}, **arguments})


# Colab


def test_colabs_secrets_decide_and_are_used(colab: dict[str, str]) -> None:
    assert resolve(environ={}).kind == "demo"
    colab |= {"POSTHOG_HOST": "eu", "POSTHOG_PROJECT_ID": "7", "POSTHOG_API_KEY": "phx_colab"}
    settings = resolve(environ={})
    assert (settings.label, settings.project_id, key_of(settings)) == ("eu.posthog.com", 7, "phx_colab")


def test_colab_comes_after_the_environment_and_before_the_default_profile(colab: dict[str, str]) -> None:
    save_profile("work", host="us", project_id=7, personal_api_key="phx_work")
    colab["POSTHOG_PERSONAL_API_KEY"] = "phx_colab"
    assert key_of(resolve(environ={})) == "phx_colab"
    assert resolve(environ={}).need_project_id() == 7, "the profile fills in, for the same host"
    assert key_of(resolve(environ={"POSTHOG_PERSONAL_API_KEY": "phx_env"})) == "phx_env"


def test_colabs_secrets_belong_to_colabs_host(colab: dict[str, str]) -> None:
    colab |= {"POSTHOG_HOST": "us", "POSTHOG_PERSONAL_API_KEY": "phx_colab"}
    assert key_of(resolve("https://evil.example", environ={})) is None
    assert key_of(resolve("us", environ={})) == "phx_colab"


def test_outside_colab_nothing_of_it_is_imported() -> None:
    assert "google.colab" not in sys.modules
    resolve(environ={})
    assert "google.colab" not in sys.modules


# Keyring


def test_a_profile_keeps_its_secrets_in_the_keyring(ring: InMemory, profiles: Path) -> None:
    save_profile("work", host="eu", project_id=7, personal_api_key="phx_a", project_token="phc_a", keyring=True)
    assert set(ring.entries.values()) == {"phx_a", "phc_a"}
    assert "phx_a" not in profiles.read_text()
    settings = resolve(environ={})
    assert ring.asked == [], "deciding where to connect asks no keyring"
    assert (key_of(settings), token_of(settings)) == ("phx_a", "phc_a")


def test_the_keyring_is_asked_for_what_is_needed_and_by_whom_it_concerns_alone(ring: InMemory) -> None:
    save_profile("work", host="eu", project_id=7, personal_api_key="phx_a", keyring=True)
    key_of(resolve("eu", personal_api_key="phx_arg", environ={}))
    resolve(environ={}).need_project_id()
    assert ring.asked == []
    key_of(resolve("us", environ={}))
    assert ring.asked == [("posthog-nb https://us.posthog.com", "personal_api_key")]
    ring.asked.clear()
    key_of(resolve("eu", environ={}))
    assert [entry for _, entry in ring.asked] == ["personal_api_key", "work personal_api_key"]


def test_a_secret_in_the_keyring_needs_no_profile(ring: InMemory) -> None:
    keyring.set_password("posthog-nb https://eu.posthog.com", "personal_api_key", "phx_ring")
    keyring.set_password("posthog-nb https://eu.posthog.com", "project_token", "phc_ring")
    save_profile("work", host="eu", project_id=7, personal_api_key="phx_file", project_token="phc_file")
    settings = resolve("eu", environ={})
    assert ring.asked == []
    assert (key_of(settings), token_of(settings)) == ("phx_ring", "phc_ring"), "it comes before the default profile"
    assert key_of(resolve("eu", environ={"POSTHOG_PERSONAL_API_KEY": "phx_env"})) == "phx_env"
    assert key_of(resolve("us", environ={})) is None, "it is for its own host"


def test_a_keyring_without_a_backend_is_passed_over_in_silence(
    ring: InMemory, caplog: pytest.LogCaptureFixture
) -> None:
    ring.locked = True
    with caplog.at_level(logging.INFO), pytest.raises(MissingCredentialError):
        resolve("eu", environ={}).need_key()
    assert caplog.text == ""


def test_the_keyrings_secret_is_for_the_host_that_it_was_saved_for(ring: InMemory, profiles: Path) -> None:
    save_profile("work", host="eu", project_id=7, personal_api_key="phx_a", keyring=True)
    profiles.write_text(profiles.read_text().replace(EU, "https://evil.example"))
    settings = resolve(environ={})
    assert settings.label == "evil.example"
    assert key_of(settings) is None


def test_a_locked_keyring_is_no_keyring_and_says_so(ring: InMemory, caplog: pytest.LogCaptureFixture) -> None:
    save_profile("work", host="eu", project_id=7, personal_api_key="phx_a", keyring=True)
    ring.locked = True
    settings = resolve(environ={})
    with caplog.at_level(logging.WARNING), pytest.raises(MissingCredentialError):
        settings.need_key()
    assert "The keyring cannot be read (KeyringLocked); its secrets are not used." in caplog.text
    assert "phx_secret" not in caplog.text
    ring.locked = False
    assert key_of(settings) == "phx_a", "an unlocked one is asked again"


def test_a_missing_keyring_library_is_told(
    ring: InMemory,
    terminal: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    save_profile("work", host="eu", personal_api_key="phx_a", keyring=True)
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert key_of(resolve(environ={})) is None
    assert "the keyring library is not installed; pip install 'posthog-nb[keyring]'" in caplog.text
    with pytest.raises(posthog_nb.errors.MissingDependencyError, match="keyring"):
        save_profile("work", host="eu", personal_api_key="phx_a", keyring=True)
    questions = terminal("phx_typed", "phc_typed")
    with pytest.raises(posthog_nb.errors.MissingDependencyError, match="keyring"):
        save_profile("work", host="eu", keyring=True)
    assert questions == [], "nobody types a key that cannot be kept"


def test_a_secret_that_the_keyring_does_not_take_is_in_no_error(ring: InMemory) -> None:
    ring.locked = True
    with pytest.raises(ConfigurationError, match=r"does not take the secret \(KeyringLocked\)") as caught:
        save_profile("work", host="eu", personal_api_key="phx_secretsecret", keyring=True)
    assert caught.value.__context__ is None
    assert "secretsecret" not in everything_shown(caught.value, but=__file__)


def test_saving_anew_and_removing_leave_nothing_in_the_keyring(ring: InMemory) -> None:
    save_profile("work", host="eu", personal_api_key="phx_a", project_token="phc_a", keyring=True)
    save_profile("work", host="us", personal_api_key="phx_b", keyring=True)
    assert list(ring.entries.values()) == ["phx_b"]
    posthog_nb.remove_profile("work")
    assert ring.entries == {}


# Asking


def test_a_key_that_is_needed_and_missing_is_asked_for_once(terminal: Callable[..., list[str]]) -> None:
    questions = terminal("phx_typed", "phc_typed")
    settings = resolve("eu", project_id=7, environ={})
    assert questions == []
    assert [settings.need_key(), settings.need_key()] == [Secret("phx_typed")] * 2
    assert settings.need_token() == Secret("phc_typed")
    assert questions == [
        "Personal API key (phx_...) for eu.posthog.com (not shown): ",
        "Project token (phc_...) for eu.posthog.com (not shown): ",
    ]


def test_an_empty_answer_is_a_missing_key(terminal: Callable[..., list[str]]) -> None:
    questions = terminal("")
    settings = resolve("eu", environ={})
    for _ in range(2):
        with pytest.raises(MissingCredentialError):
            settings.need_key()
    assert len(questions) == 1


def test_end_of_input_is_an_empty_answer_and_an_interrupt_an_interrupt(terminal: Callable[..., list[str]]) -> None:
    terminal(EOFError(), KeyboardInterrupt())
    with pytest.raises(MissingCredentialError):
        resolve("eu", environ={}).need_key()
    with pytest.raises(KeyboardInterrupt):
        resolve("eu", environ={}).need_key()


def test_a_wrong_answer_is_told_and_asked_for_again(terminal: Callable[..., list[str]]) -> None:
    terminal("phc_token", "phx_typed")
    settings = resolve("eu", environ={})
    with pytest.raises(ConfigurationError, match="project token"):
        settings.need_key()
    assert key_of(settings) == "phx_typed"


def test_nobody_is_asked_for_what_is_at_hand_or_when_nobody_sits_there(
    terminal: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = terminal("phx_typed")
    resolve("eu", personal_api_key="phx_arg", environ={}).need_key()
    with pytest.raises(MissingCredentialError):
        resolve("eu", environ={}).need_project_id()
    assert token_of(resolve("eu", environ={})) is None
    for stdin in (None, io.StringIO()):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert key_of(resolve("eu", environ={})) is None
    assert questions == []


@pytest.mark.filterwarnings("default::getpass.GetPassWarning")  # as it is outside of these tests
def test_a_terminal_that_would_show_the_key_is_not_asked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.StringIO("phx_shown\n")
    monkeypatch.setattr(stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(getpass, "getpass", getpass.fallback_getpass)
    assert key_of(resolve("eu", environ={})) is None


@pytest.mark.parametrize(("answer", "key"), [("phx_typed", "phx_typed"), (NotImplementedError(), None)])
def test_a_kernel_is_asked_when_it_has_input(
    answer: str | BaseException, key: str | None, monkeypatch: pytest.MonkeyPatch, terminal: Callable[..., list[str]]
) -> None:
    terminal(answer)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    ipython = ModuleType("IPython")
    ipython.get_ipython = type("Shell", (), {"kernel": object()})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert key_of(resolve("eu", environ={})) == key


@pytest.mark.slow
def test_a_real_kernel_asks_where_its_front_end_takes_input_and_only_there() -> None:
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(ROOT))
    code = (
        "from posthog_nb.errors import MissingCredentialError\n"
        "from posthog_nb.settings import resolve\n"
        "try:\n    print(resolve('eu', environ={}).need_key().reveal().upper())\n"
        "except MissingCredentialError:\n    print('missing')"
    )
    asked, shown = [], []

    def answer(message: dict[str, Any]) -> None:
        asked.append(message["content"])
        client.input("phx_typed")

    def show(message: dict[str, Any]) -> None:
        shown.append(message["content"].get("text", ""))

    try:
        client.execute_interactive(code, timeout=30, allow_stdin=True, stdin_hook=answer, output_hook=show)
        client.execute_interactive(code, timeout=30, allow_stdin=False, output_hook=show)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert [(question["prompt"], question["password"]) for question in asked] == [
        ("Personal API key (phx_...) for eu.posthog.com (not shown): ", True)
    ]
    assert "".join(shown).split() == ["PHX_TYPED", "missing"]


# Keys and tokens as they are pasted


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ('"phx_abcdefgh"', "in quotes"),
        ("POSTHOG_PERSONAL_API_KEY=phx_abcdefgh", "has a '=' in it"),
        ("'phx_abcdefgh", "in quotes"),
        ("\u201cphx_abcdefgh\u201d", "in quotes"),
        ("Bearer phx_abcdefgh", "'Bearer'"),
        ("bearer phx_abcdefgh", "'Bearer'"),
        ("phx_abcd\nefgh", "a line break"),
        ("phx_abcd\refgh", "a line break"),
        ("phx_abcd\u2028efgh", "a line break"),
        ("phx_abcd efgh", "a space"),
        ("phx_abcd\u00a0efgh", "a space"),
        ("phx_abcdéfgh", "not ASCII"),
        ("phx_abcd\u200befgh", "not ASCII"),
        ("phx_abcd\x00efgh", "a control character"),
        ("phc_abcdefgh", "is a project token"),
        ("phr_abcdefgh", "refresh token"),
    ],
)
def test_a_key_that_cannot_be_sent_is_told_at_once(key: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        resolve("eu", personal_api_key=key, environ={})
    assert "abcd" not in everything_shown(caught.value, but=__file__)
    with pytest.raises(ConfigurationError, match="POSTHOG_PERSONAL_API_KEY"):
        resolve(environ={"POSTHOG_PERSONAL_API_KEY": key})


@pytest.mark.parametrize("key", ["phx_a", "phs_a", "pha_a", "of-an-old-server", " phx_a\n"])
def test_keys_of_every_kind_that_reads_are_taken(key: str) -> None:
    assert key_of(resolve("eu", personal_api_key=key, environ={})) == key.strip()


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("phx_abcdefgh", "private key"),
        ("phs_abcdefgh", "private key"),
        ("pha_abcdefgh", "private key"),
        ("phr_abcdefgh", "private key"),
        ("phc_" + "a" * 61, "65 characters"),
        ("phc_abcd efgh", "a space"),
    ],
)
def test_a_token_that_cannot_be_sent_is_told_at_once(token: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        resolve("eu", project_token=token, environ={})


@pytest.mark.parametrize("project_id", ["0", 0, -7, 7.0, True, "phx_abcdefgh", "7a"])
def test_a_project_id_is_a_positive_whole_number(project_id: Any) -> None:
    with pytest.raises(ConfigurationError, match="not a number"):
        resolve("eu", project_id=project_id, environ={})


# Nothing of a secret


@pytest.mark.parametrize(
    "arguments",
    [
        {"personal_api_key": "Bearer phx_sesame"},
        {"project_token": "phx_sesame"},
        {"project_id": "phx_sesame"},
        {"target": "phx_sesame"},
        {"target": "https://me:phx_sesame@example.com"},
        {"profile": "phx_sesame"},
        {"target": "us", "personal_api_key": "phx_sesame", "allow_http": False, "frame": "none"},
        {"target": "http://10.0.0.1", "personal_api_key": "phx_sesame"},
    ],
)
def test_no_traceback_shows_what_was_given(arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "phx_sesame")
    with pytest.raises(posthog_nb.PostHogError) as caught:
        posthog_nb.connect(**arguments)
    assert "sesame" not in everything_shown(caught.value, but=__file__)


def test_no_traceback_shows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "phx_sesame")
    monkeypatch.setenv("POSTHOG_PROJECT_ID", "seven")
    with pytest.raises(ConfigurationError, match="POSTHOG_PROJECT_ID") as caught:
        posthog_nb.connect()
    assert "sesame" not in everything_shown(caught.value, but=__file__)


def test_no_traceback_of_a_request_shows_its_signature() -> None:
    with (
        posthog_nb.connect("http://127.0.0.1:9", project_id=7, personal_api_key="phx_sesame") as ph,
        pytest.raises(TransportError) as caught,
    ):
        ph._connection.probe("GET", "users/@me/", seconds=5)
    assert caught.value.__cause__ is not None
    assert "sesame" not in everything_shown(caught.value, but=__file__)


def test_settings_and_client_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    save_profile("work", host="eu", project_id=7, personal_api_key="phx_sesame", project_token="phc_sesame")
    with posthog_nb.connect(profile="work") as ph:
        settings = ph._connection.settings
        shown = repr([settings, settings.chain, ph, vars(ph), vars(settings.chain), kept_profiles.read_profiles()])
    assert "sesame" not in shown
