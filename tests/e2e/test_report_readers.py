"""Reports, read by the programs and libraries that others read such reports with.

The schemas that other tests hold reports to can't show all: compliance-trestle finds a UUID that is there twice, and
the SARIF Multitool checks what the standard says in prose alone.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.foreign_clients import SCRIPTS
from tests.e2e.product import Rootkeeper, open_rootkeeper
from tests.e2e.stage import Stage, summarize
from tests.e2e.tool_environments import find_programs
from tests.functional.administration import DELEGATE, Administration

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(2400),
    pytest.mark.xdist_group("report-readers"),
    pytest.mark.inputs("report readers"),
]

TIMEOUT_SECONDS = 300
FORMATS = {
    "json": "report.json",
    "findings-jsonl": "findings.jsonl",
    "oscal": "report.oscal.json",
    "ocsf": "report.ocsf.jsonl",
    "sarif": "report.sarif",
    "junit": "report.xml",
}
READ_OCSF = """
import sys
from py_ocsf_models import OCSF_VERSION
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
print(OCSF_VERSION)
for line in sys.stdin:
    print(ComplianceFinding.model_validate_json(line).model_dump_json(exclude_unset=True))
"""
READ_JUNIT = """
import json, sys
from junitparser import JUnitXml
found = JUnitXml.fromfile(sys.argv[1])
counted = JUnitXml.fromfile(sys.argv[1])
counted.update_statistics()
print(json.dumps({
    "written": [[one.tests, one.failures, one.errors, one.skipped] for one in (found, *found)],
    "counted": [[one.tests, one.failures, one.errors, one.skipped] for one in (counted, *counted)],
    "cases": [[case.classname, case.name, [one.type for one in case.result]] for suite in found for case in suite],
}))
"""


@pytest.fixture(scope="module")
def reports(stages: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with each format: findings, a kept login, a closed and an open window, changes, days without audit."""
    with stages("--scenario", "demo") as stage:
        Administration(stage.process).set_up()
        rootkeeper = open_rootkeeper(stage, tmp_path_factory.mktemp("product"))
        live_a_period(stage, rootkeeper)
        for name, file in FORMATS.items():
            arguments = ("--from", "30d", "--format", name, "--out", file, "--fail-on", "none")
            require_done(rootkeeper, "report", *arguments)
        yield rootkeeper.folder


def live_a_period(stage: Stage, rootkeeper: Rootkeeper) -> None:
    barred = stage.list_blocked_accounts() | {DELEGATE}
    members = {
        account["account_id"]: account["root_user"]
        for account in stage.find_accounts()
        if account["account_id"] not in barred
    }
    with_keys = next(one for one, root_user in members.items() if root_user["access_keys"])
    clean, closed, left_open = [one for one, root_user in members.items() if not any(summarize(root_user).values())][:3]
    require_audited(rootkeeper)
    stage.process.put_root_user(with_keys, {**members[with_keys], "access_keys": []})
    stage.process.put_root_user(clean, {"access_keys": members[with_keys]["access_keys"]})
    require_audited(rootkeeper)
    stage.process.put_root_user(clean, {})
    for account_id in (closed, left_open):
        require_done(rootkeeper, "recover", account_id, "--reason", "Drill", "--for", "1h", "--leave-open", "--yes")
    require_audited(rootkeeper)
    require_done(rootkeeper, "windows", "close", closed, "--yes")
    statement = ("--claim", "kept", "--owner", "Ana", "--reason", "Emergency access", "--until", "30d", "--yes")
    require_done(rootkeeper, "failsafe", "set-up", DELEGATE, "--yes")
    require_done(rootkeeper, "failsafe", "attest", DELEGATE, *statement)
    require_audited(rootkeeper)


def require_audited(rootkeeper: Rootkeeper) -> None:
    finished = rootkeeper.run("audit")
    assert finished.exit_status == 1, finished.stderr


def require_done(rootkeeper: Rootkeeper, *arguments: str) -> None:
    finished = rootkeeper.run(*arguments)
    assert finished.exit_status == 0, f"{arguments}: {finished.stderr}"


