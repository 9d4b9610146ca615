"""A Python that reaches this machine and nothing else, as in a train: what starts with this folder on its path.

A hook and no patch, so that nothing can go around it in Python, and what is caught still fails as without a network.
"""

from __future__ import annotations

import errno
import sys
from typing import Any

_HERE = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "", None}  # noqa: S104 - where a kernel listens


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"socket.getaddrinfo", "socket.gethostbyname"} and _text(arguments[0]) not in _HERE:
        import socket  # noqa: PLC0415 - whoever asks has loaded it

        raise socket.gaierror(socket.EAI_AGAIN, f"no network here: {arguments[0]!r} is not looked up")
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"} and isinstance(arguments[1], tuple):
        host = _text(arguments[1][0])
        if host not in _HERE and not str(host).startswith("127."):
            raise OSError(errno.ENETUNREACH, f"no network here: {host!r} is not reached")


def _text(host: Any) -> Any:
    return host.decode() if isinstance(host, bytes) else host


sys.addaudithook(_refuse)
