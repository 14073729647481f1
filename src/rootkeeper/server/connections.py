"""Decides which connections a server keeps, so that clients that send nothing block neither others nor closing windows.

A connection either waits for the header of a request, or a request is being answered on it. A connection that waits for
long is ended, and so is the connection of a client that doesn't read its answer. If there are too many, the connection
with the longest wait for a header or for the rest of a body makes room; if none of an address or identity waits, the
connection whose client reads its answer most slowly; and last a connection whose request waits for its turn, of an
address or identity that has more connections than the new client. An identity has a share of all connections, however
many addresses it comes from. Half of the files that this process may open at a time are never used for connections:
closing recovery windows needs them for AWS, the database and the ledger's files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from rootkeeper.worker.health import ConnectionLimit

Report = Callable[[ConnectionLimit, str], None]
"""Receives each connection that a limit has ended or refused, and its address."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections there may be."""

    most: int
    most_of_address: int
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks of trusted proxies; the connections of many people come from a proxy, so it isn't limited by itself."""
    header_seconds: float = 10.0
    """From the start of a connection, or the end of an answer, until the whole header of the next request is there."""
    reading_seconds: float = 30.0
    """How long a client may take nothing of an answer that doesn't fit the system's buffers."""

    @property
    def most_of_identity(self) -> int:
        """How many requests of a user or token can be in progress, or have answers that aren't read yet."""
        return max(_LEAST_OF_IDENTITY, self.most // 5)

    def is_proxy(self, address: str) -> bool:
        """Whether an IP address is a trusted proxy's."""
        found = ip_address(address)
        return any(found in network for network in self.proxies)


def choose_limits(most: int, most_of_address: int, proxies: Iterable[str], open_files: int | None) -> ConnectionLimits:
    """Keep the settings within the limits of the process.

    :param proxies: IP addresses and networks of trusted proxies.
    :param open_files: how many files the process may have open at a time; ``None`` if that isn't limited.
    """
    possible = most if open_files is None else min(most, open_files // 2)
    return ConnectionLimits(possible, max(1, min(most_of_address, possible // 2)), tuple(map(ip_network, proxies)))


SLOW_BYTES_A_SECOND = 32 * 1024
"""A client that reads an answer more slowly makes room for others."""

_SHARE = 10
"""An address or identity with more than a tenth of all connections has more than its share."""

_NEW_SECONDS = 1.0
"""A client that has come since then gets the time to send its request, as long as any other can make room."""

_LEAST_OF_IDENTITY = 8
"""A browser opens six."""

_READING_BEGINS_SECONDS = 2.0
"""How long a client may read before its speed counts."""


@dataclass(eq=False, slots=True)
class Connection:
    """A connection."""

    address: str
    """Its client's or a proxy's address."""
    end: Callable[[], None]
    """Ends it at once."""
    waiting_since: float | None
    """When it began to wait for the header of a request; ``None`` while a request is being answered. In seconds of the
    event loop's clock.
    """
    body_since: float | None = None
    """When it began to wait for the rest of a request's body; ``None`` if it has all of it."""
    turn_since: float | None = None
    """When its request began to wait for its turn; ``None`` if it doesn't wait for one."""
    identity_id: str | None = None
    """The user or token of its last request, while that counts for the share of the identity."""
    claim: Callable[[str], bool] = lambda _: True
    """Count it for the share of an identity; see :meth:`ConnectionTable.claim`."""
    count_unread: Callable[[], int] = lambda: 0
    """Counts the bytes of answers that its client hasn't taken yet."""
    unread_bytes: int = 0
    """At the last look."""
    unread_since: float = 0.0
    """When that number changed last."""
    reading_since: float | None = None
    """The first look at which there were unread bytes; ``None`` if there were none at the last look."""
    taken_bytes: int = 0
    """How many its client has taken since."""

    @property
    def is_idle(self) -> bool:
        """Whether it has no request, and its client has taken all answers."""
        return self.waiting_since is not None and not self.count_unread()

    def note_reading(self, before: int, now: float) -> None:
        """Note how fast its client reads, after each look."""
        if self.unread_bytes == 0:
            self.reading_since = None
        elif self.reading_since is None:
            self.reading_since, self.taken_bytes = now, 0
        else:
            self.taken_bytes += max(0, before - self.unread_bytes)

    def find_speed(self, now: float) -> float | None:
        """Return how many bytes its client takes in a second; ``None`` if it has nothing to read or just began."""
        if self.reading_since is None or now - self.reading_since < _READING_BEGINS_SECONDS or not self.count_unread():
            return None
        return self.taken_bytes / (now - self.reading_since)


@dataclass(slots=True)
class ConnectionTable:
    """All connections of a server. For its event loop's thread alone."""

    limits: ConnectionLimits
    report: Report
    _by_address: dict[str, dict[Connection, None]] = field(default_factory=dict)
    """The connections of each address, the oldest first."""
    _by_identity: dict[str, dict[Connection, None]] = field(default_factory=dict)
    _count: int = 0
    _looked_at: float = 0.0
    """When the connections were looked at last, in seconds of the event loop's clock."""

    def __len__(self) -> int:
        return self._count

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._by_address.get(connection.address, {})

    def admit(self, connection: Connection) -> bool:
        """Add a connection; ``False`` if there is no room and no other connection can make it."""
        address = connection.address
        is_proxy = self.limits.is_proxy(address)
        own = self._by_address.get(address, {})
        if not is_proxy and len(own) >= self.limits.most_of_address:
            self.report(ConnectionLimit.OF_ADDRESS, address)
            if not self._make_room(own):
                return False
        elif self._count >= self.limits.most:
            self.report(ConnectionLimit.IN_ALL, address)
            groups = [(self.limits.is_proxy(known), connections) for known, connections in self._by_address.items()]
            groups += [(False, connections) for connections in self._by_identity.values()]
            # Many people use a proxy, so its connections make room last.
            groups.sort(key=lambda group: (group[0], -len(group[1])))
            late = (connection.waiting_since or 0.0) - _NEW_SECONDS
            has_room = (
                any(self._make_room(known, is_proxy=is_one, waiting_until=late) for is_one, known in groups)
                or any(
                    self._end_newest_waiter(known)
                    for is_one, known in groups
                    if not is_one and len(known) > len(own) + 1
                )
                or any(self._make_room(known, is_proxy=is_one) for is_one, known in groups)
            )
            if not has_room:
                return False
        self._by_address.setdefault(address, {})[connection] = None
        self._count += 1
        return True

    def claim(self, connection: Connection, identity_id: str) -> bool:
        """Count a connection for the share of the identity that has sent a request on it.

        :return: ``False`` if the identity has its share already, and none of its own connections can make room.
        """
        if connection.identity_id == identity_id or connection not in self:
            return True  # counted already, or its client has left
        self._release(connection)
        claimed = self._by_identity.get(identity_id, {})
        if len(claimed) >= self.limits.most_of_identity:
            for idle in [known for known in claimed if known.is_idle]:
                self._release(idle)
        if len(claimed) >= self.limits.most_of_identity:
            self.report(ConnectionLimit.OF_IDENTITY, connection.address)
            if not self._make_room(claimed):
                return False
        connection.identity_id = identity_id
        self._by_identity.setdefault(identity_id, {})[connection] = None
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended; does nothing the second time."""
        if connection in self:
            _take_out(self._by_address, connection.address, connection)
            self._count -= 1
            self._release(connection)

    def _release(self, connection: Connection) -> None:
        if connection.identity_id is not None:
            _take_out(self._by_identity, connection.identity_id, connection)
            connection.identity_id = None

    def end_late(self, now: float) -> None:
        """End connections of slow clients."""
        self._looked_at = now
        for connection in [known for connections in self._by_address.values() for known in connections]:
            before, connection.unread_bytes = connection.unread_bytes, connection.count_unread()
            connection.note_reading(before, now)
            waiting = connection.waiting_since
            if connection.unread_bytes == 0:
                is_late = waiting is not None and now - waiting > self.limits.header_seconds
            elif connection.unread_bytes == before:
                is_late = now - connection.unread_since > self.limits.reading_seconds
            else:
                is_late, connection.unread_since = False, now
                connection.waiting_since = None if waiting is None else now
            if is_late:
                self._end(connection)

    def _make_room(
        self, connections: Collection[Connection], *, is_proxy: bool = False, waiting_until: float = float("inf")
    ) -> bool:
        """``False`` if none of an address or identity waits, since that moment or longer, or reads slowly.

        Clients that come again as often as they are ended have always just begun to read. So of an address or identity
        that has more than its share of all places, each client that has something to read counts as slow.
        """
        since = {
            connection: connection.body_since if connection.waiting_since is None else connection.waiting_since
            for connection in connections
        }
        waiting = [
            (moment, connection)
            for connection, moment in since.items()
            if moment is not None and moment <= waiting_until
        ]
        takes_much = len(connections) > self.limits.most // _SHARE and not is_proxy
        speeds = {connection: connection.find_speed(self._looked_at) for connection in connections}
        slow = [(speed, one) for one, speed in speeds.items() if speed is not None and speed < SLOW_BYTES_A_SECOND]
        if takes_much and not slow:
            slow = [(0.0, connection) for connection in connections if connection.count_unread()]
        if not waiting and not slow:
            return False
        self._end(min(waiting or slow, key=lambda found: found[0])[1])
        return True

    def _end_newest_waiter(self, connections: Iterable[Connection]) -> bool:
        """``False`` if no request of an address or identity waits for its turn."""
        since = {connection: connection.turn_since for connection in connections}
        waiting = [(moment, connection) for connection, moment in since.items() if moment is not None]
        if not waiting:
            return False
        self._end(max(waiting, key=lambda found: found[0])[1])
        return True

    def _end(self, connection: Connection) -> None:
        self.remove(connection)
        connection.end()


def _take_out(groups: dict[str, dict[Connection, None]], name: str, connection: Connection) -> None:
    del groups[name][connection]
    if not groups[name]:
        del groups[name]
