"""Sends the same request on many connections, as a process of its own, so that it doesn't slow down the test.

It is given a JSON object on the command line, sends until its stdin is closed, and then prints how many answers of each
status came.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


@contextmanager
def request_flood(
    url: str,
    method: str,
    paths: list[str],
    headers: Mapping[str, str],
    *,
    connections: int,
    keys: int = 0,
    address: str = "127.0.0.1",
) -> Iterator[Counter[str]]:
    """Flood while this is entered; afterwards the value counts statuses.

    :param paths: each connection uses one of them.
    :param keys: of the JSON of each request's body; 0: it has none.
    :param address: where the flood comes from; each address of 127.0.0.0/8 is this machine.
    """
    order = {
        "url": url,
        "method": method,
        "paths": paths,
        "headers": dict(headers),
        "connections": connections,
        "keys": keys,
        "address": address,
    }
    answers: Counter[str] = Counter()
    with subprocess.Popen(
        [sys.executable, "-m", __name__, json.dumps(order)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield answers
        finally:
            stdout, _ = process.communicate()
            answers.update(json.loads(stdout))


def _send(number: int, order: Mapping[str, object], stopping: threading.Event, answers: Counter[str]) -> None:
    place, paths, keys = urlsplit(str(order["url"])), list(order["paths"]), int(str(order["keys"]))  # type: ignore[call-overload]  # JSON
    body = json.dumps({f"key{key:06}": 1 for key in range(keys)}) if keys else None
    while not stopping.is_set():
        source = (str(order["address"]), 0)
        connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=30, source_address=source)
        with suppress(OSError, http.client.HTTPException):
            while not stopping.is_set():
                connection.request(str(order["method"]), paths[number % len(paths)], body, order["headers"])  # type: ignore[arg-type]  # JSON
                response = connection.getresponse()
                response.read()
                answers[str(response.status)] += 1
        connection.close()


def main() -> None:
    """Flood until stdin ends."""
    order, stopping, answers = json.loads(sys.argv[1]), threading.Event(), Counter[str]()
    senders = [
        threading.Thread(target=_send, args=(number, order, stopping, answers), daemon=True)
        for number in range(order["connections"])
    ]
    for sender in senders:
        sender.start()
    sys.stdin.read()
    stopping.set()
    for sender in senders:
        sender.join(5)
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
