"""What GitHub reads of the repository: the tests of pull requests, forms, owners and updates."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from docs.site.links import drop_badges
from tests.architecture.source_files import REPOSITORY, list_committed_files, name_of
from tests.official_schemas import require_dependabot, require_issue_form, require_issue_settings, require_workflow

GITHUB = REPOSITORY / ".github"
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
STARTS_ALL = ("schedule", "workflow_dispatch", "all tests")
"""What starts all tests: two events, and a label."""


def read(name: str) -> Any:
    return yaml.safe_load((GITHUB / name).read_text())


def list_commands(job: Any) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_each_pull_request_is_checked_and_tested_on_the_oldest_and_the_newest_python() -> None:
    workflow = read("workflows/tests.yml")
    require_workflow(workflow)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    minors = re.findall(r"Python :: 3\.(\d+)", "\n".join(project["classifiers"]))
    oldest, *_, newest = sorted(map(int, minors))
    assert project["requires-python"] == f">=3.{oldest}"
    test, everything = workflow["jobs"]["test"], workflow["jobs"]["all"]
    assert test["strategy"]["matrix"]["python"] == [f"3.{oldest}", f"3.{newest}"]
    assert "if" not in test
    assert list_commands(test)[-1] == "make test"
    assert list_commands(everything)[-1] == "make test-all"
    assert [name for name in STARTS_ALL if f"'{name}'" not in everything["if"]] == []
    # YAML 1.1 reads the key "on" as true.
    assert {"pull_request", "schedule", "workflow_dispatch"} <= workflow[True].keys()
    assert workflow["permissions"] == {}
    assert {str(job["permissions"]) for job in workflow["jobs"].values()} == {"{'contents': 'read'}"}


def test_what_was_fetched_is_kept_as_long_as_the_locks_are_the_same() -> None:
    for job in read("workflows/tests.yml")["jobs"].values():
        given = [step.get("with", {}) for step in job["steps"]]
        cached = {inputs["cache"]: inputs["cache-dependency-path"] for inputs in given if "cache" in inputs}
        assert cached.keys() == {"pip", "npm"}
        for pattern in cached.values():
            assert [path for path in list_committed_files() if path.relative_to(REPOSITORY).match(pattern)]


def test_a_release_takes_nothing_from_a_cache() -> None:
    assert "cache" not in (GITHUB / "workflows/release.yml").read_text()


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.name)
def test_a_form_is_one_by_githubs_schema_and_asks_for_no_secret(form: Any) -> None:
    document = yaml.safe_load(form.read_text())
    require_issue_form(document)
    assert [part for part in document["body"] if part["type"] != "markdown" and part["attributes"]["label"] == ""] == []


def test_an_issue_is_written_in_a_form_and_a_vulnerability_is_sent_elsewhere() -> None:
    settings = read("ISSUE_TEMPLATE/config.yml")
    require_issue_settings(settings)
    assert settings == {"blank_issues_enabled": False}
    assert {form.name for form in FORMS} == {"bug.yml", "need.yml"}
    for name in ("ISSUE_TEMPLATE/bug.yml", "pull_request_template.md"):
        assert "SECURITY.md" in (GITHUB / name).read_text()


def test_every_owned_path_exists_and_each_file_has_an_owner() -> None:
    lines = [line.split() for line in (GITHUB / "CODEOWNERS").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0][0] == "*", "what no later line names"
    for path, *owners in lines:
        assert owners
        assert [owner for owner in owners if not re.fullmatch(r"@OWNER/[a-z]+", owner)] == []
        if path != "*":
            assert path.startswith("/")
            assert (REPOSITORY / path.strip("/")).exists(), path
            assert (REPOSITORY / path.strip("/")).is_dir() == path.endswith("/")


def test_dependabot_watches_every_place_that_it_can_write() -> None:
    document = read("dependabot.yml")
    require_dependabot(document)
    watched = {
        (update["package-ecosystem"], folder)
        for update in document["updates"]
        for folder in update.get("directories", [update.get("directory")])
    }
    files = {"package.json": "npm", "go.mod": "gomod", "compose.yaml": "docker-compose"}
    there = {(files[path.name], "/" + name_of(path.parent)) for path in list_committed_files() if path.name in files}
    assert watched == there | {("github-actions", "/")}


PAGE = r"\.\./\.\./actions/workflows/([\w.]+)"
BADGE = re.compile(rf"\[!\[[^\]]+\]\({PAGE}/badge\.svg\)\]\({PAGE}\)")


def test_badges_are_of_workflows_that_exist_and_the_site_leaves_them_out() -> None:
    """Their addresses are relative to the repository's page on GitHub, because the sources name no address."""
    readme = (REPOSITORY / "README.md").read_text()
    badges = BADGE.findall(readme)
    assert [name for pair in badges for name in dict.fromkeys(pair)] == ["tests.yml", "release.yml"]
    assert [name for name, _ in badges if not (GITHUB / "workflows" / name).exists()] == []
    assert BADGE.findall(drop_badges(readme)) == []
    assert readme.count("\n") - drop_badges(readme).count("\n") == 2, "a line, and an empty one"
    assert drop_badges("[![Broken](docs/missing.svg)](docs/missing.md)\n") != ""
