"""Runs the containers of a manifest on this machine, with folders of a test in the place of their mounts.

A container sees only what it mounts: the folders of other mounts have another path here, which its command doesn't
contain. Its image isn't there: Rootkeeper is this checkout's, PostgreSQL's tools are those of the tests' server.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import make_url

from tests.forked import run_forked
from tests.functional.running import Run
from tests.unit.database.samples import REPOSITORY

KUBERNETES = REPOSITORY / "deploy/kubernetes"
SETTINGS = "/etc/rootkeeper"
SECRETS = "/run/secrets/rootkeeper"
KEY = "kwrc2iTT0Mso8dUOmkXqCGsFxQDMNYYhDkrbxNTlX4A="
"""Of second factors."""
SECONDS = 100


def read_manifests(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((KUBERNETES / path).read_text()))


def read_pod(path: str) -> dict[str, Any]:
    """The Pod that a manifest's first document is or makes."""
    document = read_manifests(path)[0]
    spec: dict[str, Any] = document["spec"]
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    if document["kind"] != "Pod":
        spec = spec["template"]["spec"]
    return spec


def list_containers(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All containers, in the order in which they run."""
    return [*pod.get("initContainers", []), *pod["containers"]]


@dataclass(frozen=True, slots=True)
class LocalContainers:
    """The volumes of a deployment, as folders below ``folder``."""

    folder: Path
    tools: Path | None = None
    """PostgreSQL's."""

    def write_settings(self, variant: str, database_url: str) -> None:
        """Write the settings and, on PostgreSQL, the example's Secret with another database."""
        settings, secrets = self.mount(SETTINGS), self.mount(SECRETS)
        text = (KUBERNETES / variant / "settings/rootkeeper.toml").read_text()
        (settings / "rootkeeper.toml").write_text(text.replace(SECRETS, str(secrets)))
        if variant == "postgresql":
            self._write_secret(secrets, database_url)

    def _write_secret(self, folder: Path, database_url: str) -> None:
        (secret,) = read_manifests("postgresql/secret.example.yaml")
        values = secret["stringData"] | {"database_url": database_url, "key": KEY}
        address = make_url(database_url)
        # The tests' server is on a socket, where there is no TLS.
        where = {"host": address.query["host"], "sslmode": "disable"}
        for name, value in (where | {"dbname": address.database, "user": address.username}).items():
            values["pg_service.conf"] = re.sub(rf"(?m)^{name}=.*$", f"{name}={value}", values["pg_service.conf"])
        for name, value in values.items():
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(value)

    def mount(self, path: str) -> Path:
        """The folder of a mount, made if it isn't there."""
        found = self.folder / path.strip("/").replace("/", "-")
        found.mkdir(mode=0o700, parents=True, exist_ok=True)
        return found

    def run_pod(self, pod: Mapping[str, Any], **variables: str) -> list[Run]:
        """Run its containers one after the other until one fails."""
        runs: list[Run] = []
        for container in list_containers(pod):
            runs.append(self.run(container, **variables))
            if runs[-1].status:
                break
        return runs

    def run(self, container: Mapping[str, Any], **variables: str) -> Run:
        """Run one container; ``variables`` are set beside, or in place of, its own."""
        mounts = {path: str(self.mount(path)) for path in (mount["mountPath"] for mount in container["volumeMounts"])}
        own = {entry["name"]: put_in_place(entry["value"], mounts) for entry in container["env"]}
        command = [put_in_place(word, mounts) for word in [*container.get("command", []), *container["args"]]]
        return run_command(command, image_environment(mounts) | own | variables, self.tools)


def put_in_place(text: str, mounts: Mapping[str, str]) -> str:
    for path, folder in mounts.items():
        text = re.sub(rf"(?<![\w/.-]){re.escape(path)}(?![\w-])", folder, text)
    return text


def image_environment(mounts: Mapping[str, str]) -> dict[str, str]:
    """The variables of the Containerfile."""
    data = mounts.get("/data", "/nonexistent")
    return {
        "PATH": os.environ["PATH"],
        "HOME": data,
        "XDG_DATA_HOME": data,
        "XDG_STATE_HOME": f"{data}/state",
        "TMPDIR": data,
    }


def run_command(command: list[str], environment: Mapping[str, str], tools: Path | None) -> Run:
    """Run a container's command line; without a program it is Rootkeeper's."""
    path = environment["PATH"] if tools is None else f"{tools}{os.pathsep}{environment['PATH']}"
    given = {**environment, "PATH": path}
    if command[0] not in {"sh", "python3"}:
        forked = run_forked(command, given)
        return Run(forked.returncode, forked.stdout, forked.stderr)
    program = sys.executable if command[0] == "python3" else command[0]
    done = subprocess.run(
        [program, *command[1:]],
        env=given,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)
