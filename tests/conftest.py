"""What holds for every test: no traffic but to this machine, no settings of the person who runs it, no silent skips."""

from __future__ import annotations

import gc
import importlib
import ipaddress
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.examples import choose_examples
from tests.inputs import InputsWatch
from tests.postgresql import PostgresqlServer
from tests.preparation import cheapen_passwords
from tests.times import TIMES, CpuMeter, TimesFile

EXPECTED_SKIPS: tuple[re.Pattern[str], ...] = (
    re.compile(r"Go isn't installed: the AWS SDK for Go can't be tried"),
    re.compile(r"Go's modules can't be had: the AWS SDK for Go can't be tried"),
    re.compile(r"Terraform isn't installed: its code can't be applied"),
    re.compile(r"Terraform's AWS provider for \w+ isn't in a folder of plugins: its code can't be applied"),
    re.compile(
        r"The Python package registry can't be reached: (compliance-trestle|custodian|deployments|junitparser|pipx"
        r"|prowler|py-ocsf-models|scoutsuite|workflows) can't be tried"
    ),
    re.compile(r"The npm registry can't be reached: (organization-formation|sarif-multitool) can't be tried"),
    re.compile(r"Go isn't installed: (actionlint|kustomize) can't be built"),
    re.compile(r"Go's modules can't be fetched: (actionlint|kustomize) can't be built"),
    re.compile(r"podman and debootstrap aren't installed, and scripts/ensure-podman couldn't install them"),
    re.compile(r"debootstrap makes the base of the image, and needs root"),
    re.compile(r"no namespaces on this machine: guides can't be run"),
    re.compile(r"man and groff aren't installed: the manual page can't be shown"),
    re.compile(r"a small disk needs the right to mount a file system"),
    re.compile(r"root can write everywhere: read-only files can't be tried as root"),
)
"""Skips that CI accepts; any other one fails its run. Each says why."""

FOREIGN_SETTINGS = ("AWS_", "ROOTKEEPER_", "BOTO_", "XDG_")
"""Variables by which the machine of the person who runs the tests could change what they do."""


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    if host in {"", "localhost"} or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.split("%", maxsplit=1)[0]).is_loopback
    except ValueError:
        return False


