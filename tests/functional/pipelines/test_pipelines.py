"""The GitHub action with its example workflow, and the GitLab template, on the demo organization."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rootkeeper.findings.rules import Verdict
from rootkeeper.reports import junit, sarif
from tests.architecture.source_files import REPOSITORY
from tests.fakes.findings import make_finding, make_findings
from tests.functional.pipelines.runners import OWN_ACTION, GithubJob, UsedAction, read_gitlab_job, run_gitlab_job
from tests.functional.running import Program
from tests.official_schemas import require_action, require_gitlab, require_junit, require_sarif, require_workflow

pytestmark = pytest.mark.xdist_group("pipelines")

PIPELINES = REPOSITORY / "packaging/pipelines"
WORKFLOW = PIPELINES / "github.yml"
GUIDE = (REPOSITORY / "docs/guides/pipelines.md").read_text()
(GITLAB_EXAMPLE,) = re.findall(r"```yaml\n(include:.*?)```", GUIDE, re.DOTALL)
UPLOAD = "github/codeql-action/upload-sarif"


@pytest.fixture
def environment(enabled: Program, tmp_path: Path) -> dict[str, str]:
    """The variables of a runner that has Rootkeeper and AWS credentials."""
    return {
        **enabled.environment,
        "HOME": str(tmp_path),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
    }


@pytest.fixture
def github(environment: dict[str, str], tmp_path: Path) -> GithubJob:
    variables = {"ROOT_AUDIT_ROLE_ARN": "arn:aws:iam::222233334444:role/rootkeeper-audit", "AWS_REGION": "eu-central-1"}
    return GithubJob(tmp_path, environment, variables)


def read_sarif(path: str) -> dict[str, Any]:
    document = json.loads(Path(path).read_text())
    require_sarif(document)
    (run,) = document["runs"]
    found: dict[str, Any] = run
    return found


@pytest.mark.long
def test_the_workflow_sends_the_findings_and_then_fails(github: GithubJob) -> None:
    assert not github.run(WORKFLOW)
    assert [one.name for one in github.used] == [
        "actions/checkout",
        "aws-actions/configure-aws-credentials",
        UPLOAD,
        "actions/upload-artifact",
    ]
    assert github.used[1].inputs == {
        "role-to-assume": "arn:aws:iam::222233334444:role/rootkeeper-audit",
        "role-session-name": "rootkeeper-1234567890",
        "aws-region": "eu-central-1",
    }
    sarif = github.used[2].inputs["sarif_file"]
    assert github.used[3].inputs["path"] == sarif
    run = read_sarif(sarif)
    assert Counter(one["kind"] for one in run["results"]).keys() >= {"fail", "open"}
    assert "::error title=Rootkeeper::Accounts have root user credentials" in github.log


@pytest.mark.long
def test_nothing_fails_if_nothing_should(github: GithubJob) -> None:
    succeeded, outputs = github.use(**{"fail-on": "none"})
    assert succeeded
    assert outputs["status"] == "0"
    assert github.used == [UsedAction(UPLOAD, {"sarif_file": outputs["sarif"], "category": ""})]
    assert read_sarif(outputs["sarif"])["results"]


@pytest.mark.long
def test_a_refused_audit_sends_nothing_and_fails(github: GithubJob) -> None:
    """A file without the findings of the last audit would close their alerts."""
    github.environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
    succeeded, outputs = github.use()
    assert not succeeded
    assert outputs == {"sarif": "", "status": "3"}
    assert github.used == []
    assert "::error title=Rootkeeper::The audit ended with exit status 3." in github.log


@pytest.mark.long
def test_inputs_are_arguments_and_never_code(github: GithubJob) -> None:
    """Each line is one argument; nothing in it is run."""
    succeeded, outputs = github.use(
        arguments="--account\n$(touch pwned)`touch pwned`; touch pwned\n", **{"fail-on": "$(touch pwned)"}
    )
    assert not succeeded
    assert outputs["status"] == "2"
    assert not (github.folder / "pwned").exists()


@pytest.mark.long
def test_a_selection_reaches_the_audit_and_without_upload_nothing_is_sent(github: GithubJob) -> None:
    succeeded, outputs = github.use(arguments="--ou\nRoot/Sandboxes\n", upload="false", **{"fail-on": "none"})
    assert succeeded
    assert github.used == []
    assert {one["properties"]["ou_path"] for one in read_sarif(outputs["sarif"])["results"]} == {"Root/Sandboxes"}


@pytest.fixture
def gitlab() -> dict[str, Any]:
    return read_gitlab_job(GITLAB_EXAMPLE)


@pytest.mark.long
@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
def test_the_gitlab_job_shows_findings_as_test_results_and_fails(
    gitlab: dict[str, Any], environment: dict[str, str], tmp_path: Path, shell: str
) -> None:
    run = run_gitlab_job(gitlab, tmp_path, environment | {"TMPDIR": str(tmp_path)}, shell)
    assert run.status == 1, run.log
    require_junit(run.artifacts["rootkeeper.xml"])
    suites = ET.fromstring(run.artifacts["rootkeeper.xml"])  # noqa: S314 - our own document
    elements = Counter(child.tag for case in suites.iter("testcase") for child in case)
    assert elements["failure"]
    assert elements["error"]
    (token,) = tmp_path.glob("tmp.*")
    assert token.read_text() == "header.claims.signature"
    assert token.stat().st_mode & 0o077 == 0, "Other users can read the token."


@pytest.mark.long
def test_a_gitlab_job_without_a_package_says_what_to_set(
    gitlab: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    bare = environment | {"PATH": str(tmp_path / "bin")}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to("/bin/true")
    (tmp_path / ".rootkeeper/bin").mkdir(parents=True)
    gitlab["variables"] = gitlab["variables"] | {"ROOT_AUDIT_PACKAGE": ""}
    gitlab["artifacts"] = {"when": "always", "paths": [], "reports": {"junit": "bin/python"}}
    run = run_gitlab_job(gitlab, tmp_path, bare, "/bin/sh")
    assert run.status != 0
    assert "ROOT_AUDIT_PACKAGE: Set it to what pip installs." in run.log


def list_uses() -> Iterator[str]:
    for path in (REPOSITORY / "action.yml", WORKFLOW):
        yield from re.findall(r"uses: (\S+)", path.read_text())


def test_every_action_of_others_is_pinned_to_a_commit() -> None:
    """A tag can be moved to other code, which would get the job's credentials."""
    uses = set(list_uses()) - {OWN_ACTION}
    assert len(uses) == 5
    assert [one for one in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one)] == []


