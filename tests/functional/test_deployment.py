"""The Terraform module of ``deploy``, by the real Terraform: applied on a sandbox for all that the sandbox serves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.architecture.source_files import REPOSITORY
from tests.functional.administration import DELEGATE, open_client
from tests.functional.running import Program
from tests.functional.terraform import Terraform, find_plugins
from tests.sandbox_process import SandboxProcess

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("deployment"), pytest.mark.inputs("deployment")]

MANAGEMENT, OTHER = "111122223333", "444455556666"
SERVER_ARN = f"arn:aws:iam::{DELEGATE}:role/rootkeeper-server"
BUCKET, TOPIC = "amzn-s3-demo-anchor", f"arn:aws:sns:us-east-1:{DELEGATE}:alarms"
WORK = ["audit", "delete", "recover", "report", "unlock"]


@pytest.fixture(autouse=True)
def _plugins() -> Path:
    return find_plugins()


def copy_module(folder: Path) -> Path:
    """A copy, because Terraform writes beside the code."""
    return Path(shutil.copytree(REPOSITORY / "deploy" / "terraform", folder / "module"))


def prepare_accounts(sandbox: SandboxProcess) -> dict[str, str]:
    """A role for Terraform in both accounts, and no queue of the demo in the way; the variables of the example."""
    caller = sandbox.principals()["management-admin"]
    trust = {"Effect": "Allow", "Principal": {"AWS": caller.arn}, "Action": "sts:AssumeRole"}
    for principal in ("management-admin", "delegated-admin"):
        iam = open_client("iam", sandbox.base_url, sandbox.principals()[principal])
        iam.create_role(RoleName="terraform", AssumeRolePolicyDocument=make_document(trust))
        iam.attach_role_policy(RoleName="terraform", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    sqs = open_client("sqs", sandbox.base_url, sandbox.principals()["delegated-admin"])
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="rootkeeper-root-events")["QueueUrl"])
    return {
        "TF_VAR_management_role_arn": f"arn:aws:iam::{MANAGEMENT}:role/terraform",
        "TF_VAR_roles_role_arn": f"arn:aws:iam::{DELEGATE}:role/terraform",
        "TF_VAR_anchor_bucket_name": BUCKET,
        "TF_VAR_alarm_topic_arn": TOPIC,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def make_document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def write_policies(program: Program, folder: Path) -> list[dict[str, Any]]:
    """The two files, by the commands of the example; the roles in them."""
    roles = program.run("policies", "roles", "--server-role-arn", SERVER_ARN)
    alarms = program.run("policies", "alarms")
    assert (roles.status, alarms.status) == (0, 0), f"{roles.shown}\n{alarms.shown}"
    (folder / "roles.json").write_text(roles.stdout)
    (folder / "alarms.json").write_text(alarms.stdout)
    found: list[dict[str, Any]] = roles.json["roles"]
    return found


def read_role(iam: Any, name: str) -> dict[str, Any]:
    role = iam.get_role(RoleName=name)["Role"]
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {
        "role_name": name,
        "description": role["Description"],
        "max_session_seconds": role["MaxSessionDuration"],
        "trust_policy": role["AssumeRolePolicyDocument"],
        "permission_policy": [iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"] for one in policies],
    }


def become_server(sandbox: SandboxProcess) -> boto3.Session:
    """The server's session, as Amazon ECS would open it: for the test, the role trusts its account's administrator."""
    administrator = sandbox.principals()["delegated-admin"]
    iam = open_client("iam", sandbox.base_url, administrator)
    trust = {"Effect": "Allow", "Principal": {"AWS": administrator.arn}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(RoleName="rootkeeper-server", PolicyDocument=make_document(trust))
    sts = open_client("sts", sandbox.base_url, administrator)
    session = sts.assume_role(RoleArn=SERVER_ARN, RoleSessionName="task")["Credentials"]
    return boto3.Session(
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
        region_name="us-east-1",
    )


def find_error(call: Any, **parameters: Any) -> str | None:
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


@pytest.mark.timeout(900)
def test_what_the_sandbox_serves_is_applied_changed_and_destroyed(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    given = sandbox.environment() | prepare_accounts(sandbox)
    before = sandbox.organization()
    folder = copy_module(tmp_path) / "examples" / "organization"
    shipped = write_policies(enabled, folder)
    terraform = Terraform.open(folder, given)
    check_refusals(terraform)
    terraform.apply()
    terraform.require_no_change()
    iam = open_client("iam", sandbox.base_url, sandbox.principals()["delegated-admin"])
    for role in shipped:
        made = read_role(iam, role["role_name"])
        assert made["permission_policy"] == [role["permission_policy"]]
        assert {name: made[name] for name in made if name != "permission_policy"} == {
            name: role[name] for name in made if name != "permission_policy"
        }
    check_rules(sandbox)
    check_server(sandbox)
    terraform.run("apply", "-auto-approve", "-var", 'work=["audit","report"]')
    permitted = [work for work in WORK if iam.list_role_policies(RoleName=f"rootkeeper-{work}")["PolicyNames"]]
    assert permitted == ["audit", "report"]
    s3 = open_client("s3", sandbox.base_url, sandbox.principals()["delegated-admin"])
    for version in s3.list_object_versions(Bucket=BUCKET).get("Versions", []):
        s3.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    terraform.destroy()
    assert sandbox.organization() == before
    assert [one["RoleName"] for one in iam.list_roles()["Roles"] if one["RoleName"].startswith("rootkeeper")] == []


def check_rules(sandbox: SandboxProcess) -> None:
    """Every record goes to the queue, what is urgent also to the topic; from the other account with a role."""
    queue = f"arn:aws:sqs:us-east-1:{DELEGATE}:rootkeeper-root-events"
    for principal, account_id in (("management-admin", MANAGEMENT), ("delegated-admin", DELEGATE)):
        events = open_client("events", sandbox.base_url, sandbox.principals()[principal])
        rules = events.list_rules()["Rules"]
        assert {rule["State"] for rule in rules} == {"ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}
        targets = {rule["Name"]: events.list_targets_by_rule(Rule=rule["Name"])["Targets"] for rule in rules}
        assert {name: {one["Arn"] for one in found} for name, found in targets.items()} == {
            "rootkeeper-known-role": {queue},
            "rootkeeper-long-term-root": {queue, TOPIC},
            "rootkeeper-root-session": {queue},
            "rootkeeper-strange-caller": {queue, TOPIC},
        }
        delivering = {one["RoleArn"] for found in targets.values() for one in found if "RoleArn" in one}
        names = ("topic", "queue") if account_id == MANAGEMENT else ()
        assert delivering == {f"arn:aws:iam::{account_id}:role/rootkeeper-{one}-delivery" for one in names}


def check_server(sandbox: SandboxProcess) -> None:
    """The server assumes its roles in a person's name, reads its queue and writes the anchor, and nothing else."""
    session = become_server(sandbox)
    sts, sqs, s3, iam = (session.client(one, endpoint_url=sandbox.base_url) for one in ("sts", "sqs", "s3", "iam"))
    for work in WORK:
        role = {"RoleArn": f"arn:aws:iam::{DELEGATE}:role/rootkeeper-{work}", "RoleSessionName": "ana"}
        assert find_error(sts.assume_role, **role, SourceIdentity="ana") is None
        assert find_error(sts.assume_role, **role) == "AccessDenied"
        assert find_error(sts.assume_role, **role, SourceIdentity="boris") == "AccessDenied"
    address = f"{sandbox.base_url}/{DELEGATE}/rootkeeper-root-events"
    assert find_error(sqs.receive_message, QueueUrl=address) is None
    assert find_error(sqs.send_message, QueueUrl=address, MessageBody="{}") is not None
    assert find_error(s3.put_object, Bucket=BUCKET, Key="rootkeeper/1", Body=b"1") is None
    assert find_error(s3.put_object, Bucket=BUCKET, Key="elsewhere/1", Body=b"1") == "AccessDenied"
    assert find_error(s3.get_object, Bucket=BUCKET, Key="rootkeeper/1") == "AccessDenied"
    assert find_error(s3.delete_object, Bucket=BUCKET, Key="rootkeeper/1") == "AccessDenied"
    assert find_error(iam.list_roles) == "AccessDenied"
    task = {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}
    assert find_error(sts.assume_root, TargetPrincipal="400050006000", TaskPolicyArn=task) == "AccessDenied"


