"""The container image, built from the last commit and run by Podman: shut in, killed and started again.

The base is Debian with Python, made by debootstrap, because tests reach package registries and no registry of images.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from rootkeeper import __version__
from tests.container.podman import IMAGE, SECONDS, SHUT_IN, Podman, build_image
from tests.unit.database.samples import REPOSITORY

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("container"),
    pytest.mark.timeout(2400),
    pytest.mark.inputs("container"),
]

USER = "10001"
RECOVERED = "800090001000"
WINDOW_SECONDS = 60
"""So long that the window is still open when the server is killed, also on a busy machine."""
KINDS = ("password", "recovery_allowed", "access_keys", "signing_certificates", "mfa_devices")
SERVER_URL = "http://127.0.0.1:8700"
MADE_BY_PODMAN = {"C /etc", "C /etc/group", "C /etc/passwd"}
"""What podman itself changes in a container: mount points, and a name for the user."""


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    folder = tmp_path_factory.mktemp("podman")
    with Podman.start(folder) as podman:
        build_image(podman, folder)
        yield podman


@dataclass(slots=True)
class Containers:
    """The sandbox, and a server whose only network is the sandbox's loopback."""

    podman: Podman
    aws: list[str] = field(default_factory=list)

    def start_sandbox(self) -> None:
        command = ("sandbox", "--scenario", "demo", "--latency-ms", "100")
        self.podman.succeed("run", "--detach", "--name=sandbox", "--network=none", *SHUT_IN, IMAGE, *command)
        ends = time.monotonic() + 120
        while "READY" not in (log := self.podman.do("logs", "sandbox")).stdout:
            assert time.monotonic() < ends, log.stdout + log.stderr
            time.sleep(0.3)
        shown = self.podman.succeed("exec", "sandbox", "rootkeeper", "sandbox", "env")
        self.aws = [f"--env={line.removeprefix('export ')}" for line in shown.splitlines() if "=" in line]

    def run_once(self, *command: str) -> str:
        """Run a command in a container of its own, on the server's data."""
        return self.podman.succeed("run", "--rm", *self._options(), *SHUT_IN, IMAGE, *command)

    def start_server(self, name: str, *shut_in: str) -> None:
        self.podman.succeed("run", "--detach", f"--name={name}", *self._options(), *shut_in, IMAGE)
        self.podman.wait_until_healthy(name)

    def _options(self) -> tuple[str, ...]:
        share = "--env=ROOTKEEPER_AWS_API_SHARE=10000"
        return ("--network=container:sandbox", "--volume=data:/data", share, *self.aws)

    def use(self, *command: str, token: str, expects: int = 0) -> str:
        """Run a command through the server, as a person with that token."""
        options = (f"--env=ROOTKEEPER_SERVER={SERVER_URL}", f"--env=ROOTKEEPER_TOKEN={token}")
        done = self.podman.do("exec", *options, "server", "rootkeeper", *command)
        assert done.returncode == expects, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def make_token(self, name: str, role: str) -> str:
        command = ("rootkeeper", "token", "create", "--role", role, "--name", name, "--expires", "1d")
        return self.podman.succeed("exec", "server", *command).strip()

    def control(self, path: str) -> Any:
        """Read what is true in the sandbox."""
        url = f"http://127.0.0.1:4599/_sandbox/{path}"
        program = f"import urllib.request; print(urllib.request.urlopen('{url}').read().decode())"
        return json.loads(self.podman.succeed("exec", "sandbox", "python3", "-c", program))

    def root_users(self) -> dict[str, dict[str, Any]]:
        return {one["account_id"]: one["root_user"] for one in self.control("organization")["accounts"]}

    def read_ledger(self, token: str) -> list[str]:
        """The hashes of all entries, the first one first."""
        shown = self.use("ledger", "list", "--limit", "100000", "-o", "jsonl", token=token)
        return sorted(shown.splitlines(), key=lambda line: json.loads(line)["sequence"])


def is_bare(root_user: dict[str, Any]) -> bool:
    return not any(root_user[kind] for kind in KINDS)


@pytest.fixture(scope="module")
def containers(podman: Podman) -> Containers:
    """After the set-up of the demo organization, with a server that has no administrator yet."""
    containers = Containers(podman)
    containers.start_sandbox()
    containers.run_once("enable", "--delegated-administrator", "222233334444", "--yes")
    containers.start_server("server", *SHUT_IN)
    return containers


def test_the_image_says_how_it_is_run(podman: Podman) -> None:
    (image,) = json.loads(podman.succeed("image", "inspect", IMAGE))
    config = image["Config"]
    assert config["User"] == f"{USER}:{USER}"
    assert set(config["Volumes"]) == {"/data"}
    assert config["StopSignal"] in {"SIGTERM", "15"}
    assert config["Entrypoint"] == ["/opt/rootkeeper/bin/rootkeeper"]
    assert image["Healthcheck"]["Test"][0] == "CMD"
    assert not any("passw" in one.lower() or "secret" in one.lower() for one in config["Env"])