def run(folder: Path, *command: str, read: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of others in a folder, with a file as standard input if asked."""
    return subprocess.run(
        command,
        input=None if read is None else read.read_text(),
        capture_output=True,
        text=True,
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.pathsep.join([os.environ["PATH"], str(SCRIPTS)])},
        timeout=TIMEOUT_SECONDS,
    )


def read_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_reports_have_all_that_a_period_can_have(reports: Path) -> None:
    report = json.loads((reports / FORMATS["json"]).read_text())
    assert {change["explained"] for change in report["changes"]} == {True, False}
    assert {window["state"] for window in report["windows"]} == {"CLOSED_VERIFIED", "OPEN"}
    assert report["days_without_audit"]
    verdicts = {finding["verdict"] for finding in read_lines(reports / FORMATS["findings-jsonl"])}
    assert verdicts == {"fail", "kept", "manual", "not_applicable", "pass", "unknown"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that compliance-trestle works in."""
    folder = tmp_path_factory.mktemp("trestle")
    finished = run_trestle(folder, "init", "--local")
    assert finished.returncode == 0, finished.stderr
    return folder


def run_trestle(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(workspace, str(find_programs("compliance-trestle") / "trestle"), *arguments)


def test_compliance_trestle_finds_the_oscal_report_valid_and_reads_all_of_it(reports: Path, workspace: Path) -> None:
    report = reports / FORMATS["oscal"]
    imported = run_trestle(workspace, "import", "--file", str(report), "--output", "ours")
    assert imported.returncode == 0, imported.stderr
    validated = run_trestle(workspace, "validate", "--type", "assessment-results", "--name", "ours")
    assert (validated.returncode, validated.stdout.partition(":")[0]) == (0, "VALID"), validated.stderr
    # It writes what it has read, and times in another form.
    written = (workspace / "assessment-results" / "ours" / "assessment-results.json").read_text()
    read = re.sub(r'(T\d\d:\d\d:\d\d)\+00:00"', r'\1Z"', written)
    assert json.loads(read) == json.loads(report.read_text())


def test_compliance_trestle_refuses_a_uuid_that_is_there_twice(reports: Path, workspace: Path, tmp_path: Path) -> None:
    document = json.loads((reports / FORMATS["oscal"]).read_text())
    first, second, *_ = document["assessment-results"]["results"][0]["observations"]
    second["uuid"] = first["uuid"]
    (tmp_path / "damaged.json").write_text(json.dumps(document))
    imported = run_trestle(workspace, "import", "--file", str(tmp_path / "damaged.json"), "--output", "damaged")
    assert imported.returncode == 1
    assert f"Duplicate detected of item {first['uuid']}" in imported.stderr


def list_differences(ours: object, theirs: object, place: str = "") -> Iterator[str]:
    """Where another has something else than we, or not at all."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            if name in theirs:
                yield from list_differences(value, theirs[name], f"{place}.{name}")
            else:
                yield f"{place}.{name} is unknown"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for one, other in zip(ours, theirs, strict=True):
            yield from list_differences(one, other, f"{place}[]")
    elif ours != theirs:
        yield f"{place} is {theirs!r} instead of {ours!r}"


def test_py_ocsf_models_reads_each_finding_as_it_is(reports: Path) -> None:
    ours = read_lines(reports / FORMATS["ocsf"])
    python = str(find_programs("py-ocsf-models") / "python")
    finished = run(reports, python, "-c", READ_OCSF, read=reports / FORMATS["ocsf"])
    assert finished.returncode == 0, finished.stderr
    version, *lines = finished.stdout.splitlines()
    assert {finding["metadata"]["version"] for finding in ours} == {version}
    theirs = [json.loads(line) for line in lines]
    assert len(theirs) == len(ours)
    # Fields of the standard that its models lack.
    assert set(list_differences(ours, theirs)) == {
        "[].cloud is unknown",
        "[].compliance.status is unknown",
        "[].compliance.status_detail is unknown",
    }


def test_junitparser_counts_and_reads_what_the_findings_are(reports: Path) -> None:
    findings = read_lines(reports / FORMATS["findings-jsonl"])
    python = str(find_programs("junitparser") / "python")
    finished = run(reports, python, "-c", READ_JUNIT, FORMATS["junit"])
    assert finished.returncode == 0, finished.stderr
    read: Mapping[str, Any] = json.loads(finished.stdout)
    verdicts = Counter(finding["verdict"] for finding in findings)
    skipped = verdicts["kept"] + verdicts["manual"] + verdicts["not_applicable"]
    counts = [len(findings), verdicts["fail"], verdicts["unknown"], skipped]
    assert read["written"] == read["counted"] == [counts, counts]
    assert [(rule, name.split()[0], types) for rule, name, types in read["cases"]] == [
        (finding["rule"], finding["account_id"], [] if finding["verdict"] == "pass" else [finding["verdict"]])
        for finding in findings
    ]


def validate_by_multitool(folder: Path, report: Path) -> set[tuple[str, str]]:
    """Rules of the standard and of GitHub's code scanning that a file breaks, with their levels."""
    program = str(find_programs("sarif-multitool") / "sarif-multitool")
    # The program gives its arguments to a shell.
    options = ("--rule-kind", shlex.quote("Sarif;Ghas"), "--output", "validated.sarif")
    finished = run(folder, program, "validate", str(report), *options)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    [validation] = json.loads((folder / "validated.sarif").read_text())["runs"]
    assert [one["executionSuccessful"] for one in validation["invocations"]] == [True]
    return {(result["ruleId"], result.get("level", "warning")) for result in validation["results"]}


def test_the_sarif_multitool_finds_no_broken_rule(reports: Path, tmp_path: Path) -> None:
    # SARIF2005 asks for an address of the tool, which the sources don't name: forks have their own.
    assert validate_by_multitool(tmp_path, reports / FORMATS["sarif"]) == {("SARIF2005", "warning")}


def test_the_sarif_multitool_finds_a_result_without_its_rule(reports: Path, tmp_path: Path) -> None:
    document = json.loads((reports / FORMATS["sarif"]).read_text())
    document["runs"][0]["results"][0]["ruleIndex"] = 999
    (tmp_path / "damaged.sarif").write_text(json.dumps(document))
    assert ("SARIF1009", "error") in validate_by_multitool(tmp_path, tmp_path / "damaged.sarif")
