"""Terraform code of the shipped roles, guardrails and alarms, and of the set-up itself.

Whatever may be managed elsewhere already is behind a variable: trusted access, the features and the delegated
administrator are made only if they are missing in the organization as it was read, and guardrails are attached to
nothing by themselves. ``aws_organizations_organization`` isn't used at all: its ``aws_service_access_principals`` is
the complete list, so that a second configuration with it would switch everybody else's trusted access off.

Source: Terraform AWS provider, iam_organizations_features, organizations_aws_service_access,
organizations_delegated_administrator, organizations_policy, cloudwatch_event_rule, cloudwatch_log_metric_filter.
"""

from __future__ import annotations

from collections.abc import Iterator

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.setup import IAM_SERVICE_PRINCIPAL, Feature
from rootkeeper.domain.shipped_policies.alarms import EVERY_EVENT_STATE, METRIC_NAMESPACE, Alarm, Receiver
from rootkeeper.domain.shipped_policies.bundle import PolicyBundle
from rootkeeper.domain.shipped_policies.documents import make_document
from rootkeeper.domain.shipped_policies.guardrails import Guardrail, GuardrailKind
from rootkeeper.domain.shipped_policies.roles import CallerRole
from rootkeeper.reports.hcl import Attribute, Block, Comment, Encoded, Expression, Item, attributes, render_hcl

_MANAGEMENT, _ROLES, _TRAIL = "aws.management", "aws.roles", "aws.trail"


def render_terraform(bundle: PolicyBundle) -> str:
    """One file, a root configuration; the same bundle gives the same text."""
    code = render_hcl(
        [
            *_list_providers(bundle),
            *_list_variables(bundle),
            _list_locals(bundle),
            *_list_setup(),
            *(item for role in bundle.roles for item in _list_role(role)),
            *(item for guardrail in bundle.guardrails for item in _list_guardrail(guardrail)),
            *(item for receiver in Receiver for item in _list_deliveries(receiver, bundle)),
            *(item for alarm in bundle.alarms for item in _list_alarm(alarm, bundle)),
            *_list_outputs(bundle),
        ]
    )
    return f"{render_hcl([Comment(_render_head(bundle))])}\n{code}"


def _render_head(bundle: PolicyBundle) -> str:
    organization = bundle.ground.organization
    return "\n".join(
        [
            f"Rootkeeper for the organization {organization.organization_id}: set-up, roles, guardrails, alarms.",
            "",
            "Nothing that another configuration may manage is taken over. The variables manage_… say what is made",
            "here; their defaults are what was missing when this file was written. Keep yours in terraform.tfvars: a",
            "file that is written anew has other defaults. To take over what exists, set the variable and import it:",
            "",
            "  terraform import 'aws_organizations_aws_service_access.iam[0]' iam.amazonaws.com",
            f"  terraform import 'aws_iam_organizations_features.root_access[0]' {organization.organization_id}",
            "  terraform import 'aws_organizations_delegated_administrator.iam[0]' ID/iam.amazonaws.com",
            "",
            "Rules on root activity in member accounts: deploy rootkeeper policies cloudformation as a StackSet, or",
            "use the metric filters here, which see every account of an organization trail.",
            *(f"Note: {' '.join(remark.split())}" for remark in bundle.remarks),
        ]
    )


def _list_providers(bundle: PolicyBundle) -> Iterator[Item]:
    requirement = {"source": "hashicorp/aws", "version": ">= 6.50.0"}
    yield Block(
        "terraform",
        (),
        [Attribute("required_version", ">= 1.5.0"), Block("required_providers", (), attributes(aws=requirement))],
    )
    management_id = bundle.ground.organization.management_account_id
    yield Comment("The allowed account makes Terraform stop in any other one.")
    yield _provider("management", management_id)
    yield _provider("roles", bundle.role_account_id)
    yield Comment("Where the log group of the organization trail is.")
    yield _provider("trail", None)