def test_a_server_of_the_image_starts_as_a_release_tries_it(podman: Podman) -> None:
    command = [str(REPOSITORY / "scripts/try-image"), IMAGE]
    environment = podman.environment | {"CONTAINERS": "podman"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS * 2, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert __version__ in done.stdout
    assert "try-" not in podman.succeed("ps", "--all", "--format={{.Names}}")


def test_the_server_has_no_privilege_and_writes_its_volume_alone(containers: Containers) -> None:
    podman = containers.podman
    assert podman.inspect("server", "{{.HostConfig.ReadonlyRootfs}}") == "true"
    status = podman.succeed("exec", "server", "python3", "-c", "print(open('/proc/1/status').read())")
    found = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    assert set(found["Uid"].split()) == set(found["Gid"].split()) == {USER}
    assert (int(found["CapEff"], 16), int(found["CapBnd"], 16), found["NoNewPrivs"].strip()) == (0, 0, "1")
    assert podman.do("exec", "server", "sh", "-c", "true").returncode != 0
    assert podman.succeed("exec", "server", "python3", "-c", "import os; print(os.listdir('/data'))") != "[]\n"
    link = ("exec", "server", "python3", "-c", "print(open('/data/rootkeeper/first-administrator-link').read())")
    assert "/first-administrator#" in podman.succeed(*link)


def test_a_killed_server_loses_nothing(containers: Containers) -> None:
    """Audit, a window with an approval, a deletion; kill -9 with the window open and the deletion half done."""
    podman = containers.podman
    anna, boris = containers.make_token("anna", "operator"), containers.make_token("boris", "approver")
    containers.use("audit", token=anna, expects=1)
    containers.use("delete", RECOVERED, "--yes", token=anna)
    request = ("windows", "request", RECOVERED, "--reason", "Test of a container", "--for", f"{WINDOW_SECONDS}s")
    containers.use(*request, "--yes", token=anna)
    containers.use("windows", "approve", RECOVERED, "--yes", token=boris)
    containers.use("windows", "activate", RECOVERED, "--yes", token=anna)
    ends = time.monotonic() + WINDOW_SECONDS
    assert containers.root_users()[RECOVERED]["recovery_allowed"]
    before = containers.root_users()
    credentials = (f"--env=ROOTKEEPER_SERVER={SERVER_URL}", f"--env=ROOTKEEPER_TOKEN={anna}")
    deletion = ("delete", "--all", "--wave", "2", "--pause", "2s", "--yes")
    podman.succeed("exec", "--detach", *credentials, "server", "rootkeeper", *deletion)
    while not has_deleted(before, containers.root_users()):
        assert podman.is_running("server")
    entries = containers.read_ledger(anna)
    assert len(list_unfinished_jobs(containers, anna)) == 1
    podman.succeed("kill", "--signal=KILL", "server")
    assert not podman.is_running("server")
    time.sleep(max(0.0, ends - time.monotonic()))

    podman.succeed("start", "server")
    podman.wait_until_healthy("server")
    assert not containers.root_users()[RECOVERED]["recovery_allowed"]
    wait_for_jobs(containers, anna)
    users = containers.root_users()
    left = {one for one, user in users.items() if not is_bare(user)}
    reported = json.loads(containers.use("audit", "-o", "json", token=anna, expects=1))["accounts"]
    assert left >= {one["account_id"] for one in reported if one["status"] == "present"}
    assert {one for one, user in before.items() if not is_bare(user)} - left
    (window,) = json.loads(containers.use("windows", "list", "-o", "json", token=anna))["windows"]
    assert window["state"] == "CLOSED_VERIFIED"
    assert containers.read_ledger(anna)[: len(entries)] == entries
    containers.use("ledger", "verify", token=anna)


def has_deleted(before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> bool:
    return any(is_bare(now[one]) for one, user in before.items() if not is_bare(user))


def list_unfinished_jobs(containers: Containers, token: str) -> list[Any]:
    found: list[Any] = json.loads(containers.use("jobs", "list", "--unfinished", "-o", "json", token=token))["jobs"]
    return found


def wait_for_jobs(containers: Containers, token: str) -> None:
    ends = time.monotonic() + 180
    while list_unfinished_jobs(containers, token):
        assert time.monotonic() < ends
        time.sleep(0.5)


def test_it_ends_in_order_when_it_is_stopped(containers: Containers) -> None:
    """As the first process of its container it gets no signal that it doesn't handle itself."""
    podman = containers.podman
    podman.succeed("stop", "--time=60", "server")
    assert podman.inspect("server", "{{.State.ExitCode}}") == "0"


def test_it_writes_nothing_else_even_where_it_could(containers: Containers) -> None:
    """After the other server has been stopped: on the same data, with a root file system that can be written."""
    podman = containers.podman
    containers.start_server("open")
    podman.succeed("exec", "open", "rootkeeper", "ledger", "verify")
    report = ("report", "--from", "30d", "--format", "pdf", "--out", "/data/report.pdf")
    assert podman.do("exec", "open", "rootkeeper", *report).returncode == 1
    podman.succeed("stop", "--time=60", "open")
    assert set(podman.succeed("diff", "open").splitlines()) <= MADE_BY_PODMAN
