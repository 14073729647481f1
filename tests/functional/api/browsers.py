"""A browser before the API, as far as signing in goes: it keeps cookies, and says where its page comes from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.cookies import SimpleCookie
from typing import Any

import pyotp

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole
from tests.functional.api.serving import Answer, ApiServer, send_to

PASSWORD = "correct horse battery"


@dataclass
class Page:
    """The console's own page in one browser."""

    port: int
    now: Callable[[], datetime]
    """The server's clock."""
    host: str = "localhost"
    cookie: str | None = None
    """Of the sign-in: its value."""
    csrf_token: str | None = None
    set_cookies: list[str] = field(default_factory=list)
    """What the server has set so far for the sign-in, whole."""
    devices: dict[str, str] = field(default_factory=dict)
    """Cookies that stay, which make this browser a known device, by name."""

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.port}"

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return self.ask("POST", path, {} if body is None else body, headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.ask("DELETE", path, None, headers)

    def ask(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Answer:
        """As the console does; ``headers`` replace what it sends."""
        sent = {
            "Host": f"{self.host}:{self.port}",
            "X-Rootkeeper-Console": "1",
            "Sec-Fetch-Site": "same-origin",
        }
        cookies = self.devices if self.cookie is None else {"rootkeeper": self.cookie, **self.devices}
        if cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if method != "GET":
            sent["Origin"] = self.origin
            if self.csrf_token is not None:
                sent["X-CSRF-Token"] = self.csrf_token
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        answer = send_to(
            self.port, method, f"/api/v1{path}", content, {name: text for name, text in sent.items() if text}
        )
        self._take(answer)
        return answer

    def _take(self, answer: Answer) -> None:
        for text in answer.set_cookies:
            (morsel,) = SimpleCookie(text).values()
            if morsel.key.startswith("rootkeeper-device"):
                self.devices[morsel.key] = morsel.value
            else:
                self.set_cookies.append(text)
                self.cookie = morsel.value or None
        if answer.status == 200 and answer.content.startswith(b"{") and "csrf_token" in answer.json:
            self.csrf_token = answer.json["csrf_token"]

    def sign_in(self, name: str, password: str = PASSWORD) -> Any:
        """What the page learns of the sign-in."""
        answer = self.post("/auth/sign-in", {"name": name, "password": password})
        assert answer.status == 200, answer
        return answer.json

    def enrol(self) -> pyotp.TOTP:
        """Set an authenticator app up."""
        begun = self.post("/me/factors/totp")
        assert begun.status == 200, begun
        app = pyotp.TOTP(begun.json["secret"])
        confirmed = self.post("/me/factors/totp/confirm", {"code": self.code_of(app)})
        assert confirmed.status == 200, confirmed
        return app

    def code_of(self, app: pyotp.TOTP) -> str:
        """The code that it shows at the server's moment."""
        return app.at(self.now())


class Browser(Page):
    """The same before an API in memory."""

    def __init__(
        self, api: ApiServer, host: str = "localhost", *, cookie: str | None = None, csrf_token: str | None = None
    ) -> None:
        super().__init__(api.port, api.services.clock.now, host, cookie, csrf_token)
        self.api = api


def add_user(api: ApiServer, name: str, role: ServerRole) -> Identity:
    """A user who signs in by ``PASSWORD``."""
    identity = Identity(f"u-{name.encode().hex()}", IdentityKind.USER, name, role, "test", api.services.clock.now())
    api.services.identities.add_user(identity, PASSWORD)
    return identity
