"""Signing a request. The key is put on one request at a time, never on the session, whose repr would show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from requests.auth import AuthBase

if TYPE_CHECKING:
    from requests import PreparedRequest

    from posthog_nb.secret import Secret

__all__ = ["Bearer", "Unsigned"]


class Bearer(AuthBase):
    """``Authorization: Bearer <key>`` on one request."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign ``request``."""
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return request


class Unsigned(AuthBase):
    """No credentials at all. Without it, requests would look for a password in the user's ``~/.netrc``."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Leave ``request`` as it is."""
        return request