def check_refusals(terraform: Terraform) -> None:
    """Files about another server or another account are refused, before anything is made."""
    roles, alarms = (terraform.folder / name for name in ("roles.json", "alarms.json"))
    right = {path: path.read_text() for path in (roles, alarms)}
    home = f'"role_account_id": "{DELEGATE}"'
    wrong = {
        "No role trusts the server": {roles: right[roles].replace(SERVER_ARN, f"{SERVER_ARN}-of-another")},
        "about different accounts": {alarms: right[alarms].replace(home, home.replace(DELEGATE, MANAGEMENT))},
        f"isn't in the account {OTHER}": {path: text.replace(DELEGATE, OTHER) for path, text in right.items()},
    }
    for refusal, texts in wrong.items():
        for path, text in (right | texts).items():
            path.write_text(text)
        assert refusal in " ".join(terraform.run("plan", statuses=(1,)).replace("\u2502", " ").split())
    for path, text in right.items():
        path.write_text(text)


def test_all_modules_are_valid_and_formatted(tmp_path: Path) -> None:
    """The example has every module, and gives each the providers that it needs."""
    module = copy_module(tmp_path)
    example = module / "examples" / "organization"
    role = {"role": "audit", "role_name": "rootkeeper-audit", "trust_policy": {"Principal": {"AWS": SERVER_ARN}}}
    about: dict[str, Any] = {"partition": "aws", "role_account_id": DELEGATE}
    (example / "roles.json").write_text(json.dumps(about | {"roles": [role]}))
    (example / "alarms.json").write_text(json.dumps(about | {"alarms": [{"event_pattern": {}}]}))
    terraform = Terraform.open(example, {})
    terraform.run("fmt", "-check", "-diff", "-recursive", str(module))
    assert "The configuration is valid" in terraform.run("validate")


def test_the_servers_own_tests_pass(tmp_path: Path) -> None:
    """With a mock of the provider, because the sandbox has neither Amazon ECS nor RDS."""
    terraform = Terraform.open(copy_module(tmp_path) / "modules" / "server", {})
    assert "5 passed, 0 failed" in terraform.run("test")
