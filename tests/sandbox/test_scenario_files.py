"""Scenario files: the worked examples, what a file can say, and errors that name file, line and place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.scenarios.build import EXAMPLES, build_world, find_example
from rootkeeper_sandbox.scenarios.yaml_nodes import ScenarioError
from rootkeeper_sandbox.state.policies import PolicyType
from rootkeeper_sandbox.state.world import World
from tests.sandbox.calling import START, Stage
from tests.sandbox.wire import TASK_POLICIES, Wire, open_instance

MINIMAL = """
scenario: 1
accounts:
  - id: 111122223333
    name: Management
    email: management@example.com
    management: true
"""
PRINCIPALS = {"management-admin", "delegated-admin", "member-admin", "observer", "management-root"}


def build(path: Path, text: str) -> World:
    path.write_text(text)
    return build_world(clock=lambda: START, scenario=str(path))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.yaml"


def by_name(world: World) -> dict[str, dict[str, Any]]:
    return {account["name"]: account for account in world.describe()["accounts"]}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_loads_by_its_name_and_as_a_file_alike(name: str) -> None:
    worlds = [build_world(clock=lambda: START, scenario=one) for one in (name, str(find_example(name)))]
    assert worlds[0].describe() == worlds[1].describe()
    assert worlds[0].principals() == worlds[1].principals()
    assert {one["name"] for one in worlds[0].principals()} >= PRINCIPALS


def test_there_are_four_examples_and_no_other_files() -> None:
    files = {path.stem for path in find_example("small-start").parent.glob("*.yaml")}
    assert files == set(EXAMPLES)
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_copy_of_an_example_builds_the_whole_of_it(file: Path, name: str) -> None:
    copied, original = (
        build(file, find_example(name).read_text()),
        build_world(clock=lambda: START, scenario=name),
    )
    assert copied.describe() == original.describe()
    assert copied.principals() == original.principals()
    for part in ("buckets", "queues", "event_rules", "identity_center"):
        assert getattr(copied, part) == getattr(original, part)


def test_the_demo_has_buckets_queues_and_people() -> None:
    world = build_world(clock=lambda: START)
    assert [bucket.name for bucket in world.buckets.buckets.values() if bucket.has_object_lock] == [
        "amzn-s3-demo-ledger-anchor"
    ]
    assert {queue.name for queue in world.queues.queues.values()} == {"orders-incoming", "rootkeeper-root-events"}
    assert [rule.queue_arn for rule in world.event_rules] == [
        "arn:aws:sqs:us-east-1:222233334444:rootkeeper-root-events"
    ]
    center = world.identity_center
    assert (len(center.users), len(center.groups), len(center.permission_sets)) == (7, 4, 5)


def test_a_file_can_have_buckets_queues_and_people(file: Path) -> None:
    world = build(
        file,
        MINIMAL
        + """
buckets:
  - name: logs-of-everyone
    account: Management
    region: eu-central-1
    versioning: Enabled
    object_lock: true
    policy: {Version: 2012-10-17, Statement: [{Effect: Deny, Principal: "*", Action: s3:*, Resource: "*"}]}
  - {name: empty-one, account: 111122223333}
queues:
  - {name: one, account: Management, root_events: true}
  - {name: one, account: Management, region: eu-central-1, root_events: true}
identity_center:
  name: example
  groups: [Admins]
  users: [{name: ana, email: ana@example.com, groups: [Admins]}, {name: li, email: li@example.com}]
  permission_sets:
    - name: All
      assignments: [{account: Management, group: Admins}, {account: Management, user: li}]
