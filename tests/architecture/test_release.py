"""The release workflow runs pinned actions with no more permissions than each job needs, and the steps of ``make``."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
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
        "image": {"contents": "read"},
        "publish": {"id-token": "write"},
        "publish-image": {"packages": "write", "attestations": "write", "id-token": "write"},
        "announce": {"contents": "write"},
    }
    assert "secrets." not in str(RELEASE)


def test_nothing_is_published_that_wasnt_tested_from_wheel_and_source_distribution() -> None:
    needs = {name: job.get("needs") for name, job in JOBS.items()}
    assert needs == {
        "build": None,
        "test": "build",
        "image": "build",
        "publish": ["test", "image"],
        "publish-image": "publish",
        "announce": "publish-image",
    }
    assert JOBS["test"]["strategy"]["matrix"]["kind"] == ["wheel", "sdist"]
    assert JOBS["publish"]["environment"] == "release"
    assert JOBS["publish"]["steps"][-1]["with"]["attestations"] is True


def test_the_build_is_made_twice_and_compared_and_no_untrusted_text_is_in_a_script() -> None:
    scripts = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    assert any("make dist" in script and "--check --strict" in script for script in scripts)
    assert [script for script in scripts if "${{" in script] == []


def list_scripts(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_an_image_is_started_before_it_is_published_and_published_as_it_was_started() -> None:
    (script,) = list_scripts("image")
    built, tried, saved = (script.index(word) for word in ("docker build", "scripts/try-image", "docker save"))
    assert built < tried < saved
    (push,) = list_scripts("publish-image")
    assert "docker load" in push
    assert "docker build " not in push
    attest = JOBS["publish-image"]["steps"][-1]["with"]
    assert attest["subject-digest"] == "${{ steps.push.outputs.digest }}"
    architectures = [one["architecture"] for one in JOBS["image"]["strategy"]["matrix"]["include"]]
    assert f"for architecture in {' '.join(architectures)}; do" in push


def test_no_registry_of_images_is_written_into_the_workflow() -> None:
    assert RELEASE["env"]["REGISTRY"] == "${{ vars.CONTAINER_REGISTRY }}"
    assert re.findall(r"\b[\w-]+\.(?:io|com|org|dev)\b", str(JOBS)) == []


def test_the_notes_are_the_changelogs_and_name_the_image_by_its_digest() -> None:
    (_, create) = list_scripts("announce")
    assert "--generate-notes" not in create
    assert 'scripts/release_notes.py "${TAG#v}" --image "$IMAGE"' in create
    assert any("scripts/release_notes.py" in script for script in list_scripts("build")), (
        "missing notes are found early"
    )


IMAGE = f"registry.example.org/team/rootkeeper@sha256:{'1' * 64}"


def run_script(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(REPOSITORY / "scripts" / name), *map(str, arguments)]
    if name.endswith(".py"):
        command.insert(0, sys.executable)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_image_is_written_into_both_variants_of_kubernetes(tmp_path: Path) -> None:
    deploy = Path(shutil.copytree(REPOSITORY / "deploy/kubernetes", tmp_path / "deploy/kubernetes")).parent
    before = {path: path.read_text() for path in deploy.rglob("*.yaml")}
    assert run_script("pin-image", "rootkeeper:1.2.3", deploy).returncode == 2
    assert {path: path.read_text() for path in deploy.rglob("*.yaml")} == before
    assert run_script("pin-image", IMAGE, deploy).returncode == 0
    changed = [path for path, text in before.items() if path.read_text() != text]
    assert sorted(path.relative_to(deploy).parts[1] for path in changed) == ["postgresql", "sqlite"]
    name, _, digest = IMAGE.partition("@")
    for path in changed:
        document, old = yaml.safe_load(path.read_text()), yaml.safe_load(before[path])
        assert document["images"][0] == {"name": "rootkeeper", "newName": name, "digest": digest}
        assert document["images"][1:] == old["images"][1:]
        assert document["configMapGenerator"] == old["configMapGenerator"]
