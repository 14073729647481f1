"""Bundles of policies for tests of what is rendered from them."""

from __future__ import annotations

from rootkeeper.organization.accounts import AccountId, Caller, Feature, Organization, ServiceControlPolicies, Setup
from rootkeeper.shipped_policies.bundle import PolicyBundle, PolicyFacts, PolicyInputs, make_bundle

MANAGEMENT, DELEGATE = AccountId("111122223333"), AccountId("222233334444")
SCP_ENABLED = ServiceControlPolicies("r-exam", is_enabled=True)
CALLER = Caller(DELEGATE, f"arn:aws:iam::{DELEGATE}:user/ana", "aws")

COMPLETE = Setup(trusted_access=True, features=frozenset(Feature), delegated_administrators=(DELEGATE,))
NOTHING_ON = Setup(trusted_access=False, features=None, delegated_administrators=())
ONE_FEATURE = Setup(
    trusted_access=True,
    features=frozenset({Feature.ROOT_SESSIONS}),
    delegated_administrators=(DELEGATE,),
)
UNKNOWN = Setup(
    trusted_access=None,
    features=None,
    delegated_administrators=None,
    unknown=('Denied: "${evil}"\nresource "aws_iam_user" "evil" {}',),
)


SESSIONS = {
    "rootkeeper-audit": 3_600,
    "rootkeeper-delete": 3_600,
    "rootkeeper-recover": 43_200,
    "rootkeeper-report": 3_600,
    "rootkeeper-unlock": 3_600,
}
"""MaxSessionDuration of each role, where windows may last longer than a session."""


def make(
    setup: Setup = COMPLETE,
    wishes: PolicyInputs | None = None,
    scp: ServiceControlPolicies | None = SCP_ENABLED,
    partition: str = "aws",
) -> PolicyBundle:
    organization = Organization("o-exampleorgid", MANAGEMENT, has_all_features=True, partition=partition)
    ground = PolicyFacts(organization, setup, (), service_control_policies=scp, caller=CALLER)
    return make_bundle(ground, wishes or PolicyInputs())


SERVER = PolicyInputs(
    server_role="arn:aws:iam::222233334444:role/server",
    trusted_principals=("arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Ops_*",),
)
UNREADABLE = PolicyInputs(failsafe_ids=(DELEGATE,))
