"""Finding out what works with the settings at hand, part by part, and what to do about what does not.

What PostHog tells is used, in this order: a query of one row proves host, key, project and scope at once and brings
the time zone; the key describes itself (``personal_api_keys/@current/``) and, where it does not, is tried out; the
project's own record has its name and its token. Whether events arrive only an event can prove, since capture takes
a well-formed token of any project; short of that, feature flags know whether a token exists, and an empty batch is
refused by capture itself, which stores nothing.
"""

from __future__ import annotations

import time
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from posthog_nb.errors import (
    APIError,
    AuthenticationError,
    CaptureRefusedError,
    ConfigurationError,
    InvalidInputError,
    MissingCredentialError,
    NotFoundError,
    PermissionDeniedError,
    PostHogError,
    TransportError,
)
from posthog_nb.http.faults import scope_in
from posthog_nb.operations import capture as events
from posthog_nb.operations import writes
from posthog_nb.operations.arrival import look_up
from posthog_nb.operations.check import Check, Part
from posthog_nb.secret import Secret, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from posthog_nb.connection import Connection
    from posthog_nb.settings import Settings

__all__ = ["check"]

CHECK_EVENT = "posthog_nb check"
CHECK_DISTINCT_ID = "posthog-nb-check"

NEEDED_SCOPES = {"query:read": "queries", "person:read": "looking a person up by number"}
_NAME_SCOPE = "project:read"

_REQUEST_SECONDS = 20.0
_MOST_PROJECTS = 10
_ORDER = ("host", "project", "time zone", "read", "scopes", "token", "write")
_T = TypeVar("_T")