def refuse_foreign_traffic(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: connections and look-ups of names end here unless they stay on this machine."""
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        if isinstance(address, tuple) and not is_loopback(str(address[0])):
            raise PermissionError(f"A test tried to reach {address[0]}; tests speak only to this machine.")
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        name = host.decode("idna") if isinstance(host, bytes) else str(host or "")
        if not is_loopback(name):
            raise PermissionError(f"A test tried to look up {name}; tests speak only to this machine.")


sys.addaudithook(refuse_foreign_traffic)
cheapen_passwords()


@pytest.fixture(autouse=True, scope="session")
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither profiles nor the database of the user who runs the tests are read; processes started inherit that."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith(FOREIGN_SETTINGS):
                environment.delenv(name)
        environment.setenv("HOME", str(home))
        environment.setenv("XDG_DATA_HOME", str(home / "data"))
        environment.setenv("XDG_CONFIG_HOME", str(home / "config"))
        environment.setenv("AWS_CONFIG_FILE", str(home / "aws-config"))
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "aws-credentials"))
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        environment.setenv("COLUMNS", "120")
        environment.delenv("FORCE_COLOR", raising=False)
        environment.delenv("NO_COLOR", raising=False)
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A server that is started when the first test asks for it; each takes a database of its own."""
    with PostgresqlServer.start() as server:
        yield server


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's folder."""
    return Path(__file__).resolve().parent.parent


def let_children_heed_interrupts() -> None:
    """A shell that starts the tests in the background has them ignore SIGINT, and a process that is started inherits
    what is ignored, but not what is handled. The tests themselves go on ignoring it.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: None)


def import_own_part(config: pytest.Config) -> None:
    """Import this worker's part of the test modules before it collects all.

    The first import of a module compiles it for all workers. If each began with the same one, as collecting does, each
    would compile them all.
    """
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is None:
        return
    folders = [config.rootpath / argument.partition("::")[0] for argument in config.args]
    paths = sorted(path for folder in folders for path in folder.rglob("test_*.py"))
    for path in paths[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
        if not pytest_ignore_collect(path, config):
            with suppress(Exception):  # collecting it says what is wrong
                importlib.import_module(".".join(path.relative_to(config.rootpath).with_suffix("").parts))


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect without garbage collection: all that is made stays, and looking through it again and again takes half of
    the time. Later collections leave it out too.
    """
    gc.disable()
    try:
        import_own_part(session.config)
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


UNEXPECTED_SKIPS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    let_children_heed_interrupts()
    config.pluginmanager.register(CpuMeter(), "cpu-meter")
    config.pluginmanager.register(InputsWatch(), "inputs-watch")
    if (times := os.environ.get(TIMES)) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(TimesFile(Path(times)), "times-file")
    choose_examples(is_quick=config.getoption("markexpr") == QUICK)
    config.stash[UNEXPECTED_SKIPS] = []


def note_skip(config: pytest.Config, node_id: str, longrepr: object) -> None:
    """Remember a skip whose reason isn't among the expected ones."""
    reason = str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
    if not any(expected.search(reason) for expected in EXPECTED_SKIPS):
        config.stash[UNEXPECTED_SKIPS].append(f"{node_id}: {reason}")


class SkipWatch:
    """Hears every report, in the process that collects them."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            note_skip(self.config, report.nodeid, report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            note_skip(self.config, report.nodeid, report.longrepr)


QUICK = "not long"
LONG = "long or hypothesis"
"""What ``make test`` and ``make test-long`` run; Hypothesis marks its tests."""
LONG_ALONE = re.compile(r"^pytestmark = .*pytest\.mark\.long\b", re.MULTILINE)
"""How a module says that all its tests are long."""
SOME_LONG = re.compile(r"\bpytest\.mark\.long\b|\bhypothesis\b")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a module of which no test runs: importing it takes longer than deselecting its tests."""
    expression = config.getoption("markexpr")
    if not collection_path.match("test_*.py") or expression not in {QUICK, LONG}:
        return None
    text = collection_path.read_text(encoding="utf-8")
    is_left_out = LONG_ALONE.search(text) if expression == QUICK else not SOME_LONG.search(text)
    return True if is_left_out else None


SLOW_FIRST = ("tests/browser/", "tests/functional/crash/", "tests/functional/", "tests/e2e/")
"""Folders whose modules take longest: begun first, they don't run alone at the end."""


def _rank(item: pytest.Item) -> int:
    ranks = (rank for rank, folder in enumerate(SLOW_FIRST) if item.nodeid.startswith(folder))
    return next(ranks, len(SLOW_FIRST))


RUN_TOGETHER = 20
"""So many tests of a module run in one process: they share its sandbox, and what else the module prepares."""
BROWSERS = 2
"""So many workers drive a browser at the same time, beside the one that goes through every page."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests before pytest-xdist reads the groups: it was registered later, and would run first."""
    items.sort(key=_rank)
    met: Counter[Path] = Counter()
    browsed: dict[Path, int] = {}
    for item in items:
        if item.get_closest_marker("xdist_group") is not None:
            continue
        if item.nodeid.startswith("tests/browser/"):
            group = f"browser {browsed.setdefault(item.path, len(browsed) % BROWSERS) + 1}"
        else:
            group = f"{item.path.stem} {met[item.path] // RUN_TOGETHER + 1}"
            met[item.path] += 1
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.pluginmanager.register(SkipWatch(session.config), "skip-watch")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if os.environ.get("CI") and session.config.stash[UNEXPECTED_SKIPS]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for skip in config.stash[UNEXPECTED_SKIPS]:
        terminalreporter.write_line(f"UNEXPECTED SKIP {skip}", red=True)
