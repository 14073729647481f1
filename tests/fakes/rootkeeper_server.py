"""A server on this machine that answers the addresses of Rootkeeper's API as a test says, and remembers requests."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.local_servers import QuietHandler, serving_requests


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; ``cut`` closes the connection instead."""

    body: Any = None
    """Sent as JSON; bytes are sent as they are."""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    after: threading.Event | None = None
    """It comes only once this is set."""


def problem(status: int, code: str | None, detail: str, hint: str | None = None) -> Answer:
    """A problem document as the API writes it."""
    document = {"type": "about:blank", "title": "Refused", "status": status, "detail": detail, "hint": hint}
    return Answer(document | ({"code": code} if code else {}), status)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    """After ``/api/v1/``, with its query."""
    headers: dict[str, str]
    """By names in lower case."""
    body: Any


@dataclass
class FakeRootkeeperServer:
    """Answers an address with its answers in order, the last one for ever; any other with 404."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    _answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextmanager
    def start(cls, certificate: Path | None = None) -> Iterator[FakeRootkeeperServer]:
        """With a certificate it speaks TLS."""
        fake = cls()

        class Handler(_Handler):
            owner = fake

        with serving_requests(Handler, certificate) as fake.url:
            yield fake

    @property
    def lines(self) -> list[str]:
        """What was asked, such as ``GET me``."""
        return [f"{request.method} {request.path}" for request in self.asked]

    def answer(self, line: str, *answers: Answer | dict[str, Any]) -> None:
        """:param line: such as ``GET me``; a query in a request is looked for first, then left out."""
        self._answers[line] = [one if isinstance(one, Answer) else Answer(one) for one in answers]

    def take(self, request: Asked) -> Answer:
        with self._guard:
            self.asked.append(request)
            line = f"{request.method} {request.path}"
            answers = self._answers.get(line) or self._answers.get(line.partition("?")[0])
            if not answers:
                return Answer({"detail": "Not Found"}, 404)
            return answers.pop(0) if len(answers) > 1 else answers[0]


class _Handler(QuietHandler):
    owner: FakeRootkeeperServer

    def answer(self) -> None:
        content, path = self.read_body(), self.path.removeprefix("/api/v1/")
        asked = Asked(self.command, path, self.lower_headers(), json.loads(content) if content else None)
        answer = self.owner.take(asked)
        if answer.after is not None:
            answer.after.wait()
        if answer.cut:
            self.close_connection = True
            return
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        with suppress(OSError):
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