def check(connection: Connection, *, write: bool = False, timeout: object = 60.0) -> Check:
    """Check a connection; see :meth:`posthog_nb.client.Client.check`."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < inf:
        raise InvalidInputError(f"timeout is {timeout!r}; it is a number of seconds above 0.")
    return _Checking(connection).run(write=write, timeout=timeout)


class _Checking:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.parts: dict[str, Part] = {}
        self._own_token: Secret | None = None

    def run(self, *, write: bool, timeout: float) -> Check:
        given = self.connection.given_settings
        found = Check(self.connection.label, given.api_url)
        settings, error = _tried(lambda: self.connection.settings)
        if settings is None:
            self._say("host", False, *_of(error))
            return self._finished(found)
        found = replace(found, project_id=_tried(settings.need_project_id)[0])
        key, error = _tried(settings.need_key)
        if key is None:
            self._say("read", False, *_of(error))
            self._host_without_key()
        else:
            found = self._read(settings, found)
        found = self._write(settings, found, write=write, timeout=timeout) if self._host_is_there() else found
        return self._finished(found)

    @property
    def _place(self) -> str:
        settings = self.connection.given_settings
        if settings.kind == "remote":
            return settings.api_url
        place = "a made-up product, in this process" if settings.kind == "demo" else "a project on this computer"
        return place if settings.chosen else f"{place}, since no PostHog is configured"

    def _host_is_there(self) -> bool:
        return self.parts["host"].ok is not False

    def _host_without_key(self) -> None:
        _, error = _tried(lambda: self._probe("GET", "users/@me/", signed=False))
        if isinstance(error, AuthenticationError | PermissionDeniedError) and error.code is not None:
            self._say("host", True, self._place)
        else:
            self._say("host", False, *_no_posthog(error))

    def _read(self, settings: Settings, found: Check) -> Check:
        described, error = _tried(lambda: self._probe("GET", "personal_api_keys/@current/"))
        if isinstance(error, TransportError | ConfigurationError):
            self._say("host", False, *_of(error))
            return found
        scopes = _texts(described, "scopes")
        found = replace(found, scopes=scopes)
        if found.project_id is None:
            return self._without_project(settings, found, error)
        answer, error = _tried(lambda: self._query("SELECT 1"))
        refused = self._judge_query(settings, found, answer, error)
        if not self._host_is_there() or isinstance(error, AuthenticationError):
            return found
        if isinstance(answer, dict) and isinstance(answer.get("timezone"), str):
            found = replace(found, timezone=answer["timezone"])
        found = self._project(found, _numbers(described, "scoped_teams"))
        if found.timezone is not None:
            self._say("time zone", True, found.timezone)
        return self._scopes(found, {} if refused is None else {refused: False})

    def _without_project(self, settings: Settings, found: Check, error: PostHogError | None) -> Check:
        # Only a personal key is described there: of another kind, its refusal says nothing.
        if isinstance(error, AuthenticationError) and settings.need_key().prefix not in {"phs_", "pha_"}:
            self._refused_key(settings, error)
            return found
        if isinstance(error, APIError) and error.code is None:
            self._say("host", False, *_no_posthog(error))
            return found
        self._say("host", True, self._place)
        _, missing = _tried(settings.need_project_id)
        message, hint = _of(missing)
        listed, _ = _tried(lambda: self._probe("GET", f"projects/?limit={_MOST_PROJECTS}"))
        projects = listed.get("results") if isinstance(listed, dict) else None
        known = [
            f"{project.get('id')} ({project.get('name')})"
            for project in (projects if isinstance(projects, list) else ())
            if isinstance(project, dict)
        ]
        self._say("project", False, message, f"The key reads: {', '.join(known)}." if known else hint)
        return found if found.scopes is None else self._scopes(found, {})

    def _judge_query(self, settings: Settings, found: Check, answer: object, error: PostHogError | None) -> str | None:
        """Say what a query tells of the host and of reading; gives the scope that it lacked."""
        if error is None and not (isinstance(answer, dict) and isinstance(answer.get("results"), list)):
            self._say("host", False, *_no_posthog(None))
            return None
        if isinstance(error, TransportError | ConfigurationError) or (
            isinstance(error, NotFoundError) and error.code is None
        ):
            self._say("host", False, *_no_posthog(error))
            return None
        if isinstance(error, AuthenticationError):
            self._refused_key(settings, error)
            return None
        self._say("host", True, self._place)
        if error is None:
            self._say("read", True, "A query was answered.")
            return None
        self._say("read", False, *_of(error))
        if isinstance(error, NotFoundError):
            self._say("project", False, f"{found.host} has no project {found.project_id} for this key.", error.hint)
        return scope_in(error.message) if isinstance(error, PermissionDeniedError) else None

    def _refused_key(self, settings: Settings, error: AuthenticationError) -> None:
        """Tell a wrong region from a wrong key as well as can be without showing the key to the other region."""
        self._say("host", True, self._place)
        known = self._token_is_known(settings.find_token()) if settings.kind == "remote" else None
        other = {"us": "eu", "eu": "us"}.get(settings.label.partition(".")[0]) if settings.is_cloud else None
        if known:
            advice = "The project token is known here, so the host is right: the key is mistyped or was revoked."
        elif known is False and other:
            advice = f'The project token is unknown here as well: they may belong to the other cloud, "{other}".'
        elif other:
            advice = f'The key is mistyped or was revoked, or it belongs to the other cloud, "{other}".'
        else:
            advice = "The key is mistyped, was revoked, or belongs to another PostHog."
        self._say(
            "read", False, error.message, f"{advice} Make a new one at {settings.api_url}/settings/user-api-keys."
        )

    def _project(self, found: Check, limited_to: tuple[int, ...]) -> Check:
        shown, error = _tried(lambda: self._probe("GET", f"{self._project_path()}/"))
        if isinstance(shown, dict):
            self._own_token = Secret(str(shown.pop("api_token", None) or ""))
            name, zone = shown.get("name"), shown.get("timezone")
            found = replace(
                found,
                project_name=redact(name) if isinstance(name, str) else None,
                timezone=found.timezone or (zone if isinstance(zone, str) else None),
            )
        if "project" in self.parts:
            return found
        if limited_to and found.project_id not in limited_to:
            numbers = ", ".join(map(str, limited_to))
            advice = f"Use project {numbers}, or give the key this one."
            self._say("project", False, f"The key is limited to project {numbers}, not {found.project_id}.", advice)
        elif found.project_name is not None:
            self._say("project", True, f"{found.project_id} ({found.project_name})")
        elif self.parts["read"].ok:
            self._say("project", True, f"{found.project_id} (its name needs the scope {_NAME_SCOPE})")
        elif isinstance(error, NotFoundError) or (
            isinstance(error, PermissionDeniedError) and scope_in(error.message) is None
        ):
            self._say("project", False, *_of(error))
        else:
            self._say("project", None, f"{found.project_id}; whether it is there could not be told.")
        return found

    def _scopes(self, found: Check, known: Mapping[str, bool]) -> Check:
        has: dict[str, bool | None] = {scope: self._has(scope, found.scopes, known) for scope in NEEDED_SCOPES}
        missing = tuple(scope for scope, there in has.items() if there is False)
        found = replace(found, missing_scopes=missing)
        if missing:
            purposes = "; ".join(f"{scope} for {NEEDED_SCOPES[scope]}" for scope in missing)
            advice = f"Edit the key at {found.host}/settings/user-api-keys."
            self._say("scopes", False, f"The key lacks {purposes}.", advice)
        elif None in has.values():
            self._say("scopes", None, "What else the key may do could not be told.")
        else:
            self._say("scopes", True, f"The key has what is needed: {', '.join(NEEDED_SCOPES)}.")
        return found

    def _has(self, scope: str, scopes: Iterable[str] | None, known: Mapping[str, bool]) -> bool | None:
        if scope in known:
            return known[scope]
        if scopes is not None:
            return bool({"*", scope, scope.replace(":read", ":write")} & set(scopes))
        if scope == "query:read":
            return True if self.parts["read"].ok else None
        _, error = _tried(lambda: self._probe("GET", f"{self._project_path()}/persons/?limit=1"))
        if isinstance(error, PermissionDeniedError) and (asked := scope_in(error.message)) is not None:
            return asked != scope
        return True if error is None else None

    def _write(self, settings: Settings, found: Check, *, write: bool, timeout: float) -> Check:
        token, error = _tried(settings.need_token if write else settings.find_token)
        if token is None:
            if error is None or isinstance(error, MissingCredentialError):
                advice = f"For sending: it starts with phc_ and is shown at {found.host}/settings/project."
                self._say("token", False if write else None, "There is no project token.", advice)
            else:
                self._say("token", False, *_of(error))
            return found
        self._judge_token(token, found)
        if self.parts["token"].ok is False:
            self._say("write", None, "Nothing was sent with that token.")
            return found
        _, error = _tried(
            lambda: self._probe(
                "POST", "batch/", {"api_key": token.reveal(), "batch": []}, signed=False, kind="capture"
            )
        )
        if isinstance(error, TransportError | ConfigurationError) or (
            isinstance(error, APIError) and not (isinstance(error, CaptureRefusedError) and error.status == 400)  # noqa: PLR2004 - Bad Request: the batch is empty
        ):
            self._say("write", False, *_of(error))
            return found
        if not write:
            where = settings.ingestion_url if settings.kind == "remote" else "It"
            self._say("write", None, f"{where} takes requests.", "check(write=True) sends an event and looks it up.")
            return found
        return self._send(found, timeout)

    def _judge_token(self, token: Secret, found: Check) -> None:
        if self._own_token:
            if token == self._own_token:
                self._say("token", True, f"It is the token of project {found.project_id}.")
            else:
                advice = f"Copy it from {found.host}/settings/project."
                self._say("token", False, f"It is not the token of project {found.project_id}.", advice)
            return
        known = self._token_is_known(token)
        if known is False:
            advice = f"Copy it from {found.host}/settings/project. Events with an unknown token are taken and vanish."
            self._say("token", False, "It is unknown here.", advice)
        elif known:
            self._say("token", True, "It is known here; of which project, only a key with project:read tells.")
        else:
            self._say("token", None, "It has the right form; whether it is known here could not be told.")

    def _token_is_known(self, token: Secret | None) -> bool | None:
        """Ask for the feature flags of nobody: PostHog looks the token up, evaluates none and stores nothing."""
        if token is None:
            return None
        body = {"token": token.reveal(), "distinct_id": CHECK_DISTINCT_ID, "disable_flags": True}
        answer, error = _tried(lambda: self._probe("POST", "flags/?v=2", body, signed=False, kind="capture"))
        if isinstance(error, CaptureRefusedError) and error.status == 401:  # noqa: PLR2004 - Unauthorized
            return False
        return True if isinstance(answer, dict) else None

    def _send(self, found: Check, timeout: float) -> Check:
        receipt, error = _tried(
            lambda: events.send(
                self.connection, writes.capture(CHECK_EVENT, CHECK_DISTINCT_ID, {"$process_person_profile": False})
            )
        )
        if receipt is None:
            self._say("write", False, *_of(error))
            return found
        found = replace(found, event_uuid=receipt.uuid)
        sent = f"The event {CHECK_EVENT!r} was taken (status {receipt.status}, uuid {receipt.uuid})"
        read = self.parts.get("read")
        if read is None or not read.ok:
            self._say("write", None, f"{sent}; without reading, nobody can tell whether it arrived.")
            return found
        started = time.monotonic()
        arrivals = look_up(self.connection, {receipt.uuid: receipt.timestamp}, timeout)
        if arrivals.of(receipt.uuid):
            self._say("write", True, f"{sent} and found by a query {time.monotonic() - started:.0f} s later.")
            return found
        why = f" {arrivals.failure}" if arrivals.failure else ""
        self._say(
            "write",
            None,
            f"{sent}, and not found by a query within {timeout:g} s.{why}",
            "It may be late: look the uuid up again. Events beyond the plan's quota are taken and dropped.",
        )
        return found

    def _query(self, query: str) -> Any:  # noqa: ANN401 - JSON
        body = {"query": {"kind": "HogQLQuery", "query": query}, "refresh": "force_blocking"}
        return self._probe("POST", f"{self._project_path()}/query/", body, kind="query")

    def _project_path(self) -> str:
        return f"projects/{self.connection.settings.need_project_id()}"

    def _probe(self, method: str, path: str, body: object = None, *, signed: bool = True, kind: str = "read") -> Any:  # noqa: ANN401 - JSON
        return self.connection.probe(method, path, body, signed=signed, kind=kind, seconds=_REQUEST_SECONDS)

    def _say(self, name: str, ok: bool | None, found: str, advice: str | None = None) -> None:
        self.parts[name] = Part(name, ok, redact(found), redact(advice) if advice else None)

    def _finished(self, found: Check) -> Check:
        return replace(found, parts=tuple(self.parts.get(name) or Part(name, None, "") for name in _ORDER))


def _tried(call: Callable[[], _T]) -> tuple[_T | None, PostHogError | None]:
    try:
        return call(), None
    except PostHogError as error:
        return None, error


def _of(error: PostHogError | None) -> tuple[str, str | None]:
    return ("", None) if error is None else (error.message, error.hint)


def _no_posthog(error: PostHogError | None) -> tuple[str, str | None]:
    if isinstance(error, TransportError | ConfigurationError):
        return _of(error)
    told = f" ({error.message.rstrip('.')})" if error is not None else ""
    return f"It answers, and not as PostHog does{told}.", "Check the host, and the path of a self-hosted one."


def _texts(answer: object, name: str) -> tuple[str, ...] | None:
    found = answer.get(name) if isinstance(answer, dict) else None
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else None


def _numbers(answer: object, name: str) -> tuple[int, ...]:
    found = answer.get(name) if isinstance(answer, dict) else None
    return tuple(item for item in found if isinstance(item, int)) if isinstance(found, list) else ()
