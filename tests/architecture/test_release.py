"""The release workflow runs pinned actions with no more permissions than each job needs, and the steps of ``make``."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.architecture.source_files import REPOSITORY
from tests.official_schemas import require_workflow

WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
RELEASE = yaml.safe_load((REPOSITORY / ".github/workflows/release.yml").read_text())
JOBS: dict[str, Any] = RELEASE["jobs"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit(workflow: Any) -> None:
    used = re.findall(r"^\s*(?:- )?uses: (.*)$", workflow.read_text(), re.MULTILINE)
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_it_is_a_workflow_by_githubs_own_schema() -> None:
    require_workflow(RELEASE)


def test_a_job_has_only_the_permissions_that_it_needs() -> None:
    assert RELEASE["permissions"] == {}
    assert {name: job["permissions"] for name, job in JOBS.items()} == {
        "build": {"contents": "read"},
        "test": {"contents": "read"},
        "publish": {"id-token": "write"},
        "announce": {"contents": "write"},
    }
    assert "secrets." not in str(RELEASE)


def test_nothing_is_published_that_wasnt_tested_from_wheel_and_source_distribution() -> None:
    assert [JOBS[name].get("needs") for name in ("test", "publish", "announce")] == ["build", "test", "publish"]
    assert JOBS["test"]["strategy"]["matrix"]["kind"] == ["wheel", "sdist"]
    assert JOBS["publish"]["environment"] == "release"
    assert JOBS["publish"]["steps"][-1]["with"]["attestations"] is True


def test_the_build_is_made_twice_and_compared_and_no_untrusted_text_is_in_a_script() -> None:
    scripts = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    assert any("make dist" in script and "--check --strict" in script for script in scripts)
    assert [script for script in scripts if "${{" in script] == []
