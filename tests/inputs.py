"""Tests that follow from a few files: how the project is installed, packed into an image, and used by others' programs,
how those read its reports, and how the sandbox answers the clients of others.

They take many minutes, and what they try changes only with these files. A module names its files by the marker
``inputs``. A run of all tests that passed writes the files' hashes to ``tried.json``; with ``TEST_INPUTS=changed`` a
later run leaves out the tests whose files still have these hashes. ``make test-all`` always runs them.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
TRIED = Path(__file__).with_name("tried.json")
"""The hash of each group's files when all its tests last passed."""

TEST_INPUTS = "TEST_INPUTS"
"""The variable that says what to do: ``changed`` leaves out tests of unchanged files, ``record`` writes the hashes."""

LOCKS = ("requirements/image.lock", "requirements/server.lock", "console/package-lock.json")
BUILD = ("pyproject.toml", "console/hatch_build.py", "packaging/hatch_urls.py", *LOCKS)
SANDBOX = tuple(f"src/rootkeeper_sandbox/**/*.{ending}" for ending in ("css", "html", "json", "py", "yaml"))
FILES: dict[str, tuple[str, ...]] = {
    "clients": (
        "requirements/tests.lock",
        *SANDBOX,
        "tests/e2e/boto3_client.py",
        "tests/e2e/conftest.py",
        "tests/e2e/foreign_clients.py",
        "tests/e2e/go/*",
        "tests/e2e/javascript/*.json",
        "tests/e2e/javascript/*.mjs",
        "tests/e2e/refusals.py",
        "tests/e2e/stage.py",
        "tests/e2e/test_aws_command_line.py",
        "tests/e2e/test_go_creations.py",
        "tests/e2e/test_refusals.py",
        "tests/e2e/test_unlocking.py",
        "tests/e2e/test_whole_story.py",
        "tests/go_programs.py",
        "tests/sandbox_process.py",
    ),
    "container": (
        *BUILD,
        "Containerfile",
        ".dockerignore",
        "scripts/make-clean-root",
        "scripts/try-image",
        "tests/container/*.py",
    ),
    "deployment": (
        "deploy/terraform/*.tf",
        "deploy/terraform/examples/**/*.tf",
        "deploy/terraform/modules/**/*.hcl",
        "deploy/terraform/modules/**/*.tf",
        "tests/functional/terraform.py",
        "tests/functional/test_deployment.py",
    ),
    "installing": (
        *BUILD,
        "Makefile",
        "requirements/docs.lock",
        "requirements/editable.lock",
        "requirements/installer.lock",
        "scripts/build-release",
        "scripts/install-locked",
        "scripts/remove-unfinished",
        "tests/functional/test_installing.py",
        "tests/e2e/tools/pipx.txt",
    ),
    "manifests": (
        "Containerfile",
        "deploy/compose/Caddyfile",
        "deploy/compose/compose.yaml",
        "deploy/kubernetes/**/*",
        "tests/container/test_deployments.py",
        "tests/e2e/tools/deployments.txt",
        "tests/go_programs.py",
    ),
    "organization tools": (
        "requirements/tests.lock",
        *SANDBOX,
        "tests/e2e/conftest.py",
        "tests/e2e/foreign_clients.py",
        "tests/e2e/stage.py",
        "tests/e2e/test_organization_tools.py",
        "tests/e2e/tool_environments.py",
        "tests/e2e/tools/organization-formation/package-lock.json",
        "tests/e2e/tools/scoutsuite.txt",
        "tests/sandbox_process.py",
    ),
    "other tools": (
        "tests/e2e/test_other_tools.py",
        "tests/e2e/tool_environments.py",
        "tests/e2e/tools/custodian.txt",
        "tests/e2e/tools/prowler.txt",
    ),
    "report readers": (
        "src/rootkeeper/controls/*",
        "src/rootkeeper/evidence/*.py",
        "src/rootkeeper/findings/*.py",
        "src/rootkeeper/reports/*.py",
        "src/rootkeeper/untrusted_text.py",
        "tests/e2e/product.py",
        "tests/e2e/test_report_readers.py",
        "tests/e2e/tool_environments.py",
        "tests/e2e/tools/compliance-trestle.txt",
        "tests/e2e/tools/junitparser.txt",
        "tests/e2e/tools/py-ocsf-models.txt",
        "tests/e2e/tools/sarif-multitool/package-lock.json",
    ),
    "set-up": ("Makefile", "scripts/*", "tests/functional/test_set_up.py"),
    "workflows": (
        ".github/**/*",
        "action.yml",
        "packaging/pipelines/*",
        "tests/e2e/tools/workflows.txt",
        "tests/functional/pipelines/test_linters.py",
        "tests/go_programs.py",
    ),
}
"""Each group's files, below the repository."""


def hash_inputs(group: str, repository: Path = REPOSITORY) -> str:
    """Hash the names and contents of a group's files.

    :raises FileNotFoundError: if a pattern finds no file, so that a renamed file isn't forgotten.
    """
    digest = hashlib.sha256()
    for pattern in sorted(FILES[group]):
        paths = sorted(path for path in repository.glob(pattern) if path.is_file())
        if not paths:
            raise FileNotFoundError(f"No file of {repository} is {pattern}: correct FILES of tests/inputs.py.")
        for path in paths:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(repository).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def list_unchanged(tried: Path = TRIED, repository: Path = REPOSITORY) -> set[str]:
    """List the groups whose files are those with which their tests passed."""
    known = json.loads(tried.read_text(encoding="utf-8")) if tried.exists() else {}
    return {group for group in FILES if known.get(group) == hash_inputs(group, repository)}


def find_group(item: pytest.Item) -> str | None:
    """The group of a test, if it has one."""
    marker = item.get_closest_marker("inputs")
    return None if marker is None else str(marker.args[0])


class InputsWatch:
    """Leaves out tests of unchanged files, or writes the hashes after a run in which all groups passed."""

    def __init__(self) -> None:
        self._mode = os.environ.get(TEST_INPUTS, "")
        self._passed: set[str] = set()
        self._not_passed: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        for item in items:
            if group := find_group(item):
                item.user_properties.append(("inputs", group))
        if self._mode != "changed":
            return
        unchanged = list_unchanged()
        left_out = [item for item in items if find_group(item) in unchanged]
        items[:] = [item for item in items if find_group(item) not in unchanged]
        config.hook.pytest_deselected(items=left_out)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, group in report.user_properties:
            if name == "inputs":
                (self._passed if report.passed else self._not_passed).add(str(group))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        is_worker, passed = hasattr(session.config, "workerinput"), self._passed - self._not_passed
        # A test may run pytest itself, with the same variables: that run has no group, and must not write meanwhile.
        if self._mode == "record" and passed and not is_worker:
            tried = json.loads(TRIED.read_text(encoding="utf-8")) if TRIED.exists() else {}
            tried |= {group: hash_inputs(group) for group in sorted(passed)}
            TRIED.write_text(json.dumps(tried, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._mode == "changed":
            for group in sorted(list_unchanged()):
                terminalreporter.write_line(f"NOT RUN {group}: its files are those of the last run. Run: make test-all")
