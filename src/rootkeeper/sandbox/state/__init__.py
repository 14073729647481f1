"""The sandbox's truth: accounts and their credentials, the organization's tree, policies, sessions and mail.

Everything is kept in memory and small, so that 50,000 accounts start in seconds. Services change it; nothing here
knows HTTP, signatures or who may do what.
"""

from rootkeeper.sandbox.state.accounts import Account, AccountState, IamRole, IamUser
from rootkeeper.sandbox.state.credentials import AccessKey, Credentials, LoginProfile, MfaDevice, SigningCertificate
from rootkeeper.sandbox.state.eligibility import Feature
from rootkeeper.sandbox.state.organization import Organization, OrganizationalUnit
from rootkeeper.sandbox.state.policies import OrganizationPolicy, PolicyType
from rootkeeper.sandbox.state.world import KeyOwner, World

__all__ = [
    "AccessKey",
    "Account",
    "AccountState",
    "Credentials",
    "Feature",
    "IamRole",
    "IamUser",
    "KeyOwner",
    "LoginProfile",
    "MfaDevice",
    "Organization",
    "OrganizationPolicy",
    "OrganizationalUnit",
    "PolicyType",
    "SigningCertificate",
    "World",
]
