"""Audits forty organizations behind one server at once, while a recovery window ends in each.

Each organization is a sandbox of its own with AWS's published rates, and answers after 80 ms. First some are audited
alone; then all; then all while a window of each ends; then all while two hang and one is throttled to a root session a
second. Requests go through the front, as those of the console. Sandboxes and server share the machine's cores, so the
CPU of all of them divided by the cores is a floor that the table names.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

import psutil

from measuring.audits import ROOTKEEPER
from measuring.organizations import HANGING, OrganizationStage, open_organizations
from measuring.pages import parse_options, show
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list, render_table
from measuring.workers import Worker, read_cpu_seconds, read_peak_memory, run_workers

PROGRAM = "bench/organizations_server.py"
RATIO_WANTED = 1.25
"""Of an audit of all to the slowest organization alone."""
MEGABYTES_WANTED = 300
CLOSING_WANTED = 10.0
"""Seconds from the end of a window until it is closed."""
HEAD = ("audit", "in order s", "of all s", "÷alone", "closed after s", "lost")
_WINDOW_SECONDS = 60
"""Long enough to open one in each organization, and shorter than an audit of all."""
_LONG_SECONDS = 1_200.0
_LOOK_SECONDS = 0.25
_IN_ORDER = "done"


@dataclass(frozen=True, slots=True)
class Line:
    """An audit."""

    name: str
    seconds: float
    """Until the last organization in order was read; the median of the rounds."""
    of_all: float
    """CPU seconds of server and sandboxes ÷ cores: no audit could be shorter here."""
    closings: Sequence[float] = ()
    """Seconds from the end of each organization's window until it was closed."""
    lost: int = 0
    """Organizations that weren't read, and should have been."""


@dataclass(slots=True)
class SharedServer:
    """A server of all organizations, used with a token of each."""

    stage: OrganizationStage
    worker: Worker
    url: str
    tokens: dict[str, str] = field(repr=False)

    def ask(self, name: str, method: str, path: str, body: object = None) -> Any:
        """Send a request about an organization.

        :raises OSError: if it is answered by an error.
        """
        data = None if body is None else json.dumps(body).encode()
        address = f"{self.url}/api/v1/organizations/{name}{path}"
        request = urllib.request.Request(address, data, method=method)  # noqa: S310 - own address
        request.add_header("Authorization", f"Bearer {self.tokens[name]}")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - own address
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                error.add_note(error.read().decode())
            error.add_note(self.worker.remarks.read_text(encoding="utf-8")[-2000:])
            raise

    @property
    def processes(self) -> list[psutil.Process]:
        """The front, and the process of each organization."""
        front = psutil.Process(self.worker.process.pid)
        return [front, *front.children()]

    def read_cpu(self) -> float:
        """CPU seconds of server and sandboxes."""
        return self.stage.read_cpu() + sum(read_cpu_seconds(one.pid) for one in self.processes)

    def audit(self, names: Collection[str], in_order: Collection[str]) -> tuple[float, float, list[str]]:
        """Audit organizations at once: seconds until the last one in order ended, CPU seconds ÷ cores, and the lost."""
        before, began = self.read_cpu(), time.monotonic()
        with ThreadPoolExecutor(len(names)) as threads:
            started = dict(
                zip(names, threads.map(lambda name: self.ask(name, "POST", "/audits", {}), names), strict=True)
            )
        waiting, lost = {name: started[name]["job_id"] for name in in_order}, []
        while waiting:
            if time.monotonic() - began > _LONG_SECONDS:
                raise RuntimeError(f"These audits take too long: {', '.join(waiting)}.")
            time.sleep(_LOOK_SECONDS)
            for name, job_id in list(waiting.items()):
                job = self.ask(name, "GET", f"/jobs/{job_id}")
                if job["ended_at"] is not None:
                    del waiting[name]
                    lost += [] if job["state"] == _IN_ORDER else [name]
        seconds = time.monotonic() - began
        return seconds, (self.read_cpu() - before) / (os.cpu_count() or 1), lost

    def open_window(self, name: str) -> str:
        """Open a recovery window of a member account; its id."""
        found = self.stage.sandboxes[name].ask("organization")
        account_id = next(
            str(one["account_id"])
            for one in found["accounts"]
            if one["state"] == "ACTIVE" and one["account_id"] != found["management_account_id"]
        )
        self.stage.sandboxes[name].empty_account(account_id)
        wanted = {"account": account_id, "reason": "benchmark", "duration": f"{_WINDOW_SECONDS}s"}
        window_id = str(self.ask(name, "POST", "/windows", wanted)["window_id"])
        self.ask(name, "POST", f"/windows/{window_id}/activate", {})
        return window_id

    def wait_closed(self, name: str, window_id: str) -> float:
        """Return the seconds from the window's end until it was closed."""
        ends = time.monotonic() + _LONG_SECONDS
        while (window := self.ask(name, "GET", f"/windows/{window_id}"))["closed_at"] is None:
            if time.monotonic() > ends:
                raise RuntimeError(f"The window {window_id} of {name} isn't closed.")
            time.sleep(_LOOK_SECONDS)
        closed_at, expires_at = (datetime.fromisoformat(window[key]) for key in ("closed_at", "expires_at"))
        return (closed_at - expires_at).total_seconds()


