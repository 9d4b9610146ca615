"""Programs without a network: a loopback, on which kernels and servers talk, and nothing else."""

from __future__ import annotations

import socket

__all__ = ["check_that_nothing_is_reached", "without_network"]


def without_network(command: list[str]) -> list[str]:
    """``command`` in a network namespace of its own (Linux, with util-linux and iproute2)."""
    return ["unshare", "--net", "--map-root-user", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]


def check_that_nothing_is_reached() -> None:
    """Fail where there is a network after all.

    Raises:
        AssertionError: PyPI was reached, by name or by number.
    """
    for host in ("pypi.org", "151.101.0.223"):
        try:
            socket.create_connection((host, 443), timeout=5).close()
        except OSError:
            continue
        raise AssertionError(f"{host} was reached: this is to run without a network.")
