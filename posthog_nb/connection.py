"""A target that can be talked to: its settings, its session and, for an embedded project, its own credentials."""

from __future__ import annotations

import gzip
import json
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import ConfigurationError
from posthog_nb.http import CAPTURE, ONCE, READ, Budget, Deadline, Http, Question, Request, budget_for
from posthog_nb.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    from requests.adapters import BaseAdapter

    from posthog_nb.http import Policy, Reply
    from posthog_nb.settings import Settings
    from posthog_nb.snapshots.keeper import Keeper
    from posthog_nb.snapshots.manifest import Target
    from posthog_nb.snapshots.recording import Recording

__all__ = ["Connection", "capture_mode_of"]

CANCEL_SECONDS = 3.0
_CAPTURE_MODES = {"v0": "v0", "legacy": "v0", "v1": "v1", "analytics_v1": "v1"}
"""PostHog's SDKs know each mode by two names."""


class Connection:
    """PostHog's paths, for one project.

    Args:
        settings: The resolved target.
        adapter: Answers for an embedded project; None for a PostHog on the network.
        complete: Gives the settings their credentials when they are first needed; an embedded project makes its own.
        version: This package's version, for the ``User-Agent``.
        capture_mode: How events are sent: ``"v0"`` or ``"v1"``.
        embedded: What tells an embedded project from others, for a snapshot of it.

    Attributes:
        keeper: Records what is answered, or replays it; None where there is no snapshot.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        settings: Settings,
        *,
        version: str,
        adapter: BaseAdapter | None = None,
        complete: Callable[[Settings], Settings] | None = None,
        capture_mode: str = "v0",
        embedded: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._settings = settings
        self._embedded = embedded
        self.capture_mode = capture_mode
        self.keeper: Keeper | None = None
        self._complete = complete
        self._lock = threading.Lock()
        self.version = version
        self._http = Http(
            user_agent=f"posthog-nb/{version}",
            adapters={} if adapter is None else {settings.api_url: adapter},
            budget=budget_for(settings.api_url, limited=settings.is_cloud) if settings.kind == "remote" else None,
        )

    @property
    def label(self) -> str:
        """What to call the target in front of a reader."""
        return self._settings.label

    @property
    def given_settings(self) -> Settings:
        """The settings as they stand, without starting anything to complete them."""
        return self._settings

    @property
    def settings(self) -> Settings:
        """The settings with the credentials of an embedded project, which starts if it has to."""
        with self._lock:
            if self._complete is not None:
                self._settings = self._complete(self._settings)
                self._complete = None
            return self._settings

    @property
    def budget(self) -> Budget:
        """What may be sent to the host."""
        return self._http.budget

    def target(self) -> Target:
        """Which project this is, for a snapshot of it."""
        from posthog_nb.snapshots.manifest import Target  # noqa: PLC0415 - for who records

        own = self.settings
        if own.kind == "remote":
            return Target(host=own.label, project_id=own.need_project_id())
        if own.kind == "demo":
            from posthog_nb.embedded.demo import VERSION  # noqa: PLC0415 - as above

            return Target(host="demo", demo_version=VERSION, **self._embedded)
        return Target(host=own.kind, **self._embedded)

    def record(self, recording: Recording) -> None:
        """Record every answer from now on. A recording that goes on already does so with the pseudonyms that it has.

        Raises:
            ConfigurationError: this connection replays a snapshot, or something else is covered in what is there.
            SnapshotError: what is there is damaged.
        """
        from posthog_nb.snapshots.keeper import Recorder  # noqa: PLC0415 - as above
        from posthog_nb.snapshots.privacy import Veil  # noqa: PLC0415 - as above

        if self._settings.kind == "replay":
            raise ConfigurationError(
                f"This client is for {self.label}, and has nothing of its own to record.",
                hint="Connect without snapshot= first, or with snapshot=posthog_nb.Recording(PATH), which records.",
            )
        folder, keeper = recording.folder, self.keeper
        if not (isinstance(keeper, Recorder) and keeper.is_of(folder, recording.privacy)):
            keeper = Recorder(folder, Veil(recording.privacy), self.target)
        # Which project it is, the first question tells: until then nothing starts.
        keeper.refuse_other_privacy(folder.read())
        self.keeper = keeper

    def unkept(self) -> Connection:
        """The same connection without its snapshot: what goes through it is not recorded."""
        same = type(self).__new__(type(self))
        vars(same).update(vars(self))
        same.keeper = None
        return same

    def __reduce__(self) -> NoReturn:
        msg = (
            "A client, and a result that can go on asking, is not pickled, for it holds keys. In another process, call"
            " posthog_nb.connect() anew; of a result, fetch_all() or a frame can go there."
        )
        raise TypeError(msg)

    def start_query(  # noqa: PLR0913 - as Http.json
        self,
        body: Mapping[str, Any],
        *,
        deadline: Deadline,
        question: Question,
        read: Callable[[bytes], Any] = json.loads,
        between: Callable[[], object] | None = None,
        policy: Policy = READ,
    ) -> Any:  # noqa: ANN401 - what ``read`` makes of it
        """Post a query; see :meth:`posthog_nb.http.Http.json` for the arguments."""
        return self._http.json(
            "POST",
            f"{self._project_url()}/query/",
            key=self.settings.need_key(),
            body=body,
            deadline=deadline,
            question=question,
            read=read,
            between=between,
            policy=policy,
        )

    def query_status(
        self, query_id: str, *, deadline: Deadline, question: Question, read: Callable[[bytes], Any] = json.loads
    ) -> Any:  # noqa: ANN401 - what ``read`` makes of it
        """Ask how far an asynchronous query is.

        Raises:
            NotFoundError: PostHog knows no such query, or no longer.
        """
        return self._http.json(
            "GET",
            f"{self._query_url(query_id)}?show_progress=true",
            key=self.settings.need_key(),
            deadline=deadline,
            question=question,
            read=read,
        )

    def end_query(self, query_id: str) -> None:
        """End a query on the server, whatever its mode. Nothing happens when it has ended or the server is silent."""
        self._http.try_once("DELETE", self._query_url(query_id), key=self.settings.need_key(), seconds=CANCEL_SECONDS)

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:  # noqa: ANN401 - any JSON
        """Read ``path`` of the project's REST API, such as ``persons/17/``."""
        return self._http.json("GET", f"{self._project_url()}/{path}", key=self.settings.need_key(), params=params)

    def create(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - any JSON
        """Make something through the project's REST API. It is asked for once: a second request would make another."""
        return self._http.json(
            "POST", f"{self._project_url()}/{path}", key=self.settings.need_key(), body=body, policy=ONCE
        )

    def change(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - any JSON
        """Change something through the project's REST API, in a way that does no more when it is done twice."""
        return self._http.json("PATCH", f"{self._project_url()}/{path}", key=self.settings.need_key(), body=body)

    def probe(  # noqa: PLR0913 - a request has this many parts
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        signed: bool = True,
        kind: str = "read",
        seconds: float,
    ) -> Any:  # noqa: ANN401 - any JSON
        """Send one request to find out what works, and never a second one.

        Args:
            method: ``"GET"`` or ``"POST"``.
            path: A path below ``api/``, or one of capture's when ``kind`` is ``"capture"``.
            body: What becomes its JSON.
            signed: Whether the personal API key goes with it.
            kind: What it is about, for an error.
            seconds: How long to wait.
        """
        host = self._settings.ingestion_url if kind == "capture" else f"{self._settings.api_url}/api"
        return self._http.json(
            method,
            f"{host}/{path}",
            key=self.settings.need_key() if signed else None,
            body=body,
            deadline=Deadline(seconds),
            policy=ONCE,
            question=Question(kind=kind),
        )

    def capture(self, events: Sequence[bytes], *, historical: bool = False) -> int:
        """Send events, each as its JSON, as one batch of capture v0 and return the HTTP status of its success."""
        data = gzip.compress(_batch(self.settings.need_token(), events, historical=historical), mtime=0)
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        request = Request("POST", f"{self._settings.ingestion_url}/batch/", data=data, headers=headers)
        return self._post_events(request, CAPTURE).status

    def capture_v1(
        self, events: Sequence[bytes], *, created_at: str, request_id: str, attempt: int, historical: bool = False
    ) -> Reply:
        """Send events, each as its JSON, once, as one batch of capture v1.

        Args:
            events: The events' JSON.
            created_at: When the batch was made; the same for each attempt.
            request_id: The request's own uuid; the same for each attempt.
            attempt: Which attempt this is, from 1.
            historical: Whether it is a migration of old events.

        Raises:
            CaptureRefusedError: the request was refused as a whole.
            APIError: PostHog failed, or wants fewer requests.
            TransportError: no complete answer came back; the events may or may not have been taken.
        """
        data = gzip.compress(_created(created_at, events, historical=historical), mtime=0)
        headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "PostHog-Sdk-Info": f"posthog-nb/{self.version}",
            "PostHog-Attempt": str(attempt),
            "PostHog-Request-Id": request_id,
            "PostHog-Request-Timestamp": datetime.now(UTC).isoformat(),
        }
        url = f"{self._settings.ingestion_url}/i/v1/analytics/events/"
        request = Request("POST", url, key=self.settings.need_token(), data=data, headers=headers)
        return self._post_events(request, replace(CAPTURE, retries=0))

    def shown_body(self, event: bytes, when: str) -> bytes:
        """The body of the request that sends an event, as it is before it is compressed.

        Args:
            event: The event's JSON.
            when: What stands for the moment of the request, which capture v1 has in its body.

        Returns:
            Capture v0's body with the token masked; capture v1's, whose token is in a header.
        """
        if self.capture_mode == "v1":
            return _created(when, [event], historical=False)
        return _batch(Secret(str(self._settings.project_token or Secret("phc_"))), [event], historical=False)

    def _post_events(self, request: Request, policy: Policy) -> Reply:
        return self._http.exchange(
            request, policy=policy, deadline=Deadline(), question=Question(kind="capture"), read=lambda reply: reply
        )

    def change_project(self, own: Settings, changes: Mapping[str, object]) -> None:
        """Change settings of the project that ``own`` leads to."""
        url = f"{own.api_url}/api/projects/{own.need_project_id()}/"
        self._http.json("PATCH", url, key=own.need_key(), body=changes)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _query_url(self, query_id: str) -> str:
        return f"{self._project_url()}/query/{query_id}/"

    def _project_url(self) -> str:
        return f"{self._settings.api_url}/api/projects/{self.settings.need_project_id()}"


def _batch(token: Secret, events: Sequence[bytes], *, historical: bool) -> bytes:
    # A function of its own, so that the token in clear is no local of a frame that an error passes.
    return _body("api_key", token.reveal(), events, historical=historical)


def _created(created_at: str, events: Sequence[bytes], *, historical: bool) -> bytes:
    return _body("created_at", created_at, events, historical=historical)


def _body(name: str, text: str, events: Sequence[bytes], *, historical: bool) -> bytes:
    migration = b',"historical_migration":true' if historical else b""
    first = f"{json.dumps(name)}:{json.dumps(text)}".encode()
    return b'{%b%b,"batch":[%b]}' % (first, migration, b",".join(events))


def capture_mode_of(given: object) -> str:
    """``"v0"`` or ``"v1"``, as given or by the environment's ``POSTHOG_CAPTURE_MODE``; v0 by default.

    Raises:
        ConfigurationError: it is none of PostHog's names for the two.
    """
    name, found = "capture_mode", given
    if given is None:
        name, found = "POSTHOG_CAPTURE_MODE", os.environ.get("POSTHOG_CAPTURE_MODE", "").strip() or "v0"
    mode = _CAPTURE_MODES.get(found.strip().lower()) if isinstance(found, str) else None
    if mode is None:
        raise ConfigurationError(f"{name} is {found!r}.", hint='It is "v0", PostHog\'s usual way to send, or "v1".')
    return mode
