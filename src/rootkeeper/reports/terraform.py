"""Terraform code of the shipped roles, guardrails and alarms, and of the set-up itself.

Whatever may be managed elsewhere already is behind a variable: trusted access, the features and the delegated
administrator are made only if they are missing in the organization as it was read, and guardrails are attached to
nothing by themselves. ``aws_organizations_organization`` isn't used at all: its ``aws_service_access_principals`` is
the complete list, so that a second configuration with it would switch off trusted access for every other service.

Source: Terraform AWS provider, iam_organizations_features, organizations_aws_service_access,
organizations_delegated_administrator, organizations_policy, cloudwatch_event_rule, cloudwatch_log_metric_filter.
"""

from __future__ import annotations

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.setup import IAM_SERVICE_PRINCIPAL, Feature
from rootkeeper.domain.shipped_policies.alarms import EVERY_EVENT_STATE, METRIC_NAMESPACE, Receiver
from rootkeeper.domain.shipped_policies.bundle import PolicyBundle
from rootkeeper.domain.shipped_policies.guardrails import GuardrailKind
from rootkeeper.reports.code_templates import load_code_template

_TARGET_VARIABLES = {
    GuardrailKind.DENY_LONG_TERM_ROOT: "deny_long_term_root_targets",
    GuardrailKind.CAP_DELEGATED_ADMINISTRATOR: "cap_targets",
}
_RECEIVER_VARIABLES = {Receiver.QUEUE: "var.matching_queue_arn", Receiver.TOPIC: "var.alarm_topic_arn"}


def render_terraform(bundle: PolicyBundle) -> str:
    """One file, a root configuration; the same bundle gives the same text."""
    setup = bundle.ground.setup
    lacks_features = setup.features is not None and not setup.features >= set(Feature)
    return load_code_template("terraform.tf.jinja").render(
        accounts=_find_accounts(bundle),
        bundle=bundle,
        every_event_state=EVERY_EVENT_STATE,
        features=[feature.value for feature in sorted(Feature)],
        iam_service_principal=IAM_SERVICE_PRINCIPAL,
        manages_features=setup.trusted_access is False or lacks_features,
        manages_trusted_access=setup.trusted_access is False,
        metric_namespace=METRIC_NAMESPACE,
        organization=bundle.ground.organization,
        Receiver=Receiver,
        receiver_variables=_RECEIVER_VARIABLES,
        target_variables=_TARGET_VARIABLES,
    )


def _find_accounts(bundle: PolicyBundle) -> dict[str, AccountId]:
    """Where root sessions are opened, by the name of the provider; the roles' account only if it is another one."""
    management_id = bundle.ground.organization.management_account_id
    others = {} if bundle.role_account_id == management_id else {"roles": bundle.role_account_id}
    return {"management": management_id, **others}