""",
    )
    logs, empty = world.buckets.buckets.values()
    assert (logs.region, logs.versioning, logs.has_object_lock) == ("eu-central-1", "Enabled", True)
    assert (empty.region, empty.versioning, empty.policy) == ("us-east-1", None, None)
    assert logs.policy is not None
    assert '"Version": "2012-10-17"' in logs.policy
    assert [rule.name for rule in world.event_rules] == ["root-events", "root-events-2"]
    assert [rule.queue_arn.split(":")[3] for rule in world.event_rules] == ["us-east-1", "eu-central-1"]
    center = world.identity_center
    ana, li = center.users.values()
    assert (ana.display_name, center.name) == ("ana", "example")
    (arn,) = center.permission_sets
    for user in (ana, li):
        assert [one.permission_set_arn for one in center.held_by("USER", user.user_id)] == [arn]


def test_the_small_start_has_done_its_homework() -> None:
    stage = Stage(scenario="small-start")
    truth = stage.world.describe()
    assert set(truth["features"]) == {"RootSessions", "RootCredentialsManagement"}
    assert [one["account_id"] for one in truth["delegated_administrators"]] == ["222233334444"]
    left = [
        account["name"]
        for account in truth["accounts"][2:]
        if account["root_user"]["password"] or account["root_user"]["access_keys"]
    ]
    assert left == ["Shop Prod", "Shop Test"]
    session = stage.root_session("444455556666", "IAMDeleteRootUserCredentials", "delegated-admin")
    stage.call(session, "iam", "DeleteLoginProfile")


def test_the_small_starts_auditor_may_audit_and_nothing_else() -> None:
    wire = Wire(open_scenario("small-start"))
    target = {"TargetPrincipal": "444455556666"}
    audit = target | {"TaskPolicyArn": {"arn": TASK_POLICIES + "IAMAuditRootUserCredentials"}}
    assert wire.call("root-auditor", "sts", "AssumeRoot", **audit).status == 200
    delete = target | {"TaskPolicyArn": {"arn": TASK_POLICIES + "IAMDeleteRootUserCredentials"}}
    assert wire.call("root-auditor", "sts", "AssumeRoot", **delete).code == "AccessDenied"
    role = {"RoleArn": "arn:aws:iam::222233334444:role/RootDeletion", "RoleSessionName": "tests"}
    assert wire.call("delegated-admin", "sts", "AssumeRole", **role).status == 200


def open_scenario(name: str) -> Any:
    instance = open_instance()
    instance.world = build_world(clock=instance.clock.now, scenario=name)
    return instance


@pytest.mark.parametrize(
    ("account_id", "is_blocked"),
    [
        ("333344445555", False),
        ("444455556666", True),
        ("555566667777", True),
        ("666677778888", True),
        ("777788889999", False),
    ],
)
def test_the_guardrails_block_root_sessions_where_nothing_exempts_them(account_id: str, is_blocked: bool) -> None:
    wire = Wire(open_scenario("deny-root-guardrails"))
    session = wire.open_root_session(account_id, "IAMAuditRootUserCredentials")
    answered = wire.call(session, "iam", "GetAccountSummary")
    if is_blocked:
        assert (answered.status, answered.code) == (403, "AccessDenied")
        assert "with an explicit deny in a service control policy: arn:aws:organizations::" in answered.message
    else:
        assert answered.status == 200


def test_the_guardrails_deny_long_term_root_everywhere_but_in_the_security_account() -> None:
    wire = Wire(open_scenario("deny-root-guardrails"))
    world = wire.instance.world
    world.put_root_user("333344445555", {"access_keys": [{"access_key_id": "AKIAIOSFODNN7EXAMPLE"}]})
    world.register_principal("long-term-root", "AKIAIOSFODNN7EXAMPLE")
    assert wire.call("long-term-root", "iam", "GetAccountSummary").code == "AccessDenied"
    assert wire.call("management-root", "iam", "GetAccountSummary").status == 200
    levels = world.resource_control_policies("333344445555")
    assert [policy.name for policy in levels[0]] == ["RCPFullAWSAccess", "DataPerimeter"]


def test_the_merger_has_invited_accounts_and_more_outside() -> None:
    stage = Stage(scenario="merger")
    accounts = by_name(stage.world)
    assert accounts["AnyCompany Billing"]["root_user"]["access_keys"][0]["last_used_at"] == "2026-09-29T12:00:00Z"
    assert stage.world.account("555566667777").joined_method == "INVITED"
    assert stage.world.account("555566667777").created_at == START - timedelta(days=4200)
    assert set(stage.world.outsiders) == {"888899990000", "999900001111"}
    with pytest.raises(ServiceError, match="AWSOrganizationsNotInUseException"):
        stage.call("anycompany-data-admin", "organizations", "DescribeOrganization")
    assert stage.call("anycompany-labs-root", "sts", "GetCallerIdentity")["Arn"] == "arn:aws:iam::999900001111:root"


def test_one_account_is_enough(file: Path) -> None:
    world = build(file, MINIMAL)
    assert [one["name"] for one in world.principals()] == ["management-admin", "observer", "management-root"]
    assert build(file, MINIMAL).describe() == world.describe()
    assert build(file.with_name("other.yaml"), MINIMAL).organization_id != world.organization_id


def test_a_file_is_found_by_its_ending_and_features_come_on_top(file: Path) -> None:
    file.write_text(MINIMAL)
    world = build_world(clock=lambda: START, scenario=str(file), features="sessions")
    assert world.describe()["features"] == ["RootSessions"]


def test_names_and_ids_mean_the_same(file: Path) -> None:
    world = build(
        file,
        MINIMAL
        + """
  - {id: 012345678901, name: Member, email: member@example.com, ou: A/B}
  - {id: 222233334444, name: Other, email: other@example.com, ou: Root/A}
