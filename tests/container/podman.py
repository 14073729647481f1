"""Podman with settings and storage of its own, and the image built from the last commit on a base of Debian.

Containers have no network but loopback: they share one namespace without any other interface.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.database.samples import REPOSITORY

BASE = "localhost/rootkeeper-base"
IMAGE = "localhost/rootkeeper"
SHELLS = ("/usr/bin/dash", "/usr/bin/bash")
SHUT_IN = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    *(f"--volume=/dev/null:{shell}:ro" for shell in SHELLS),
)
"""Nothing but volumes can be written, no privilege is there, and no shell can be run."""

ENOUGH = 16_384
"""Of open files and of processes."""

BUILD_SECONDS = 1500.0
SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Podman:
    """Runs podman."""

    environment: dict[str, str]

    @classmethod
    @contextmanager
    def start(cls, folder: Path) -> Iterator[Podman]:
        """Prepare it in a folder that is empty afterwards; skip where there is none."""
        if shutil.which("podman") is None or shutil.which("debootstrap") is None:
            pytest.skip("podman and debootstrap aren't installed, and scripts/ensure-podman couldn't install them")
        if os.geteuid() != 0:
            pytest.skip("debootstrap makes the base of the image, and needs root")
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/images"\nrunroot = "{folder}/run"\n'
        )
        limits = [f"{name}={_hard_limit(kind)}" for name, kind in (("nofile", "NOFILE"), ("nproc", "NPROC"))]
        runtime = "runc" if shutil.which("runc") else "crun"
        (folder / "containers.conf").write_text(
            f'[containers]\ndefault_ulimits = {limits!r}\n[engine]\nruntime = "{runtime}"\n'
            'cgroup_manager = "cgroupfs"\nevents_logger = "none"\n'
        )
        podman = cls(
            os.environ
            | {
                "CONTAINERS_CONF": str(folder / "containers.conf"),
                "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
                "TMPDIR": str(folder),
            }
        )
        try:
            yield podman
        finally:
            podman.do("rm", "--all", "--force", "--time=0")
            podman.do("volume", "rm", "--all", "--force")
            podman.do("rmi", "--all", "--force")

    def do(self, *arguments: str, seconds: float = SECONDS) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["podman", *arguments],
            env=self.environment,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def succeed(self, *arguments: str, seconds: float = SECONDS) -> str:
        """Run it, which must end with 0, and return what it prints."""
        done = self.do(*arguments, seconds=seconds)
        assert done.returncode == 0, f"podman {arguments}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def inspect(self, name: str, template: str) -> str:
        return self.succeed("inspect", name, f"--format={template}").strip()

    def is_running(self, name: str) -> bool:
        return self.inspect(name, "{{.State.Running}}") == "true"

    def wait_until_healthy(self, name: str) -> None:
        """Ask by the image's own health check."""
        ends = time.monotonic() + SECONDS
        while self.do("healthcheck", "run", name).returncode != 0:
            assert self.is_running(name), self.do("logs", name).stderr
            assert time.monotonic() < ends, self.do("logs", name).stderr
            time.sleep(0.5)


def build_image(podman: Podman, folder: Path) -> None:
    """Build the image from the last commit with Debian's Python as the base; both have names of their own here."""
    root, source = folder / "root", folder / "source"
    source.mkdir()
    _run([str(REPOSITORY / "scripts/make-clean-root"), str(root)])
    # The base knows this machine's certificate authorities; Node.js has its own list otherwise.
    trusted = "ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt"
    archive = folder / "root.tar"
    _run(["tar", "-C", str(root), "-cf", str(archive), "."])
    shutil.rmtree(root)
    podman.succeed("import", f"--change={trusted}", str(archive), BASE, seconds=BUILD_SECONDS)
    archive.unlink()
    _run(["sh", "-c", 'git archive HEAD | tar -x -C "$0"', str(source)])
    build = ("build", "--format=docker", "--layers=false", "--network=host", f"--build-arg=BASE={BASE}")
    podman.succeed(*build, f"--tag={IMAGE}", str(source), seconds=BUILD_SECONDS)
    shutil.rmtree(source)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def _hard_limit(kind: str) -> str:
    """Podman's own default can be more than this machine allows."""
    _, hard = resource.getrlimit(getattr(resource, f"RLIMIT_{kind}"))
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    return f"{most}:{most}"
