"""Runs the shell steps of a GitHub workflow, of a composite action, and of a GitLab job, as their runners do.

Steps that use an action of others are recorded, not run. An expression that isn't understood is an error.

Source: GitHub Docs, "Workflow syntax" (shells, default conditions), "Metadata syntax", "Contexts"; GitLab Docs, "CI/CD
YAML syntax reference".
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.source_files import REPOSITORY

OWN_ACTION = "OWNER/rootkeeper@COMMIT"
SECONDS = 600
"""Time enough to install the package and its dependencies on a busy machine."""
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_COMPARISON = re.compile(r"(\S+) (==|!=) '([^']*)'")


@dataclass(frozen=True, slots=True)
class UsedAction:
    """A step that uses an action of others."""

    name: str
    """Without its version."""
    inputs: Mapping[str, str]


@dataclass(slots=True)
class GithubJob:
    """A job of a workflow: its environment, and what its steps have done."""

    folder: Path
    environment: dict[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the repository."""
    used: list[UsedAction] = field(default_factory=list)
    log: str = ""
    path: list[str] = field(default_factory=list)

    def run(self, workflow: Path) -> bool:
        """Run the only job of a workflow; return whether it succeeded."""
        (job,) = yaml.safe_load(workflow.read_text())["jobs"].values()
        scope = {"github.run_id": "1234567890"} | {f"vars.{name}": value for name, value in self.variables.items()}
        return self._run_steps(job["steps"], scope)

    def use(self, **inputs: str) -> tuple[bool, dict[str, str]]:
        """Run this repository's action; return whether it succeeded, and its outputs."""
        action = yaml.safe_load((REPOSITORY / "action.yml").read_text())
        assert inputs.keys() <= action["inputs"].keys()
        given = {name: inputs.get(name, declared["default"]) for name, declared in action["inputs"].items()}
        scope = {"github.action_path": str(REPOSITORY)} | {f"inputs.{name}": value for name, value in given.items()}
        succeeded = self._run_steps(action["runs"]["steps"], scope)
        return succeeded, {name: _fill(output["value"], scope) for name, output in action["outputs"].items()}

    def _run_steps(self, steps: list[dict[str, Any]], scope: dict[str, str]) -> bool:
        succeeded = True
        for step in steps:
            condition = str(step.get("if", "${{ success() }}"))
            if "cancelled()" not in condition and not succeeded:
                continue
            if not _is_true(condition, scope):
                continue
            outputs: dict[str, str] = {}
            if step.get("uses") == OWN_ACTION:
                done, outputs = self.use(**step.get("with", {}))
            elif "uses" in step:
                inputs = {name: _fill(str(value), scope) for name, value in step.get("with", {}).items()}
                self.used.append(UsedAction(step["uses"].partition("@")[0], inputs))
                done = True
            else:
                done, outputs = self._run_script(step, scope)
            scope |= {f"steps.{step['id']}.outputs.{name}": text for name, text in outputs.items() if "id" in step}
            succeeded = succeeded and done
        return succeeded

    def _run_script(self, step: dict[str, Any], scope: dict[str, str]) -> tuple[bool, dict[str, str]]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "An expression within a script can inject code."
        output, path, temporary = self.folder / "output", self.folder / "path", self.folder / "temporary"
        temporary.mkdir(exist_ok=True)
        for file in (output, path):
            file.write_text("")
        variables = {name: _fill(value, scope) for name, value in step.get("env", {}).items()}
        runner = {"GITHUB_OUTPUT": str(output), "GITHUB_PATH": str(path), "RUNNER_TEMP": str(temporary)}
        environment = self.environment | runner | variables
        environment["PATH"] = os.pathsep.join([*reversed(self.path), environment["PATH"]])
        script = self.folder / "script.sh"
        script.write_text(step["run"])
        done = _run(["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)], self.folder, environment)
        self.log += done.stdout
        self.path += path.read_text().splitlines()
        outputs = dict(line.split("=", maxsplit=1) for line in output.read_text().splitlines())
        return done.returncode == 0, outputs


def _run(command: list[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _fill(text: str, scope: Mapping[str, str]) -> str:
    """Replace the expressions of a value; what a context lacks is empty."""
    return _EXPRESSION.sub(lambda found: _look_up(found[1], scope), text)


def _look_up(name: str, scope: Mapping[str, str]) -> str:
    if not re.fullmatch(r"(github|inputs|steps|vars)\.[\w.-]+", name):
        raise ValueError(f"{name!r} isn't understood")
    return scope.get(name, "")


def _is_true(condition: str, scope: Mapping[str, str]) -> bool:
    found = _EXPRESSION.fullmatch(condition)
    if found is None:
        raise ValueError(f"{condition!r} isn't understood")
    return all(_hold(term, scope) for term in found[1].split(" && "))


def _hold(term: str, scope: Mapping[str, str]) -> bool:
    if term in ("success()", "!cancelled()"):
        return True
    comparison = _COMPARISON.fullmatch(term)
    if comparison is None:
        raise ValueError(f"{term!r} isn't understood")
    name, operator, wanted = comparison.groups()
    return (_look_up(name, scope) == wanted) == (operator == "==")


@dataclass(frozen=True, slots=True)
class GitlabRun:
    """What came of a job."""

    status: int
    log: str
    artifacts: Mapping[str, bytes]
    """What GitLab collects, by path."""


def read_gitlab_job(example: str) -> dict[str, Any]:
    """Read the job of an example that includes the template."""
    documents: dict[str, dict[str, Any]] = yaml.safe_load((REPOSITORY / "packaging/pipelines/gitlab.yml").read_text())
    written: dict[str, Any] = yaml.safe_load(example)
    (include,) = written.pop("include")
    assert include["file"] == "packaging/pipelines/gitlab.yml"
    (job,) = written.values()
    template = documents[job["extends"]]
    merged: dict[str, Any] = template | job
    return merged | {"variables": template["variables"] | job.get("variables", {})}


def run_gitlab_job(job: Mapping[str, Any], folder: Path, environment: Mapping[str, str], shell: str) -> GitlabRun:
    """Run the script of a job: its lines share one shell, and the first that fails ends it."""
    tokens = dict.fromkeys(job["id_tokens"], "header.claims.signature")
    names = {"CI_JOB_ID": "987", "CI_SERVER_URL": "https://gitlab.example.com"}
    script = "\n".join(["set -e", *job["script"]])
    done = _run([shell, "-c", script], folder, dict(environment) | names | tokens | dict(job["variables"]))
    paths = {*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]}
    assert job["artifacts"]["when"] == "always"
    return GitlabRun(done.returncode, done.stdout, dict(_collect(folder, paths)))


def _collect(folder: Path, paths: set[str]) -> Iterator[tuple[str, bytes]]:
    for path in sorted(paths):
        yield path, (folder / path).read_bytes()