def test_the_workflow_has_no_more_permissions_than_it_needs() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read", "id-token": "write", "security-events": "write"}
    assert "secrets." not in WORKFLOW.read_text()


def test_the_files_fit_the_schemas_of_github_and_gitlab() -> None:
    require_action(yaml.safe_load((REPOSITORY / "action.yml").read_text()))
    require_workflow(yaml.safe_load(WORKFLOW.read_text()))
    require_gitlab(yaml.safe_load((PIPELINES / "gitlab.yml").read_text()))
    require_gitlab(yaml.safe_load(GITLAB_EXAMPLE))


def test_the_guide_lists_every_input() -> None:
    inputs = yaml.safe_load((REPOSITORY / "action.yml").read_text())["inputs"]
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.+?) \|", GUIDE, re.MULTILINE))
    assert inputs.keys() <= rows.keys()
    for name, declared in inputs.items():
        assert rows[name] == f"`{declared['default']}`" if declared["default"] else not rows[name].startswith("`")


@pytest.mark.parametrize("verdict", Verdict)
def test_the_guide_has_the_words_of_each_format(verdict: Verdict) -> None:
    report = make_findings(make_finding(verdict))
    results = json.loads(b"".join(sarif.render(report)))["runs"][0]["results"]
    (case,) = ET.fromstring(b"".join(junit.render(report))).iter("testcase")  # noqa: S314 - our own document
    rows = {name: cells for name, *cells in re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", GUIDE, re.MULTILINE)}
    words = [*(f"`{one['kind']}`" for one in results)] or ["none"], [*(f"`{one.tag}`" for one in case)] or ["passed"]
    assert rows[verdict.value] == [*words[0], *words[1]]


def test_the_policies_of_the_guide_can_be_read() -> None:
    documents = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)]
    (statement,) = documents[0]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    for condition in (statement["Condition"], documents[1]):
        assert condition.keys() == {"StringEquals"}
        assert len(condition["StringEquals"]) == 2
        assert "*" not in json.dumps(condition)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_action_installs_itself_where_nothing_is_installed(environment: dict[str, str], tmp_path: Path) -> None:
    """The step that every other test leaves out: it installs this checkout into an environment of its own."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    path = os.pathsep.join([str(programs), "/usr/bin", "/bin"])
    bare = dict(os.environ) | environment | {"HOME": os.environ["HOME"], "PATH": path}
    github = GithubJob(tmp_path, bare)
    installed = tmp_path / "temporary/rootkeeper"
    try:
        succeeded, outputs = github.use(upload="false", **{"fail-on": "none"})
        assert succeeded, github.log
        listed = subprocess.run([installed / "bin/pip", "freeze"], capture_output=True, text=True, check=True).stdout
    finally:
        shutil.rmtree(installed, ignore_errors=True)  # a quarter of a gigabyte
    assert [one.name for one in github.used] == ["actions/setup-python"]
    assert github.path == [str(installed / "bin")]
    assert read_sarif(outputs["sarif"])["results"]
    lock = (REPOSITORY / "requirements/tests.lock").read_text()
    versions = {line.lower().replace("_", "-") for line in listed.splitlines() if re.match(r"[\w.-]+==", line)}
    assert versions
    assert {version for version in versions if f"{version} " not in lock} == set()
