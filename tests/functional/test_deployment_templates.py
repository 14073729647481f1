"""What ``deploy`` runs: the CloudFormation template is one that AWS takes, and agrees with the Terraform module."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

from rootkeeper.aws.resources import EVERY_EVENT_STATE
from rootkeeper.aws.rules import AwsWork
from rootkeeper.settings.reading import load_settings
from rootkeeper.shipped_policies.bundle import Receiver
from rootkeeper.shipped_policies.infrastructure_code import QUEUE_NAME, TOPIC_NAME
from rootkeeper.shipped_policies.rules import SERVER_ROLES
from tests.architecture.source_files import REPOSITORY

TEMPLATE = REPOSITORY / "deploy" / "cloudformation" / "server.yaml"
MODULE = REPOSITORY / "deploy" / "terraform"
SERVICE = MODULE / "modules" / "server" / "service.tf"
SETTING = re.compile(r"ROOTKEEPER_[A-Z_]*[A-Z]")


@cache
def read_template() -> dict[str, Any]:
    from cfnlint.decode.cfn_yaml import loads  # type: ignore[import-untyped]  # cfn-lint ships no types

    template: dict[str, Any] = loads(TEMPLATE.read_text())
    return template


def resource(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = read_template()["Resources"][name]["Properties"]
    return properties


def list_resources(kind: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in read_template()["Resources"].values() if one["Type"] == kind]


def read_module() -> str:
    return "\n".join(path.read_text() for path in sorted(MODULE.rglob("*.tf")))


@pytest.mark.long
def test_cfn_lint_finds_nothing() -> None:
    from cfnlint.api import lint  # type: ignore[import-untyped]  # cfn-lint ships no types
    from cfnlint.config import ManualArgs  # type: ignore[import-untyped]  # cfn-lint ships no types

    found = lint(TEMPLATE.read_text(), config=ManualArgs(regions=["us-east-1", "eu-central-1"], include_checks=["W"]))
    assert [f"{match.rule.id}: {match.message}" for match in found] == []


WITHOUT_BUCKET = {"ROOTKEEPER_AWS_ROLES", "ROOTKEEPER_LEDGER_ANCHOR"}
"""The begin of a name that the module makes, and what it sets only where no bucket is made."""


def test_both_give_the_server_the_same_settings() -> None:
    roles = {f"ROOTKEEPER_AWS_ROLES_{work.value.upper()}" for work in AwsWork}
    templates = {name for name in SETTING.findall(str(resource("Task"))) if "SCHEDULES" not in name}
    assert '"ROOTKEEPER_AWS_ROLES_${upper(work)}"' in SERVICE.read_text()
    modules = {name for name in SETTING.findall(SERVICE.read_text()) if name not in WITHOUT_BUCKET}
    assert templates == modules | roles


@pytest.mark.parametrize("name", sorted(set(SETTING.findall(TEMPLATE.read_text() + SERVICE.read_text()))))
def test_each_setting_exists(name: str, tmp_path: Any) -> None:
    if name == "ROOTKEEPER_AWS_ROLES":
        name = "ROOTKEEPER_AWS_ROLES_AUDIT"
    values = {
        "ROOTKEEPER_DATABASE_URL": "sqlite:////data/rootkeeper.db",
        "ROOTKEEPER_LEDGER_ANCHOR": "/data/rootkeeper.anchor.jsonl",
        "ROOTKEEPER_LEDGER_MIRROR": "/data/rootkeeper.mirror.jsonl",
        "ROOTKEEPER_SERVER_KEY_FILE": "/data/rootkeeper.key",
        "ROOTKEEPER_UNLOCK_SAVED_POLICIES": "/data/rootkeeper.policies",
        "ROOTKEEPER_LEDGER_ANCHOR_BUCKET": "s3://amzn-s3-demo-anchor/rootkeeper",
        "ROOTKEEPER_SCHEDULES_AUDITS": "0 6 * * * UTC",
        "ROOTKEEPER_SERVER_PUBLIC_URL": "https://rootkeeper.example.com",
        "ROOTKEEPER_SERVER_TRUSTED_PROXIES": "10.0.1.0/24,10.0.2.0/24",
        "ROOTKEEPER_WATCHING_SOURCE": "sqs:https://sqs.us-east-1.amazonaws.com/222233334444/rootkeeper-root-events",
    }
    if name.startswith("ROOTKEEPER_AWS_ROLES"):
        values |= {
            f"ROOTKEEPER_AWS_ROLES_{work.value.upper()}": f"arn:aws:iam::222233334444:role/rootkeeper-{work.value}"
            for work in AwsWork
        }
        load_settings(None, values, tmp_path)
    else:
        load_settings(None, {name: values[name]}, tmp_path)


def test_the_servers_role_can_assume_the_shipped_roles_and_do_nothing_as_itself_but_its_queue_and_anchor() -> None:
    (policy,) = resource("ServerRole")["Policies"]
    statements = {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}
    assumed = statements["AssumeRolesInThePersonsName"]
    assert assumed["Action"] == ["sts:AssumeRole", "sts:SetSourceIdentity"]
    named = {str(one["Fn::Sub"]).rpartition("/")[2] for one in assumed["Resource"]}
    assert named == {role.role_name for role in SERVER_ROLES}
    assert set(statements) == {"AssumeRolesInThePersonsName", "ReadRecords", "ReadTheAnchor", "WriteTheAnchor"}
    granted = {name: one["Action"] for name, one in statements.items() if name != "AssumeRolesInThePersonsName"}
    for name, actions in granted.items():
        written = [actions] if isinstance(actions, str) else list(actions)
        assert f'Sid      = "{name}"' in read_module()
        assert all(f'"{action}"' in read_module() for action in written)


def test_names_are_those_of_the_shipped_templates() -> None:
    template, module = TEMPLATE.read_text(), read_module()
    assert f":{QUEUE_NAME}" in template
    assert f":{TOPIC_NAME}" in template
    assert f'"{QUEUE_NAME}"' in module
    assert f'"{TOPIC_NAME}"' in module
    assert f'"{EVERY_EVENT_STATE}"' in module
    for receiver in Receiver:
        assert receiver.role_name in module


def test_no_one_is_let_in_from_everywhere_and_the_load_balancer_is_internal_with_tls_alone() -> None:
    for group in list_resources("AWS::EC2::SecurityGroup"):
        assert all(one["CidrIp"] == {"Ref": "AllowedCidr"} for one in group.get("SecurityGroupIngress", ()))
    assert all("SourceSecurityGroupId" in one for one in list_resources("AWS::EC2::SecurityGroupIngress"))
    pattern = read_template()["Parameters"]["AllowedCidr"]["AllowedPattern"]
    assert re.fullmatch(pattern, "10.8.0.0/16")
    assert not re.fullmatch(pattern, "0.0.0.0/0")
    assert not re.fullmatch(pattern, "0.0.0.0/7")
    assert [one["Scheme"] for one in list_resources("AWS::ElasticLoadBalancingV2::LoadBalancer")] == ["internal"]
    assert [one["Protocol"] for one in list_resources("AWS::ElasticLoadBalancingV2::Listener")] == ["HTTPS"]


def test_an_image_is_named_by_its_digest_alone() -> None:
    pattern = read_template()["Parameters"]["Image"]["AllowedPattern"]
    assert re.fullmatch(pattern, f"registry.example.com/rootkeeper@sha256:{'0' * 64}")
    assert not re.fullmatch(pattern, "registry.example.com/rootkeeper:1.0")


def test_what_must_not_be_lost_outlives_the_stack() -> None:
    kept = {name: one.get("DeletionPolicy") for name, one in read_template()["Resources"].items()}
    assert {name for name, policy in kept.items() if policy} == {
        "AnchorBucket",
        "Database",
        "DatabaseLog",
        "DatabasePassword",
        "Files",
        "ServerLog",
    }
    assert kept["Database"] == "Snapshot"
    assert resource("Database")["DeletionProtection"] is True
    assert resource("Database")["StorageEncrypted"] is True
    assert resource("Files")["Encrypted"] is True


def test_one_task_at_a_time_writes_the_files_and_it_has_no_rights_that_it_doesnt_need() -> None:
    service, (container,) = resource("Service"), resource("Task")["ContainerDefinitions"]
    assert service["DeploymentConfiguration"]["MaximumPercent"] == 100
    assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"
    assert read_template()["Parameters"]["DesiredCount"]["AllowedValues"] == [0, 1]
    assert container["ReadonlyRootFilesystem"] is True
    assert container["LinuxParameters"]["Capabilities"]["Drop"] == ["ALL"]
    assert [one["Name"] for one in container["Secrets"] if "Name" in one] == ["PGPASSWORD"]
    assert not re.search("PASSWORD|SECRET", str(container["Environment"]))


def test_both_run_the_image_as_it_is_built() -> None:
    """Its user, port, volume and health check; its command is that of the image."""
    image = (REPOSITORY / "Containerfile").read_text()
    user, port, health = (
        re.search(pattern, image, re.MULTILINE)
        for pattern in (r"^USER (\S+)$", r"^EXPOSE (\d+)$", r"^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$")
    )
    assert user
    assert port
    assert health
    assert "\nVOLUME /data\n" in image
    (container,), service = resource("Task")["ContainerDefinitions"], SERVICE.read_text()
    assert container["User"] == user[1]
    assert container["PortMappings"][0]["ContainerPort"] == int(port[1])
    assert container["HealthCheck"]["Command"] == ["CMD", *json.loads(health[1])]
    assert container["MountPoints"][0]["ContainerPath"] == "/data"
    assert resource("FilesAccess")["PosixUser"]["Uid"] == user[1].partition(":")[0]
    assert f'"{user[1]}"' in service
    assert f"port = {port[1]}\n" in (SERVICE.parent / "network.tf").read_text()
    assert f"[{', '.join(json.dumps(one) for one in ['CMD', *json.loads(health[1])])}]" in service
    assert f"uid = {user[1].partition(':')[0]}\n" in (SERVICE.parent / "files.tf").read_text()
