"""A server with its console on a sandbox of many accounts, which it has audited once, and a token to read them by."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measuring.sandboxes import Sandbox, run_sandbox
from measuring.workers import Worker, run_workers

JOB_SECONDS = 600.0
_LOOK_SECONDS = 0.5
_OVER = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class ConsoleStage:
    """What is looked at."""

    url: str
    server: Worker
    sandbox: Sandbox
    token: str = field(repr=False)
    """Of an administrator."""

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request to the API.

        :raises OSError: if it is answered by an error.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, method=method)  # noqa: S310 - own address
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - own address
            return json.load(answer)

    def begin_audit(self) -> str:
        """Have everything audited; the job's id."""
        return str(self.ask("POST", "/audits", {})["job_id"])

    def is_over(self, job_id: str) -> bool:
        """:raises RuntimeError: if it failed."""
        job = self.ask("GET", f"/jobs/{job_id}")
        state = job["state"]
        if state in _OVER and state != "done":
            raise RuntimeError(f"The job {job_id} ended as {state}: {job['remark']}")
        return bool(state == "done")

    def run(self, path: str, body: object) -> str:
        """Start a job, and wait for its end; its id.

        :raises RuntimeError: if it fails, or takes too long.
        """
        job_id, ends = str(self.ask("POST", path, body)["job_id"]), time.monotonic() + JOB_SECONDS
        while not self.is_over(job_id):
            if time.monotonic() > ends:
                raise RuntimeError(f"The job of {path} takes too long.")
            time.sleep(_LOOK_SECONDS)
        return job_id


@contextmanager
def open_console_stage(
    *sandbox_options: str,
    prepare: Callable[[Sandbox], None] = lambda _: None,
    is_detailed: bool = False,
    **settings: str,
) -> Iterator[ConsoleStage]:
    """Sandbox and server, after a first audit.

    :param prepare: changes the sandbox before the audit.
    :param is_detailed: whether the audit reads the details of each credential, too.
    :param settings: variables of the server.
    """
    with run_sandbox(*sandbox_options) as sandbox, tempfile.TemporaryDirectory() as folder:
        prepare(sandbox)
        environment = {
            **sandbox.environment(),
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{Path(folder) / 'rootkeeper.db'}",
            **settings,
        }
        with run_workers([("serve", "--port", "0")], environment) as (server,):
            stage = ConsoleStage(_find_url(server), server, sandbox, _make_token(environment))
            stage.run("/audits", {"details": is_detailed})
            yield stage


def _find_url(server: Worker) -> str:
    found = re.search(r"serves (http://[^\s]+?):? ", server.remarks.read_text(encoding="utf-8"))
    if found is None:
        raise RuntimeError("The server doesn't say where it listens.")
    return found[1]


def _make_token(environment: Mapping[str, str]) -> str:
    made = subprocess.run(
        [sys.executable, "-m", "rootkeeper", "token", "create", "--role", "administrator", "--name", "bench"],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.strip()
