"""Every page of the console, from its own table, so that a new page can't be forgotten; what pages show of the demo."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.browser import console_story as story
from tests.browser.console_stage import ConsolePerson

_PAGES = Path(__file__).parents[2] / "console" / "src" / "layout" / "pages.ts"
_PATH = re.compile(r'^\s+path: "([^"]+)",$', re.MULTILINE)
SETTINGS = ("users", "tokens", "factors", "sessions", "schedules", "notifications", "windows", "emails", "retention")
_JOB_SECONDS = 60
_LOOK_SECONDS = 0.1
_OVER = ("done", "failed", "cancelled", "interrupted")


def list_paths() -> tuple[str, ...]:
    """Of all pages, those that need an id included, such as ``/jobs/:job_id``."""
    paths = tuple(_PATH.findall(_PAGES.read_text()))
    assert "/" in paths
    return paths


def list_pages() -> list[str]:
    """Every page that has no parameters, and tabs."""
    tabs = [f"/settings?tab={tab}" for tab in SETTINGS]
    return [*(path for path in list_paths() if ":" not in path and path != "/settings"), *tabs]


@dataclass(frozen=True, slots=True)
class Shown:
    """The ids of what there is to see."""

    plan_id: str
    deletion_id: str
    waiting_id: str
    """A window that waits for an approval."""
    open_id: str
    closed_id: str
    audit_id: str


def prepare(administrator: ConsolePerson, operator: ConsolePerson) -> Shown:
    """Make something to see on each page, by the API: an audit, a deletion, windows in several states, and more."""
    by, other = ApiSession(administrator), ApiSession(operator)
    audit_id = by.run("/audits", {"details": True})
    end = datetime.now(UTC) + timedelta(days=30)
    exception = {
        "account": "Backup",
        "owner": "The backup team",
        "reason": "Restores need it",
        "until": end.isoformat(),
    }
    by.ask("POST", "/exceptions", exception)
    plan_id = by.run("/plans", {"selection": {"everything": True}})
    small_id = by.run("/plans", {"selection": {"named": [story.ACCOUNT]}})
    plan = by.ask("GET", f"/jobs/{small_id}/outcome")
    deletion_id = by.run("/deletions", {"plan_id": plan["plan_id"], "waves": {}})
    for path in ("/preflights", "/failsafe-checks", "/breakglass-checks"):
        by.run(path, {})
    closed_id = other.request_window(story.ACCOUNT)
    by.open_window(closed_id)
    by.ask("POST", f"/windows/{closed_id}/close")
    open_id = other.request_window("777788889999")
    by.open_window(open_id)
    waiting_id = other.request_window(story.CLEAN)
    by.run("/audits", {})
    return Shown(plan_id, deletion_id, waiting_id, open_id, closed_id, audit_id)


class ApiSession:
    """Requests to the API with a signed-in user's cookie."""

    def __init__(self, person: ConsolePerson) -> None:
        self._request = person.context.request
        self._url = person.stage.server.url + "/api/v1"
        self._csrf_token = self.ask("GET", "/auth/session")["csrf_token"]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"X-Rootkeeper-Console": "1", "Idempotency-Key": str(uuid4())}
        if method != "GET":
            headers["X-CSRF-Token"] = self._csrf_token
        answer = self._request.fetch(self._url + path, method=method, data=body, headers=headers)
        assert answer.ok, f"{method} {path}: {answer.status} {answer.text()}"
        return answer.json()

    def run(self, path: str, body: object = None) -> str:
        """Start a job and wait for its end; its id."""
        job_id = str(self.ask("POST", path, body)["job_id"])
        ends = time.monotonic() + _JOB_SECONDS
        while (job := self.ask("GET", f"/jobs/{job_id}"))["state"] not in _OVER:
            assert time.monotonic() < ends, f"{path} is {job['state']} for {_JOB_SECONDS} s."
            time.sleep(_LOOK_SECONDS)
        assert job["state"] == "done", f"{path}: {job}"
        return job_id

    def request_window(self, account: str) -> str:
        body = {"account": account, "reason": "Register as a seller", "ticket": "OPS-1234", "duration_seconds": 900}
        return str(self.ask("POST", "/windows", body)["window_id"])

    def open_window(self, window_id: str) -> None:
        """Approve and open what another user requested."""
        self.ask("POST", f"/windows/{window_id}/approve", {})
        self.ask("POST", f"/windows/{window_id}/activate")


ADDRESSES: Mapping[str, Callable[[Shown], tuple[str, ...]]] = {
    "/accounts": lambda shown: ("/accounts", "/accounts?list=name", f"/accounts?account={story.ACCOUNT}"),
    "/accounts/delete": lambda shown: (
        f"/accounts/delete?plan={shown.plan_id}",
        f"/accounts/delete?run={shown.deletion_id}",
    ),
    "/controls/control": lambda shown: ("/controls/control?framework=cis-6.0&control=2.4",),
    "/jobs/:job_id": lambda shown: tuple(f"/jobs/{one}" for one in (shown.audit_id, shown.plan_id, shown.deletion_id)),
    "/windows/:window_id": lambda shown: tuple(
        f"/windows/{one}" for one in (shown.waiting_id, shown.open_id, shown.closed_id)
    ),
}
"""What to open of a page that shows something by its address. The others are opened by their path."""


def list_addresses(path: str, shown: Shown) -> tuple[str, ...]:
    """:raises AssertionError: if a page that needs an id has no row in the table."""
    find = ADDRESSES.get(path)
    assert find is not None or ":" not in path, f"{path} needs a row in ADDRESSES"
    return (path,) if find is None else find(shown)
