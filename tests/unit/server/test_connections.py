"""Which connections a server keeps when there are too many, and which it ends because their client is too slow."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_network

import pytest

from rootkeeper.server.connections import (
    SLOW_BYTES_A_SECOND,
    Connection,
    ConnectionLimits,
    ConnectionTable,
    choose_limits,
)
from rootkeeper.worker.health import ConnectionLimit

PROXY, PROXIES = "192.0.2.1", ip_network("192.0.2.0/24")


@dataclass
class Door:
    """A table, with what it ended and reported."""

    limits: ConnectionLimits
    ended: list[str] = field(default_factory=list)
    reported: list[tuple[ConnectionLimit, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = ConnectionTable(self.limits, lambda limit, address: self.reported.append((limit, address)))

    def come(self, address: str, waiting_since: float | None, name: str = "") -> bool:
        """Whether a connection is taken; it is known by its name, or its address, when it is ended."""
        return self.table.admit(Connection(address, lambda: self.ended.append(name or address), waiting_since))


def test_a_full_server_ends_what_waits_longest_on_the_address_with_the_most_connections() -> None:
    door = Door(ConnectionLimits(4, 3))
    assert all(door.come("203.0.113.1", since, f"a{since}") for since in (7, 5, 6))
    assert door.come("203.0.113.2", 1)
    assert door.come("203.0.113.3", 8)
    assert door.ended == ["a5"]
    assert door.reported == [(ConnectionLimit.IN_ALL, "203.0.113.3")]
    assert len(door.table) == 4


def test_what_is_being_answered_is_never_ended_for_another_one() -> None:
    door = Door(ConnectionLimits(2, 2))
    assert door.come("203.0.113.1", None)
    assert door.come("203.0.113.2", None)
    assert not door.come("203.0.113.3", 1)
    assert door.ended == []
    assert len(door.table) == 2


def test_a_request_whose_body_isnt_whole_makes_room() -> None:
    door = Door(ConnectionLimits(2, 2))
    sending = Connection("203.0.113.1", lambda: door.ended.append("sending"), None, body_since=5)
    assert door.table.admit(sending)
    assert door.come("203.0.113.2", None)
    assert door.come("203.0.113.3", 6)
    assert door.ended == ["sending"]


def test_an_address_ends_its_own_connections_before_those_of_others() -> None:
    door = Door(ConnectionLimits(10, 2))
    assert door.come("203.0.113.2", 0)
    assert all(door.come("203.0.113.1", since, f"a{since}") for since in (2, 3, 4))
    assert door.ended == ["a2"]
    assert door.reported == [(ConnectionLimit.OF_ADDRESS, "203.0.113.1")]


def test_an_address_on_whose_connections_all_requests_are_being_answered_gets_no_more() -> None:
    door = Door(ConnectionLimits(10, 2))
    assert door.come("203.0.113.1", None)
    assert door.come("203.0.113.1", None)
    assert not door.come("203.0.113.1", 1)
    assert door.come("203.0.113.2", 1)


def test_the_connections_of_a_proxy_are_limited_in_all_alone_and_are_ended_last() -> None:
    door = Door(ConnectionLimits(4, 1, (PROXIES,)))
    assert all(door.come(PROXY, since, f"proxy{since}") for since in (1, 2, 3))
    assert door.come("203.0.113.1", 9)
    assert door.come("203.0.113.2", 10)
    assert door.ended == ["203.0.113.1"]


def test_a_connection_that_has_ended_makes_room_once() -> None:
    door = Door(ConnectionLimits(1, 1))
    connection = Connection("203.0.113.1", lambda: None, None)
    assert door.table.admit(connection)
    door.table.remove(connection)
    door.table.remove(connection)
    assert len(door.table) == 0
    assert door.come("203.0.113.1", None)
    assert door.reported == []


def test_slow_clients_are_ended_and_others_are_not() -> None:
    door = Door(ConnectionLimits(10, 10, header_seconds=10, reading_seconds=30))
    assert door.come("203.0.113.1", 0.0, "late")
    assert door.come("203.0.113.2", 0.1, "in-time")
    assert door.come("203.0.113.3", None, "answered")
    door.table.end_late(10.05)
    assert door.ended == ["late"]
    door.table.end_late(10.15)
    assert door.ended == ["late", "in-time"]
    assert door.reported == []


def test_a_client_may_read_its_answer_slowly_but_not_stop() -> None:
    door = Door(ConnectionLimits(10, 10, header_seconds=10, reading_seconds=30))
    unread = [1_000]
    connection = Connection("203.0.113.1", lambda: door.ended.append("reader"), 0.0, count_unread=lambda: unread[0])
    assert door.table.admit(connection)
    for now in range(0, 100, 20):  # its answer is whole, and the next request may come once it is read
        unread[0] -= 10
        door.table.end_late(now)
    door.table.end_late(100)
    door.table.end_late(110)
    assert door.ended == []
    unread[0] = 0
    door.table.end_late(90)
    assert door.ended == []
    unread[0] = 500
    for now in (200, 229, 231):
        door.table.end_late(now)
    assert door.ended == ["reader"]


@pytest.mark.parametrize(
    ("open_files", "expected"), [(None, (500, 200)), (65_536, (500, 200)), (1_024, (500, 200)), (256, (128, 64))]
)
def test_half_of_the_files_that_may_be_open_stay_for_closing_windows(
    open_files: int | None, expected: tuple[int, int]
) -> None:
    limits = choose_limits(500, 200, (str(PROXIES),), open_files)
    assert (limits.most, limits.most_of_address) == expected
    assert limits.proxies == (PROXIES,)


class Reader:
    """A client that takes so many bytes of an answer in a second; another request of it waits for that."""

    def __init__(self, door: Door, address: str, name: str, speed: int) -> None:
        self.unread, self.speed = 1_000_000, speed
        end = partial(door.ended.append, name)
        assert door.table.admit(Connection(address, end, None, count_unread=lambda: self.unread))

    def read(self) -> None:
        self.unread -= self.speed


def test_p32_the_slowest_reader_loses_its_place_before_anyone_is_refused() -> None:
    door = Door(ConnectionLimits(31, 3))
    assert all(door.come(f"198.51.100.{number}", None) for number in range(27))
    readers = [
        Reader(door, "203.0.113.1", name, speed) for name, speed in (("slow", 900), ("fast", 90_000), ("slowest", 100))
    ]
    assert door.come("203.0.113.2", None)
    for now in range(4):
        door.table.end_late(now)
        for reader in readers:
            reader.read()
    assert door.come("203.0.113.3", 3)
    assert door.come("203.0.113.1", None)
    assert door.come("203.0.113.1", None)
    assert door.ended == ["slowest", "slow", "203.0.113.3"]


def test_who_reads_fast_or_has_just_begun_keeps_its_place() -> None:
    door = Door(ConnectionLimits(20, 20))
    assert all(door.come(f"203.0.113.{number}", None) for number in range(4, 22))
    fast = Reader(door, "203.0.113.1", "fast", SLOW_BYTES_A_SECOND + 1)
    for now in range(5):
        door.table.end_late(now)
        fast.read()
    Reader(door, "203.0.113.2", "new", 0)
    for now in (5, 6):
        door.table.end_late(now)
        fast.read()
    assert not door.come("203.0.113.3", 6)
    assert door.ended == []


def claim(door: Door, address: str, identity_id: str, name: str = "", unread: int = 0) -> Connection:
    """A connection on which a request of an identity is answered."""
    end = partial(door.ended.append, name or address)
    connection = Connection(address, end, None, count_unread=lambda: unread)
    assert door.table.admit(connection)
    assert door.table.claim(connection, identity_id)
    return connection


def test_p32_an_identity_has_a_share_of_all_connections_whatever_addresses_it_comes_from() -> None:
    door = Door(ConnectionLimits(100, 50))
    assert door.limits.most_of_identity == 20
    for number in range(20):
        claim(door, f"203.0.113.{number}", "victor")
    further = Connection("198.51.100.1", lambda: None, None)
    assert door.table.admit(further)
    assert not door.table.claim(further, "victor")
    assert door.reported == [(ConnectionLimit.OF_IDENTITY, "198.51.100.1")]
    assert door.table.claim(further, "vera")
    assert door.ended == []


def test_p32_a_slow_reader_makes_room_for_the_identity_itself() -> None:
    door = Door(ConnectionLimits(100, 50))
    claim(door, "203.0.113.1", "victor", "reader", unread=1_000)
    for number in range(2, 22):
        claim(door, f"203.0.113.{number}", "victor")
    assert door.ended == ["reader"]


def test_an_idle_connection_isnt_counted_for_an_identity_and_stays() -> None:
    door = Door(ConnectionLimits(100, 50))
    claim(door, "203.0.113.1", "victor").waiting_since = 1.0
    for number in range(2, 22):
        claim(door, f"203.0.113.{number}", "victor")
    assert door.ended == []
    assert door.reported == []


def test_a_connection_counts_for_its_last_identity_until_it_ends() -> None:
    door = Door(ConnectionLimits(100, 50))
    connections = [claim(door, f"203.0.113.{number}", "victor") for number in range(20)]
    assert door.table.claim(connections[0], "victor")
    assert door.table.claim(connections[0], "vera")
    door.table.remove(connections[1])
    assert door.table.claim(connections[1], "victor"), "its client has left"
    for number in (21, 22):
        claim(door, f"203.0.113.{number}", "victor")
    assert door.reported == []


def test_p32_readers_of_one_identity_make_room_for_others_whatever_addresses_they_come_from() -> None:
    door = Door(ConnectionLimits(50, 50))
    for number in range(40):
        assert door.come(f"198.51.100.{number}", None)
    for number in range(10):
        claim(door, f"203.0.113.{number}", "victor", f"reader{number}", unread=1_000)
    assert all(door.come(f"192.0.2.{number}", None) for number in range(5))
    assert door.ended == [f"reader{number}" for number in range(5)]


def test_p32_who_has_just_come_stays_while_others_can_make_room() -> None:
    door = Door(ConnectionLimits(4, 3))
    assert door.come("203.0.113.1", 9.5, "new")
    assert door.come("203.0.113.1", 9.6, "newer")
    assert door.come("203.0.113.2", 3.0, "late")
    assert door.come("203.0.113.3", None)
    assert door.come("203.0.113.4", 10.0)
    assert door.come("203.0.113.5", 10.0)
    assert door.ended == ["late", "new"]


def make_waiting(door: Door, address: str, since: int) -> Connection:
    """A connection whose request waits for its turn; it is known by its moment when it is ended."""
    return Connection(address, lambda: door.ended.append(str(since)), None, turn_since=float(since))


def test_p32_a_request_that_waits_for_its_turn_makes_room_for_who_has_fewer_connections() -> None:
    door = Door(ConnectionLimits(4, 3, (PROXIES,)))
    for number, address in enumerate(("203.0.113.1", "203.0.113.1", PROXY, PROXY)):
        assert door.table.admit(make_waiting(door, address, number))
    assert door.come("203.0.113.2", None)
    assert not door.come("203.0.113.3", None), "the others have as few, or come from a proxy"
    assert door.ended == ["1"]


def test_p32_an_address_with_many_connections_makes_room_from_its_first_moment_on() -> None:
    door = Door(ConnectionLimits(22, 20))
    Reader(door, "203.0.113.1", "few", 0)
    Reader(door, "203.0.113.1", "few", 0)
    for number in range(20):
        Reader(door, "203.0.113.2", f"many{number}", 0)
    for _ in range(10):
        assert door.come("203.0.113.3", None)
    assert door.ended == [f"many{number}" for number in range(10)]