def _provider(alias: str, account_id: AccountId | None) -> Block:
    allowed = [] if account_id is None else [Attribute("allowed_account_ids", [account_id])]
    body = [*attributes(alias=alias, region=Expression("var.region"), profile=Expression(f"var.{alias}_profile"))]
    return Block("provider", ("aws",), [*body, *allowed])


def _list_variables(bundle: PolicyBundle) -> Iterator[Item]:
    setup = bundle.ground.setup
    delegates = bundle.ground.delegate_ids
    has_features = setup.features is not None and setup.features >= set(Feature)
    are_features_off = setup.trusted_access is False or (setup.features is not None and not has_features)
    yield _variable("region", "string", "us-east-1", "Root sign-ins are recorded in us-east-1.")
    for alias in ("management", "roles", "trail"):
        yield _variable(f"{alias}_profile", "string", None, "AWS profile of the provider of that name.")
    yield Comment(
        "Is aws_organizations_organization with aws_service_access_principals managed elsewhere? Add iam.amazonaws.com"
        "\nto that list and leave this off: the two would undo each other. Or set ignore_changes on that list there."
    )
    yield _variable("manage_trusted_access", "bool", setup.trusted_access is False, "Trusted access for IAM.")
    yield _variable("manage_features", "bool", are_features_off, "Root credentials management and root sessions.")
    yield _variable(
        "manage_delegated_administrator",
        "bool",
        False,
        "The delegated administrator for IAM, which is also the failsafe.",
    )
    yield _variable(
        "delegated_administrator_id", "string", next(iter(delegates), None), "Its account. Decide it once, on purpose."
    )
    yield Comment("Guardrails are made, and attached to what is named here. Begin with one test unit.")
    for guardrail in bundle.guardrails:
        yield _variable(_targets_of(guardrail), "set(string)", [], f"Where to attach {guardrail.kind.policy_name}.")
    yield Comment(
        "Both in var.region. Their policies must let events.amazonaws.com send, and from another account the roles\n"
        f"{' and '.join(receiver.role_name for receiver in Receiver)}."
    )
    yield _variable("alarm_topic_arn", "string", None, "SNS topic that wakes somebody.")
    yield _variable("matching_queue_arn", "string", None, "SQS queue for records to be matched with the ledger.")
    yield _variable("trail_log_group_name", "string", None, "Log group of the organization trail.")


def _variable(name: str, kind: str, default: object, description: str) -> Block:
    return Block("variable", (name,), attributes(description=description, type=Expression(kind), default=default))


def _list_locals(bundle: PolicyBundle) -> Block:
    """Each event pattern once: a rule in several accounts uses it."""
    patterns = {_pattern_of(alarm): Encoded(alarm.event_pattern) for alarm in bundle.alarms}
    return Block("locals", (), attributes(**patterns))


def _label_of(alarm: Alarm) -> str:
    return alarm.kind.value.replace("-", "_")


def _pattern_of(alarm: Alarm) -> str:
    return f"{_label_of(alarm)}_pattern"


def _list_setup() -> Iterator[Item]:
    keep = Block("lifecycle", (), attributes(prevent_destroy=True))
    yield Comment("Set-up. Destroying it would leave every recovery window open for ever, so Terraform refuses.")
    yield Block(
        "resource",
        ("aws_organizations_aws_service_access", "iam"),
        [
            *_counted("var.manage_trusted_access", _MANAGEMENT),
            Attribute("service_principal", IAM_SERVICE_PRINCIPAL),
            keep,
        ],
    )
    yield Block(
        "resource",
        ("aws_iam_organizations_features", "root_access"),
        [
            *_counted("var.manage_features", _MANAGEMENT),
            Attribute("enabled_features", [feature.value for feature in sorted(Feature)]),
            Attribute("depends_on", [Expression("aws_organizations_aws_service_access.iam")]),
            keep,
        ],
    )
    yield Block(
        "resource",
        ("aws_organizations_delegated_administrator", "iam"),
        [
            *_counted("var.manage_delegated_administrator", _MANAGEMENT),
            *attributes(
                account_id=Expression("var.delegated_administrator_id"), service_principal=IAM_SERVICE_PRINCIPAL
            ),
            Attribute("depends_on", [Expression("aws_organizations_aws_service_access.iam")]),
            keep,
        ],
    )


