"""The sandbox's truth: accounts and their credentials, the organization's tree, policies, sessions and mail.

Everything is kept in memory and small, so that 50,000 accounts start in seconds. Services change it; nothing here
knows HTTP, signatures or who may do what.

Beside the organization a World holds ``buckets`` (BucketStore), ``queues`` (QueueStore), ``event_rules`` (a list of
EventRule), ``contacts`` (ContactStore) and ``identity_center`` (IdentityCenter): plain dataclasses of texts, numbers,
booleans, bytes, datetimes, lists and dicts with text keys, so that a state file can keep them field by field.
"""

from rootkeeper.sandbox.state.accounts import Account, AccountState, IamRole, IamUser
from rootkeeper.sandbox.state.buckets import Bucket, BucketStore, ObjectVersion, Retention
from rootkeeper.sandbox.state.contacts import AccountContacts, ContactStore, EmailUpdate
from rootkeeper.sandbox.state.credentials import AccessKey, Credentials, LoginProfile, MfaDevice, SigningCertificate
from rootkeeper.sandbox.state.eligibility import Feature
from rootkeeper.sandbox.state.identity_center import Assignment, IdentityCenter, PermissionSet
from rootkeeper.sandbox.state.organization import Organization, OrganizationalUnit
from rootkeeper.sandbox.state.policies import OrganizationPolicy, PolicyType
from rootkeeper.sandbox.state.queues import EventRule, Queue, QueuedMessage, QueueStore
from rootkeeper.sandbox.state.world import KeyOwner, World

__all__ = [
    "AccessKey",
    "Account",
    "AccountContacts",
    "AccountState",
    "Assignment",
    "Bucket",
    "BucketStore",
    "ContactStore",
    "Credentials",
    "EmailUpdate",
    "EventRule",
    "Feature",
    "IamRole",
    "IamUser",
    "IdentityCenter",
    "KeyOwner",
    "LoginProfile",
    "MfaDevice",
    "ObjectVersion",
    "Organization",
    "OrganizationPolicy",
    "OrganizationalUnit",
    "PermissionSet",
    "PolicyType",
    "Queue",
    "QueueStore",
    "QueuedMessage",
    "Retention",
    "SigningCertificate",
    "World",
]