@contextmanager
def run_server(stage: OrganizationStage) -> Iterator[SharedServer]:
    """Start the server, and wait until each organization answers."""
    with tempfile.TemporaryDirectory(dir=stage.folder) as data:
        environment = stage.environment | stage.place_data(data) | {"ROOTKEEPER_WINDOWS_APPROVALS": "0"}
        with run_workers([("--config", str(stage.config), "serve", "--port", "0")], environment) as (worker,):
            found = re.search(r"serves (http://[^\s]+?):? ", worker.remarks.read_text(encoding="utf-8"))
            assert found is not None
            server = SharedServer(stage, worker, found[1], {})
            ends = time.monotonic() + _LONG_SECONDS
            for name in stage.sandboxes:
                server.tokens[name] = make_token(name, stage, environment)
                while not answers(server, name):
                    if time.monotonic() > ends:
                        raise RuntimeError(f"Organization {name} doesn't answer.")
                    time.sleep(_LOOK_SECONDS)
            yield server


def answers(server: SharedServer, name: str) -> bool:
    try:
        server.ask(name, "GET", "/me")
    except OSError:
        return False
    return True


def make_token(name: str, stage: OrganizationStage, environment: dict[str, str]) -> str:
    """:raises RuntimeError: if that fails for a minute: the organization's process is still making the database."""
    command = [ROOTKEEPER, "--config", str(stage.config), "--organization", name, "token", "create"]
    for _ in range(60):
        made = subprocess.run(
            [*command, "--role", "administrator", "--name", "bench"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode == 0:
            return made.stdout.strip()
        time.sleep(1)
    raise RuntimeError(made.stderr)


def main() -> int:
    options = read_options()
    surroundings = describe_surroundings()
    print(f"{surroundings}\n", flush=True)
    with (
        open_organizations(options.organizations, options.accounts, options.latency_ms) as stage,
        run_server(stage) as server,
    ):
        lines = list(measure_all(server, options))
        memory = [read_peak_memory(one.pid) / 1e6 for one in server.processes]
    text = f"{render_lines(lines)}\n\n{render_list(describe_conditions(options, memory))}"
    show(text, surroundings, PROGRAM, options.markdown)
    return 1 if any(line.lost for line in lines) else 0


def describe_conditions(options: argparse.Namespace, memory: Sequence[float]) -> Iterator[str]:
    yield (
        f"{options.organizations} organizations of {options.accounts} accounts behind one server, {options.latency_ms} "
        f"ms, AWS's published rates; medians of {options.rounds}."
    )
    yield f"Memory: the front {memory[0]:.0f} MB, the largest process of an organization {max(memory[1:]):.0f} MB."
    yield (
        f"Wanted: ÷alone at most {RATIO_WANTED}, at most {MEGABYTES_WANTED} MB a process, closed after at most "
        f"{CLOSING_WANTED:.0f} s. *of all s* is the CPU of server and sandboxes divided by the cores: where it is near "
        "the time, the machine is measured."
    )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Ends with 1 if an organization wasn't read.")
    parser.add_argument("--organizations", type=int, default=40)
    parser.add_argument("--accounts", type=int, default=250)
    parser.add_argument("--alone", type=int, default=3, help="organizations that are audited alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=int, default=80)
    parser.add_argument("--quick", action="store_true", help="only see that everything runs: the numbers mean nothing")
    options = parse_options(parser, PROGRAM)
    if options.quick:
        vars(options).update({"organizations": 4, "accounts": 10, "alone": 1, "rounds": 1, "latency_ms": 5})
    return options


def measure_all(server: SharedServer, options: argparse.Namespace) -> Iterator[Line]:
    """Audit all once, so that every database is there; then some alone, all, and all under difficulties."""
    names = list(server.stage.sandboxes)
    server.audit(names, names)
    alone = [measure_audit(server, f"{name} alone", [name], options.rounds) for name in names[: options.alone]]
    yield max(alone, key=lambda line: line.seconds)
    yield measure_audit(server, "all at once", names, options.rounds)
    with ThreadPoolExecutor(len(names)) as threads:
        windows = dict(zip(names, threads.map(server.open_window, names), strict=True))
    during = measure_audit(server, "all, a window ends in each", names, 1)
    closings = [server.wait_closed(name, window_id) for name, window_id in windows.items()]
    yield Line(during.name, during.seconds, during.of_all, closings, during.lost)
    with server.stage.out_of_order() as troubled:
        in_order = [name for name in names if name not in troubled]
        yield measure_audit(server, f"all, {HANGING} hanging and one throttled", names, 1, in_order)


def measure_audit(
    server: SharedServer, name: str, names: Sequence[str], rounds: int, in_order: Sequence[str] | None = None
) -> Line:
    found = [server.audit(names, names if in_order is None else in_order) for _ in range(rounds)]
    lost = sum(len(lost) for *_, lost in found)
    return Line(name, median(one[0] for one in found), median(one[1] for one in found), lost=lost)


def render_lines(lines: Sequence[Line]) -> str:
    alone = lines[0].seconds
    return render_table(
        HEAD,
        [
            (
                line.name,
                f"{line.seconds:.1f}",
                f"{line.of_all:.1f}",
                f"{line.seconds / alone:.2f}",
                f"{median(line.closings):.1f}, at most {max(line.closings):.1f}" if line.closings else "",
                str(line.lost),
            )
            for line in lines
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