def _counted(condition: str, provider: str) -> list[Item]:
    return [
        Attribute("count", Expression(f"{condition} ? 1 : 0")),
        Attribute("provider", Expression(provider)),
    ]


def _list_role(role: CallerRole) -> Iterator[Item]:
    label = role.role.value
    yield Comment(f"{role.description}. For: {', '.join(role.commands)}.")
    yield Block(
        "resource",
        ("aws_iam_role", label),
        attributes(
            provider=Expression(_ROLES),
            name=role.name,
            description=role.description,
            max_session_duration=3600,
            assume_role_policy=Encoded(role.trust_policy),
        ),
    )
    yield Block(
        "resource",
        ("aws_iam_role_policy", label),
        attributes(
            provider=Expression(_ROLES),
            name=role.name,
            role=Expression(f"aws_iam_role.{label}.id"),
            policy=Encoded(role.permission_policy),
        ),
    )


_TARGET_VARIABLES = {
    GuardrailKind.DENY_LONG_TERM_ROOT: "deny_long_term_root_targets",
    GuardrailKind.CAP_DELEGATED_ADMINISTRATOR: "cap_targets",
}


def _targets_of(guardrail: Guardrail) -> str:
    return _TARGET_VARIABLES[guardrail.kind]


def _list_guardrail(guardrail: Guardrail) -> Iterator[Item]:
    label = guardrail.kind.value.replace("-", "_")
    yield Comment(f"{guardrail.description}.\nMeant for: {', '.join(guardrail.attach_to)}.")
    yield Block(
        "resource",
        ("aws_organizations_policy", label),
        attributes(
            provider=Expression(_MANAGEMENT),
            name=guardrail.kind.policy_name,
            description=guardrail.description,
            type="SERVICE_CONTROL_POLICY",
            content=Encoded(guardrail.content),
        ),
    )
    yield Block(
        "resource",
        ("aws_organizations_policy_attachment", label),
        attributes(
            for_each=Expression(f"var.{_targets_of(guardrail)}"),
            provider=Expression(_MANAGEMENT),
            policy_id=Expression(f"aws_organizations_policy.{label}.id"),
            target_id=Expression("each.value"),
        ),
    )


_RECEIVER_VARIABLES = {Receiver.QUEUE: "var.matching_queue_arn", Receiver.TOPIC: "var.alarm_topic_arn"}


def _find_accounts(bundle: PolicyBundle) -> dict[str, AccountId]:
    """Where root sessions are opened, by the name of the provider; the roles' account only if it is another one."""
    management_id = bundle.ground.organization.management_account_id
    others = {} if bundle.role_account_id == management_id else {"roles": bundle.role_account_id}
    return {"management": management_id, **others}


def _list_deliveries(receiver: Receiver, bundle: PolicyBundle) -> Iterator[Item]:
    yield Comment(f"Rules reach the {receiver.value} with a role if it is in another account, and else without one.")
    for alias, account_id in _find_accounts(bundle).items():
        yield from _list_delivery_role(receiver, alias, account_id)


