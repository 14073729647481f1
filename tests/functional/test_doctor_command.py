"""``rootkeeper doctor``: one line for each check, on a machine where all is well and where nothing is configured."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3

from tests.functional.published_schemas import require_fits
from tests.functional.running import Program, Run, Runner
from tests.sandbox_process import SandboxProcess


def read_results(run: Run) -> dict[str, str]:
    """Give the result of each check by its name, or by its part."""
    return {one["part"] or one["name"]: one["verdict"] for one in run.json["checks"]}


def find(run: Run, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in run.json["checks"] if one["name"] == name)
    return found


def test_where_all_is_well_every_check_is_good(enabled: Program, sandbox: SandboxProcess) -> None:
    assert enabled.run("audit", "222233334444", "--fail-on", "none").status == 0
    before = len(sandbox.requests())
    run = enabled.run("doctor", "-o", "json")
    assert run.status == 0, run.shown
    require_fits(run.json, "doctor")
    assert read_results(run) == {
        "installation": "good",
        "settings": "good",
        "folders": "good",
        "credentials": "good",
        "clock": "good",
        "region": "good",
        "endpoint": "good",
        "organization": "good",
        "audit": "good",
        "delete": "good",
        "recover": "good",
        "send reports": "good",
        "unlock": "good",
        "set up": "good",
        "database": "good",
        "ledger": "good",
        "server": "skipped",
    }
    assert find(run, "endpoint")["text"] == f"{sandbox.endpoint_label} answers."
    made = {request["operation"] for request in sandbox.requests()[before:]}
    assert made == {
        "GetCallerIdentity",
        "DescribeOrganization",
        "ListAWSServiceAccessForOrganization",
        "ListOrganizationsFeatures",
        "ListDelegatedAdministrators",
        "ListAccounts",
        "SimulatePrincipalPolicy",
    }


def test_it_works_when_nothing_is_configured_and_creates_nothing(tmp_path: Path, runner: Runner) -> None:
    program = Program(
        {
            "HOME": str(tmp_path),
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        runner,
    )
    run = program.run("doctor", "-o", "json")
    assert run.status == 1, run.shown
    assert read_results(run) == {
        "installation": "good",
        "settings": "good",
        "folders": "good",
        "credentials": "problem",
        "clock": "unknown",
        "region": "good",
        "endpoint": "unknown",
        "organization": "unknown",
        "permissions": "unknown",
        "database": "skipped",
        "ledger": "skipped",
        "server": "skipped",
    }
    assert "--profile" in find(run, "credentials")["fix"]
    assert list(tmp_path.iterdir()) == []
    assert program.run("doctor", "--fail-on", "none").status == 0


def test_a_table_has_one_line_for_each_check(enabled: Program) -> None:
    run = enabled.run("doctor")
    names = [line.split()[1] for line in run.stdout.splitlines()[1:]]
    assert names == [one["name"] for one in enabled.run("doctor", "-o", "json").json["checks"]]
    assert run.stderr == ""


def test_each_problem_is_named_with_its_fix(program: Program, tmp_path: Path) -> None:
    def run(*arguments: str, **changes: str | None) -> Run:
        return program.run("doctor", "-o", "json", *arguments, **changes)

    bad_region = run("--region", "mars-north-1")
    assert find(bad_region, "region")["verdict"] == "problem"
    assert "--region us-east-1" in find(bad_region, "region")["fix"]
    opt_in = run("--region", "af-south-1")
    assert find(opt_in, "region")["verdict"] == "unknown"
    nowhere = run(AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert (find(nowhere, "endpoint")["verdict"], find(nowhere, "credentials")["verdict"]) == ("problem", "unknown")
    settings = tmp_path / "rootkeeper.toml"
    settings.write_text("[windows]\nlongest = 5\n")
    bad_settings = run("--config", str(settings))
    assert find(bad_settings, "settings")["verdict"] == "problem"
    wrong_keys = run(AWS_SECRET_ACCESS_KEY="wrong")
    assert find(wrong_keys, "credentials")["verdict"] == "problem"
    assert {one.status for one in (bad_region, opt_in, nowhere, bad_settings, wrong_keys)} == {1}


def test_folders_are_private_whatever_the_umask_and_a_wider_one_is_reported(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    places = {name: str(tmp_path / "home" / name) for name in ("data", "state", "config")}
    surroundings = {f"XDG_{name.upper()}_HOME": place for name, place in places.items()}
    url = {"ROOTKEEPER_DATABASE_URL": f"sqlite:///{tmp_path}/home/deep/rootkeeper.db"}
    before = os.umask(0)
    try:
        assert enabled.run("audit", "222233334444", "--fail-on", "none", **surroundings, **url).status == 0
    finally:
        os.umask(before)
    folders = [path for path in (tmp_path / "home").rglob("*") if path.is_dir()]
    assert {path.name for path in folders} >= {"deep", "state"}
    assert [path for path in (*folders, tmp_path / "home") if path.stat().st_mode & 0o077] == []
    (tmp_path / "home" / "deep").chmod(0o755)
    found = find(enabled.run("doctor", "-o", "json", **surroundings, **url), "folders")
    assert found["verdict"] == "problem"
    assert f"Other users can open {tmp_path}/home/deep." in found["text"]
    assert found["fix"] == f"Run: chmod 700 {tmp_path}/home/deep"


def test_a_tampered_ledger_and_a_newer_database_are_problems(enabled: Program, tmp_path: Path) -> None:
    assert enabled.run("audit", "222233334444", "--fail-on", "none").status == 0
    with closing(sqlite3.connect(tmp_path / "rootkeeper.db")) as connection, connection:
        connection.execute("UPDATE ledger_entries SET actor = 'someone else' WHERE sequence = 1")
    tampered = enabled.run("doctor", "-o", "json")
    assert (tampered.status, find(tampered, "ledger")["verdict"]) == (1, "problem")
    with closing(sqlite3.connect(tmp_path / "rootkeeper.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    newer = enabled.run("doctor", "-o", "json")
    assert (find(newer, "database")["verdict"], find(newer, "ledger")["verdict"]) == ("problem", "problem")


def test_a_caller_with_a_part_of_the_permissions_sees_which_are_missing(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    admin = sandbox.principals()["management-admin"]
    session = boto3.Session(admin.access_key_id, admin.secret_access_key, region_name="us-east-1")
    iam = session.client("iam", endpoint_url=sandbox.base_url)
    allowed = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["organizations:*", "iam:Get*", "iam:List*", "iam:Simulate*"],
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRoot",
                "Resource": "*",
                "Condition": {
                    "ArnEquals": {"sts:TaskPolicyArn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}
                },
            },
        ],
    }
    iam.create_user(UserName="partial")
    iam.put_user_policy(UserName="partial", PolicyName="own", PolicyDocument=json.dumps(allowed))
    key = iam.create_access_key(UserName="partial")["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    run = enabled.run("doctor", "-o", "json", **keys)
    found = read_results(run)
    assert (found["audit"], found["delete"], found["recover"]) == ("problem", "skipped", "skipped")
    text = next(one["text"] for one in run.json["checks"] if one["part"] == "audit")
    assert "sso:ListInstances" in text
    assert "organizations:ListAccounts" not in text
    iam.put_user_policy(
        UserName="partial", PolicyName="own", PolicyDocument=json.dumps(allowed).replace("iam:Simulate*", "iam:No")
    )
    refused = enabled.run("doctor", "-o", "json", **keys)
    assert find(refused, "permissions")["verdict"] == "unknown"
    assert "iam:SimulatePrincipalPolicy" in find(refused, "permissions")["fix"]