organizational_units: [{path: A}, {path: Root/A/B}]
policies:
  - name: P
    content: {Version: 2012-10-17, Statement: [{Effect: Deny, Action: s3:*, Resource: "*"}]}
    targets: [Root, A, Root/A/B, Member, 222233334444]
principals:
  - {name: delegated-admin, account: 012345678901, permissions: none, tags: {team: red}}
  - {name: root-of-other, account: Other, root: yes}
roles:
  - {name: R, account: Member, trusted_accounts: [Management, Other], permissions: administrator}
""",
    )
    accounts = by_name(world)
    assert accounts["Member"]["account_id"] == "012345678901"
    assert (accounts["Member"]["ou_path"], accounts["Other"]["ou_path"]) == ("Root/A/B", "Root/A")
    policy = next(one for one in world.describe()["policies"] if one["name"] == "P")
    assert policy["content"]["Version"] == "2012-10-17"
    assert len(policy["targets"]) == 5
    principals = {one["name"]: one for one in world.principals()}
    assert principals["delegated-admin"]["account_id"] == "012345678901"
    assert principals["root-of-other"]["arn"] == "arn:aws:iam::222233334444:root"
    credential = world.find_credential(principals["delegated-admin"]["access_key_id"])
    assert credential is not None
    assert world.identity_policies(credential.principal) == ()
    assert world.principal_tags(credential.principal) == {"team": "red"}
    role = world.account("012345678901").find_role("R")
    assert role is not None
    assert "arn:aws:iam::222233334444:root" in role.trust_policy


def test_a_file_may_have_thousands_of_accounts(file: Path) -> None:
    rows = "".join(
        f"  - {{id: {number:012}, name: N{number}, email: n{number}@example.com}}\n" for number in range(3000)
    )
    assert len(build(file, MINIMAL + rows).organization.accounts) == 3001


def test_a_policy_type_may_be_on_without_policies(file: Path) -> None:
    world = build(file, MINIMAL + "organization: {policy_types: [RESOURCE_CONTROL_POLICY]}\n")
    assert world.organization.policy_book.enabled_types == {PolicyType.RESOURCE_CONTROL_POLICY}


MEMBER = "  - {id: 222233334444, name: Member, email: member@example.com}\n"
ERRORS = [
    ("", 1, "the file is empty; `rootkeeper sandbox init` writes one to start from."),
    ("- 1", 1, "must be a mapping: lines of the form `name: value`."),
    ("a: ]", 1, "this isn't YAML"),
    ("a: b: c", 1, "this isn't YAML"),
    ("scenario: 2\n", 1, "scenario: must be 1: the format of scenario files that this sandbox knows."),
    ("scenario: 1\n", 1, "exactly one account must have `management: true`."),
    ("name: x\n", 1, "the field 'scenario' is missing."),
    ("scenario: 1\nacounts: []\n", 2, "acounts: there is no such field. Did you mean 'accounts'?"),
    ("scenario: 1\nxyz: 1\n", 2, "xyz: there is no such field. Known here: scenario, name, organization,"),
    ("scenario: 1\nname: a\nname: b\n", 3, "name: is there twice."),
    (MINIMAL + "accounts: []\n", 8, "accounts: is there twice."),
    (MINIMAL.replace("111122223333", "1234"), 4, "accounts[0].id: must be 12 digits, not '1234'."),
    (MINIMAL.replace("    name: Management\n", ""), 4, "accounts[0]: the field 'name' is missing."),
    (MINIMAL.replace("true", "maybe"), 7, "accounts[0].management: must be true or false."),
    (MINIMAL.replace("management@example.com", "unknown"), 6, "accounts[0].email: must be an e-mail address"),
    (MINIMAL + "    ou: Nowhere\n", 8, "accounts[0].ou: there is no unit 'Nowhere' under organizational_units"),
    (MINIMAL + "    state: OPEN\n", 8, "accounts[0].state: must be one of ACTIVE, CLOSED,"),
    (MINIMAL + "    joined_at: soon\n", 8, "accounts[0].joined_at: must be a time such as 2026-01-31T12:00:00Z or 30"),
    (MINIMAL + "    tags: [a]\n", 8, "accounts[0].tags: must be a mapping"),
    (MINIMAL + "    root_user: {pasword: true}\n", 8, "accounts[0].root_user: root_user has no field 'pasword'"),
    (MINIMAL + "    root_user: {access_keys: [{status: Gone}]}\n", 8, "root_user.access_keys[0].status must be Active"),
    (MINIMAL + MEMBER + MEMBER, 9, "accounts[2].id: there is an account 222233334444 already."),
    (MINIMAL + MEMBER.replace("member@", "MANAGEMENT@"), 8, "accounts[1].email: another account has the address"),
    (MINIMAL + MEMBER.replace("name: Member", "management: true, name: M"), 8, "exactly one account must have"),
    (MINIMAL + "organizational_units: [{path: A/B}]\n", 8, "organizational_units[0].path: there is no unit 'A'; name"),
    (MINIMAL + "organizational_units:\n  - path: A\n  - path: A\n", 10, "there is a unit 'A' already."),
    (MINIMAL + "organizational_units: A\n", 8, "organizational_units: must be a list: lines that begin with a dash."),
    (MINIMAL + "organization: {id: x}\n", 8, "organization.id: must look like o-"),
    (MINIMAL + "organization: {features: [Root]}\n", 8, "organization.features[0]: must be one of RootSessions,"),
    (MINIMAL + "organization: {trusted_services: [iam]}\n", 8, "trusted_services[0]: must be a service principal such"),
    (
        MINIMAL + MEMBER + "organization:\n  delegated_administrators:\n"
        "    - {account: Member, service: iam.amazonaws.com}\n",
        11,
        "delegated_administrators[0].service: add iam.amazonaws.com to organization.trusted_services first.",
    ),
    (
        MINIMAL + "organization:\n  trusted_services: [iam.amazonaws.com]\n  delegated_administrators:\n"
        "    - {account: Management, service: iam.amazonaws.com}\n",
        11,
        "delegated_administrators[0].account: must be an ACTIVE member account of the organization.",
    ),
    (MINIMAL + "policies: [{name: P, content: 7}]\n", 8, "policies[0].content: this isn't a policy document:"),
    (
        MINIMAL + "policies: [{name: P, content: '{'}]\n",
        8,
        "this isn't a policy document: The policy is not valid JSON.",
    ),
    (
        MINIMAL + "policies:\n  - name: P\n    content: {Statement: [{Effect: Forbid, Action: '*', Resource: '*'}]}\n",
        10,
        "this isn't a policy document: Effect must be Allow or Deny.",
    ),
    (
        MINIMAL + "policies:\n  - name: P\n    content: {Statement: []}\n    targets: [Somewhere]\n",
        11,
        "policies[0].targets[0]: no account has the id or name 'Somewhere'; write the id of one that is",
    ),
    (
        MINIMAL + "policies:\n  - {name: P, content: {Statement: []}}\n  - {name: P, content: {Statement: []}}\n",
        10,
        "policies[1].name: a SERVICE_CONTROL_POLICY named 'P' exists already.",
    ),
    (
        MINIMAL + "policies: [{name: P, content: {Statement: []}, targets: [Root, Root]}]\n",
        8,
        "policies[0].targets[1]: is there twice.",
    ),
    (MINIMAL + "principals: [{name: a b, account: Management}]\n", 8, "principals[0].name: must be 1 to 64 letters"),
    (
        MINIMAL + "principals: [{name: a, account: Management, permissions: all}]\n",
        8,
        "principals[0].permissions: must be administrator, none, or a list of policy documents.",
    ),
    (
        MINIMAL + "principals: [{name: a, account: Management, root: true, permissions: none}]\n",
        8,
        "principals[0].permissions: a root user has none; leave it out.",
    ),
    (
        MINIMAL + "principals: [{name: a, account: Management}, {name: a, account: Management}]\n",
        8,
        "principals[1].name: there is a principal a already.",
    ),
    (MINIMAL + "roles: [{name: r, account: Management}]\n", 8, "roles[0]: the field 'trusted_accounts' is missing."),
    (
        MINIMAL + "outside_accounts: [{id: 222233334444, name: X, email: x@example.com, ou: A}]\n",
        8,
        "outside_accounts[0].ou: belongs to accounts of the organization, not to outside_accounts.",
    ),
    (MINIMAL + "buckets: [{name: B, account: Management}]\n", 8, "buckets[0].name: must be 3 to 63 small letters"),
    (
        MINIMAL + "buckets: [{name: abc, account: Management}, {name: abc, account: Management}]\n",
        8,
        "buckets[1].name: there is a bucket abc already.",
    ),
    (
        MINIMAL + "buckets: [{name: abc, account: Management, object_lock: true}]\n",
        8,
        "buckets[0].object_lock: needs `versioning: Enabled`.",
    ),
    (
        MINIMAL + "buckets: [{name: abc, account: Management, region: Europe}]\n",
        8,
        "buckets[0].region: must be a Region such as eu-central-1, not 'Europe'.",
    ),
    (
        MINIMAL + "queues: [{name: a, account: Management}, {name: a, account: Management}]\n",
        8,
        "queues[1].name: the account has a queue a in that Region already.",
    ),
    (
        MINIMAL + "queues: [{name: a, account: Nobody}]\n",
        8,
        "queues[0].account: no account has the id or name 'Nobody'",
    ),
    (MINIMAL + "identity_center: {groups: [A, A]}\n", 8, "identity_center.groups[1]: there is a group A already."),
    (
        MINIMAL + "identity_center: {users: [{name: a, email: a@example.com, groups: [A]}]}\n",
        8,
        "users[0].groups[0]: there is no group 'A' under identity_center.groups.",
    ),
    (
        MINIMAL + "identity_center: {users: [{name: a, email: a@b.c}, {name: a, email: a@b.c}]}\n",
        8,
        "identity_center.users[1].name: there is a user a already.",
    ),
    (
        MINIMAL + "identity_center: {permission_sets: [{name: P}, {name: P}]}\n",
        8,
        "identity_center.permission_sets[1].name: there is a permission set P already.",
    ),
    (
        MINIMAL + "identity_center: {permission_sets: [{name: P, assignments: [{account: Management}]}]}\n",
        8,
        "permission_sets[0].assignments[0]: needs either a `group` or a `user`.",
    ),
    ("a: &a [*a]\n", 1, "aliases make this file too large or let it contain itself; write it out."),
    ("a: " + "[" * 300 + "]" * 300, 1, ""),
]


@pytest.mark.parametrize(("text", "line", "message"), ERRORS, ids=[f"{one[2][:50]}" for one in ERRORS])
def test_an_error_names_file_line_and_place(file: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        build(file, text)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert message in str(caught.value)


def test_aliases_may_be_used_but_not_without_measure(file: Path) -> None:
    anchor = "    root_user: &held {password: true}\n"
    world = build(file, MINIMAL + anchor + MEMBER.replace("}\n", ", root_user: *held}\n"))
    assert by_name(world)["Member"]["root_user"]["password"]
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
        for before, name in zip("abcdefg", "bcdefgh", strict=True)
    )
    with pytest.raises(ScenarioError, match="aliases make this file too large"):
        build(file, bomb)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"can't read the scenario .*nowhere.yaml: No such file"):
        build_world(clock=lambda: START, scenario=str(tmp_path / "nowhere.yaml"))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="isn't UTF-8 text"):
        build_world(clock=lambda: START, scenario=str(tmp_path / "binary.yaml"))


def test_the_names_of_the_examples_are_shown_when_one_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"known: .*, merger, no-organization, or a path that ends"):
        build_world(clock=lambda: START, scenario="grand-start")


def test_what_the_errors_show_is_short(file: Path) -> None:
    text = MINIMAL + f"    state: {'x' * 100_000}\n"
    with pytest.raises(ScenarioError) as caught:
        build(file, text)
    assert len(str(caught.value)) < 500