def _list_delivery_role(receiver: Receiver, alias: str, account_id: AccountId) -> Iterator[Item]:
    arn, label = _RECEIVER_VARIABLES[receiver], _delivery_of(receiver, alias)
    is_elsewhere = f'try(split(":", {arn})[4], "{account_id}") != "{account_id}"'
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
    }
    allowed = {"Effect": "Allow", "Action": receiver.sending_action, "Resource": Expression(arn)}
    yield Block(
        "resource",
        ("aws_iam_role", label),
        [
            *_counted(is_elsewhere, f"aws.{alias}"),
            *attributes(name=receiver.role_name, assume_role_policy=Encoded(make_document([trusted]))),
        ],
    )
    yield Block(
        "resource",
        ("aws_iam_role_policy", label),
        [
            *_counted(is_elsewhere, f"aws.{alias}"),
            *attributes(
                name=receiver.role_name,
                role=Expression(f"aws_iam_role.{label}[0].id"),
                policy=Encoded(make_document([allowed])),
            ),
        ],
    )


def _delivery_of(receiver: Receiver, alias: str) -> str:
    return f"{alias}_{receiver.value}_delivery"


def _list_alarm(alarm: Alarm, bundle: PolicyBundle) -> Iterator[Item]:
    label = _label_of(alarm)
    matching = "\nMatch it with the ledger: rootkeeper policies alarms --judge." if alarm.needs_matching else ""
    yield Comment(f"{alarm.description}.\nSeen in {alarm.seen_in}.{matching}")
    for alias in _find_accounts(bundle):
        yield from _list_rule(alarm, alias)
    yield Block(
        "resource",
        ("aws_cloudwatch_log_metric_filter", label),
        [
            *_counted("var.trail_log_group_name != null", _TRAIL),
            *attributes(
                name=alarm.name, log_group_name=Expression("var.trail_log_group_name"), pattern=alarm.metric_filter
            ),
            Block(
                "metric_transformation",
                (),
                attributes(namespace=METRIC_NAMESPACE, name=alarm.metric_name, value="1", default_value="0"),
            ),
        ],
    )
    if not alarm.needs_matching:
        yield _metric_alarm(alarm, label)


def _list_rule(alarm: Alarm, alias: str) -> Iterator[Item]:
    label, provider = f"{alias}_{_label_of(alarm)}", f"aws.{alias}"
    target = _RECEIVER_VARIABLES[alarm.receiver]
    delivery = f"aws_iam_role.{_delivery_of(alarm.receiver, alias)}"
    yield Block(
        "resource",
        ("aws_cloudwatch_event_rule", label),
        [
            *_counted(f"{target} != null", provider),
            *attributes(
                name=alarm.name,
                description=alarm.description,
                state=EVERY_EVENT_STATE,
                event_pattern=Expression(f"local.{_pattern_of(alarm)}"),
            ),
        ],
    )
    yield Block(
        "resource",
        ("aws_cloudwatch_event_target", label),
        [
            *_counted(f"{target} != null", provider),
            *attributes(
                rule=Expression(f"aws_cloudwatch_event_rule.{label}[0].name"),
                arn=Expression(target),
                role_arn=Expression(f"one({delivery}[*].arn)"),
            ),
        ],
    )


def _metric_alarm(alarm: Alarm, label: str) -> Block:
    return Block(
        "resource",
        ("aws_cloudwatch_metric_alarm", label),
        [
            *_counted("var.trail_log_group_name != null && var.alarm_topic_arn != null", _TRAIL),
            *attributes(
                alarm_name=alarm.name,
                alarm_description=alarm.description,
                namespace=METRIC_NAMESPACE,
                metric_name=alarm.metric_name,
                statistic="Sum",
                period=60,
                evaluation_periods=1,
                threshold=1,
                comparison_operator="GreaterThanOrEqualToThreshold",
                treat_missing_data="notBreaching",
                alarm_actions=[Expression("var.alarm_topic_arn")],
            ),
        ],
    )


def _list_outputs(bundle: PolicyBundle) -> Iterator[Item]:
    yield Comment("For the settings aws.roles.… of a Rootkeeper server.")
    roles = {role.role.value: Expression(f"aws_iam_role.{role.role.value}.arn") for role in bundle.roles}
    yield Block("output", ("role_arns",), attributes(value=roles))
