"""Guesses passwords at a server from many addresses, as a process of its own, so that it doesn't slow down the test.

It is given the server's URL and a name, guesses until its stdin is closed, and then prints its answers as JSON.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from itertools import count
from urllib.parse import urlsplit

GUESSERS = 100
_PAUSE_SECONDS = 0.5


@dataclass
class Browser:
    """Signs in at the console, and keeps its cookies."""

    url: str
    address: str = "127.0.0.1"
    """Where it comes from; each address of 127.0.0.0/8 is this machine."""
    cookies: dict[str, str] = field(default_factory=dict)

    def sign_in(self, name: str, password: str) -> tuple[int, str | None]:
        """The status, and how long to wait."""
        place = urlsplit(self.url)
        headers = {"Content-Type": "application/json", "X-Rootkeeper-Console": "1", "Origin": self.url}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        connection = http.client.HTTPConnection(
            place.hostname or "", place.port, timeout=60, source_address=(self.address, 0)
        )
        try:
            body = json.dumps({"name": name, "password": password})
            connection.request("POST", "/api/v1/auth/sign-in", body, headers)
            response = connection.getresponse()
            for text in response.headers.get_all("set-cookie", ()):
                self.cookies |= {morsel.key: morsel.value for morsel in SimpleCookie(text).values()}
            response.read()
            return response.status, response.headers.get("Retry-After")
        finally:
            connection.close()


@dataclass
class Flood:
    """A running flood; afterwards ``answers`` counts statuses."""

    answers: dict[str, int] = field(default_factory=dict)
    without_wait: int = 0
    """Refusals with status 429 that don't say how long to wait."""


@contextmanager
def flood(url: str, name: str) -> Iterator[Flood]:
    """Begin the flood in a process of its own; entered once each guesser has got an answer."""
    found = Flood()
    arguments = [sys.executable, "-m", "tests.attack.password_guessers", url, name]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "flooding\n"
            yield found
        finally:
            process.stdin.close()
            report = json.loads(process.stdout.read())
            found.answers, found.without_wait = report["answers"], report["without_wait"]


def main(url: str, name: str) -> None:
    """Half of the guessers guess passwords of ``name``, half those of ever new names, each of which has some tries."""
    ended, guard, answers, answered, without_wait = threading.Event(), threading.Lock(), Counter[int](), set[int](), [0]

    def guess(number: int) -> None:
        browser = Browser(url, f"127.0.1.{1 + number}")
        for turn in count():
            if ended.is_set():
                return
            with suppress(OSError, http.client.HTTPException):
                status, wait = browser.sign_in(name if number % 2 else f"guess-{number}-{turn}", "a wrong password")
                with guard:
                    answers[status] += 1
                    answered.add(number)
                    without_wait[0] += status == 429 and wait is None
                    is_complete = len(answered) == GUESSERS
                if is_complete:
                    all_answered.set()
            ended.wait(_PAUSE_SECONDS)

    all_answered = threading.Event()
    guessers = [threading.Thread(target=guess, args=(number,)) for number in range(GUESSERS)]
    for one in guessers:
        one.start()
    all_answered.wait()
    print("flooding", flush=True)  # noqa: T201 - what the test waits for
    sys.stdin.read()
    ended.set()
    for one in guessers:
        one.join()
    print(json.dumps({"answers": answers, "without_wait": without_wait[0]}))  # noqa: T201 - what the test reads


if __name__ == "__main__":
    main(*sys.argv[1:])
