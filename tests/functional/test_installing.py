"""Rootkeeper installed from a clone, as its README says, by the programs that people use for that.

Each is a real installation from the Python package registry, into folders of the test. The commit is tried, not what
lies in the folder beside it.
"""

from __future__ import annotations

import filecmp
import http.client
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.tool_environments import find_programs
from tests.sandbox_process import SandboxProcess
from tests.unit.database.samples import REPOSITORY

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("installing"),
    pytest.mark.timeout(1800),
    pytest.mark.inputs("installing"),
]

HOME = Path.home()
"""Of the person who runs the tests, with the settings of pip and npm. Read here: later, tests have another one."""
MOST_MEGABYTES = 120
MINUTES = 60.0
FOREIGN = ("AWS_", "ROOTKEEPER_", "XDG_", "COLUMNS")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last commit, with nothing built."""
    folder = tmp_path_factory.mktemp("clone") / "rootkeeper"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(REPOSITORY), str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which pipx installs: its programs first on the PATH, everything in folders of the test."""
    folder, programs = tmp_path_factory.mktemp("pipx"), find_programs("pipx")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {
        "HOME": str(HOME),
        "PATH": f"{folder / 'bin'}{os.pathsep}{programs}{os.pathsep}{os.environ['PATH']}",
        "PIPX_HOME": str(folder / "home" / "pipx"),
        "PIPX_BIN_DIR": str(folder / "bin"),
        "PIPX_MAN_DIR": str(folder / "man"),
        "PIPX_COMPLETION_DIR": str(folder / "completion"),
        "PIPX_DEFAULT_BACKEND": "pip",
        "TMPDIR": str(tmp_path_factory.mktemp("temporary")),
    }


def run(command: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command as it is typed."""
    return subprocess.run(
        shlex.split(command),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=15 * MINUTES,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(clone: Path, surroundings: dict[str, str]) -> dict[str, str]:
    """After ``pipx install .``; the environment has rootkeeper on its PATH."""
    done = run("pipx install .", clone, surroundings)
    assert done.returncode == 0, done.stderr
    return surroundings


@pytest.fixture(scope="module")
def person(installed: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the installed program runs, with a home of its own."""
    return installed | {"HOME": str(tmp_path_factory.mktemp("home"))}


def test_the_command_line_alone_is_small(installed: dict[str, str]) -> None:
    folder = Path(installed["PIPX_HOME"]) / "venvs" / "rootkeeper"
    used = sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))
    assert used / 2**20 < MOST_MEGABYTES


@pytest.mark.parametrize("arguments", ["--version", "status --help"])
def test_it_starts_without_the_libraries_of_its_work(arguments: str, clone: Path, person: dict[str, str]) -> None:
    """How long a start takes is for bench/sizes.py."""
    programs = Path(person["PIPX_HOME"]) / "venvs" / "rootkeeper" / "bin"
    done = run(f"{programs / 'python'} -X importtime {programs / 'rootkeeper'} {arguments}", clone, person)
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert imported & {"botocore", "sqlalchemy", "rich", "jinja2"} == set()
    assert "rootkeeper" in imported


def test_pipx_shows_the_manual_page(installed: dict[str, str]) -> None:
    page = Path(installed["PIPX_MAN_DIR"]) / "man1" / "rootkeeper.1"
    assert page.read_text() == (REPOSITORY / "packaging/rootkeeper.1").read_text()


COMMANDS = (
    ("status", 1),
    ("doctor --fail-on present", 0),
    ("preflight", 1),
    ("enable --delegated-administrator 222233334444 --yes", 0),
    ("audit", 1),
    ("audit -o jsonl --details", 1),
    ("audit -o sarif", 1),
    ("plan --ou Root/Sandboxes --out plan.json", 0),
    ("apply plan.json --yes", 1),
    ("emails list", 1),
    ("failsafe check", 1),
    ("breakglass", 1),
    ("exceptions list", 0),
    ("windows list", 0),
    ("jobs list", 0),
    ("history 222233334444", 0),
    ("diff --list", 0),
    ("unlock s3 888899990000", 0),
    ("policies roles", 0),
    ("policies terraform", 0),
    ("policies cloudformation", 0),
    ("report --from 30d --out evidence.html", 1),
    ("report --from 30d --format pdf --out evidence.pdf", 2),
    ("notifications list", 0),
    ("ledger verify", 0),
)
"""The main job with the command line alone, with the exit statuses of the demo organization. A PDF needs an extra."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--scenario", "demo") as process:
        yield process


def test_the_main_job_needs_nothing_but_the_command_line(
    person: dict[str, str], sandbox: SandboxProcess, tmp_path: Path
) -> None:
    environment = person | sandbox.environment() | {"ROOTKEEPER_AWS_VERIFY_SECONDS": "1"}
    found = []
    for command, status in COMMANDS:
        done = run(f"rootkeeper {command}", tmp_path, environment)
        assert "Traceback" not in done.stderr, done.stderr
        if done.returncode != status:
            found.append((command, done.returncode, done.stderr[-400:]))
    assert found == []


def test_what_a_command_lacks_is_installed_by_the_very_command_that_it_names(
    clone: Path, person: dict[str, str]
) -> None:
    refused = run("rootkeeper serve", clone, person)
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    command = line.partition("Install it: ")[2]
    assert shlex.split(command) == ["pipx", "install", "--force", f"{clone}[server]"]
    done = run(command, clone, person | {"HOME": str(HOME)})
    assert done.returncode == 0, done.stderr
    with_server = run("rootkeeper demo --check", clone, person)
    assert with_server.returncode == 0, with_server.stdout[-2000:] + with_server.stderr


def test_pipx_runs_the_demo_from_a_clone(clone: Path, surroundings: dict[str, str], tmp_path: Path) -> None:
    """Literally ``pipx run --spec . rootkeeper demo``, until Ctrl-C."""
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["pipx", "run", "--spec", ".", "rootkeeper", "demo"],
            cwd=clone,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        ends = time.monotonic() + 15 * MINUTES
        while "and sign in." not in log.read_text() and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.5)
        shown = log.read_text()
        assert "and sign in." in shown, shown
        url = shown.partition("Open ")[2].split()[0]
        address = urlsplit(url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        connection.request("GET", "/")
        assert b"<title>Rootkeeper" in connection.getresponse().read()
        connection.close()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0, log.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_two_builds_of_a_release_have_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    path = f"{REPOSITORY / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    for folder, zone in ((first, "Asia/Tokyo"), (second, "America/Lima")):
        environment = os.environ | {"HOME": str(HOME), "OUT": str(folder), "TZ": zone, "PATH": path}
        done = run(f"{REPOSITORY / 'scripts/build-release'} --no-sbom", REPOSITORY, environment)
        assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in first.iterdir())
    assert [name.rpartition(".")[2] for name in names] == ["SHA256SUMS", "whl", "gz"]
    assert filecmp.cmpfiles(first, second, names, shallow=False) == (names, [], [])
