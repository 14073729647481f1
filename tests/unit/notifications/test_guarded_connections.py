"""The guard itself: what the thread that sends may do, and that it concerns no other thread."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from rootkeeper.notifications.rules import AllowedHosts, parse_allowed_hosts
from rootkeeper.notifications.sending import ConnectionGuard, ConnectionRefusedByRuleError, guarded

NOTHING = AllowedHosts()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def connect(listener: socket.socket, host: str = "127.0.0.1") -> None:
    socket.create_connection((host, listener.getsockname()[1]), timeout=60).close()


def test_a_name_is_judged_by_the_address_that_is_connected_to(listener: socket.socket) -> None:
    with guarded(NOTHING, 60) as guard:
        with pytest.raises(ConnectionRefusedByRuleError):
            connect(listener, "localhost")
        assert guard.refusal is not None
        assert "localhost" not in guard.refusal


INSIDE = ["168.63.129.16", "192.0.0.192", "64:ff9b:1::a9fe:a9fe", "fec0::1", "169.254.169.254"]


@pytest.mark.parametrize("address", INSIDE)
def test_a_connection_is_judged_by_its_address_however_its_name_resolved_before(address: str) -> None:
    """As Python calls the guard: once for the name, and before each connection with the address that it resolved to.
    No test may connect there, even if the guard would allow it.
    """
    with socket.socket() as found:
        guard = ConnectionGuard(parse_allowed_hosts(["chat.example.com"]))
        for name, resolved in (("rebinding.example.com", "8.8.8.8"), ("rebinding.example.com", address)):
            guard.watch("socket.getaddrinfo", (name, 443, 0, 0, 0))
            if resolved == address:
                with pytest.raises(ConnectionRefusedByRuleError):
                    guard.watch("socket.connect", (found, (resolved, 443)))
            else:
                guard.watch("socket.connect", (found, (resolved, 443)))
        guard.close()
    assert guard.refusal is not None
    assert "rebinding" not in guard.refusal


@pytest.mark.parametrize("allowed", ["localhost", "127.0.0.1"])
def test_a_name_is_allowed_by_itself_or_by_its_address(listener: socket.socket, allowed: str) -> None:
    with guarded(parse_allowed_hosts([allowed]), 60) as guard:
        connect(listener, "localhost")
        assert guard.refusal is None


def test_an_allowed_name_allows_no_other_one(listener: socket.socket) -> None:
    with guarded(parse_allowed_hosts(["localhost"]), 60):
        connect(listener, "localhost")
        with pytest.raises(ConnectionRefusedByRuleError):
            connect(listener)


def open_local_socket() -> None:
    with socket.socket(socket.AF_UNIX) as found:
        found.connect("/run/missing.sock")


def send_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.sendto(b"x", ("127.0.0.1", 9))


@pytest.mark.parametrize(
    "act",
    [
        open_local_socket,
        send_a_datagram,
        lambda: socket.create_server(("127.0.0.1", 0)),
        lambda: subprocess.run([sys.executable, "-c", ""], check=True),
        lambda: os.system("true"),  # noqa: S605 - it must be refused
    ],
)
def test_nothing_else_is_done_within_it(act: Callable[[], object]) -> None:
    with guarded(parse_allowed_hosts(["127.0.0.1"]), 60) as guard:
        with pytest.raises(OSError):  # noqa: PT011 - the standard library rewrites some of them
            act()
        assert guard.refusal is not None


def test_other_threads_and_what_comes_after_are_free(listener: socket.socket) -> None:
    failures: list[OSError] = []

    def work() -> None:
        try:
            connect(listener)
        except OSError as error:
            failures.append(error)

    with guarded(NOTHING, 60):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    connect(listener)
    assert failures == []


def test_its_time_is_up_by_itself() -> None:
    with guarded(NOTHING, 0.05) as guard:
        while not guard.is_over:
            time.sleep(0.01)


def test_when_its_time_is_up_what_is_open_ends_and_nothing_opens(listener: socket.socket) -> None:
    with guarded(parse_allowed_hosts(["127.0.0.1"]), 300) as guard:
        with socket.create_connection(listener.getsockname(), timeout=60) as waiting:
            threading.Timer(0.05, guard.abort).start()
            assert waiting.recv(1) == b""
        assert guard.is_over
        with pytest.raises(ConnectionRefusedByRuleError):
            connect(listener)
