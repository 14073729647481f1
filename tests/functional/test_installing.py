"""Rootkeeper installed from a clone, as its README says, by the programs that people use for that.

Each is a real installation from the Python package registry, into folders of the test. The commit is tried, not what
lies in the folder beside it.
"""

from __future__ import annotations

import filecmp
import http.client
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
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
    command = ["pipx", "run", "--spec", ".", "rootkeeper", "demo"]
    with start_in_group(command, clone, surroundings, log) as process:
        wait_until(lambda: "and sign in." in log.read_text(), process, log)
        assert "<title>Rootkeeper" in read_page(log.read_text().partition("Open ")[2].split()[0], "/")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0, log.read_text()


CUT_OFF_AT = (
    (".venv", ".venv/pyvenv.cfg"),
    (".venv", ".venv/lib/python*/site-packages/botocore/data"),
    ("console/node_modules", "console/node_modules/react"),
    ("src/rootkeeper/console", "build/console/index.html"),
)
"""Where a set-up is killed: the folder that it has to make again, and what shows that it has come so far."""


def test_a_demo_is_set_up_wherever_its_set_up_was_killed(
    clone: Path, surroundings: dict[str, str], tmp_path: Path
) -> None:
    """``make demo`` with the real packages, killed once at each of these points; the last one runs."""
    for folder, trace in CUT_OFF_AT:
        for name in (folder, "build"):
            shutil.rmtree(clone / name, ignore_errors=True)
        with start_in_group(["make", "demo"], clone, surroundings, tmp_path / "log") as process:
            wait_until(partial(has_come_to, clone, trace), process, tmp_path / "log")
            os.killpg(process.pid, signal.SIGKILL)
    log = tmp_path / "last"
    with start_in_group(["make", "demo"], clone, surroundings, log) as process:
        wait_until(lambda: "and sign in." in log.read_text(), process, log)
        url = log.read_text().partition("Open ")[2].split()[0]
        assert "<title>Rootkeeper" in read_page(url, "/")
        assert "recovery window" in read_page(url, "/help/")
        os.killpg(process.pid, signal.SIGINT)
    checked = run(".venv/bin/python -m pip check", clone, surroundings)
    assert checked.returncode == 0, checked.stdout


def has_come_to(folder: Path, trace: str) -> bool:
    return any(folder.glob(trace))


@contextmanager
def start_in_group(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program in a process group of its own; what is left of it is killed."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
        process.wait(MINUTES)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 15 * MINUTES
    while not holds():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < ends, log.read_text()
        time.sleep(0.01)


def read_page(url: str, path: str) -> str:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


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
