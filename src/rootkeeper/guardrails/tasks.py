"""The requests that a preflight evaluates: the five task policies, a signed-in root user, and AssumeRoot itself.

Each request contains exactly the facts known beforehand: a condition key that is missing here makes the result
*depend*.

Source: IAM User Guide, "AWS global condition context keys"; Service Authorization Reference for IAM, S3, SQS and STS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.catalogue import CATALOGUE
from rootkeeper.organization.accounts import AccountId, find_credentials_obstacle, find_sign_in_obstacle, get_iam_region
from rootkeeper.policy_language.conditions import EvaluationContext, OneOf, Values, known_values, one_of
from rootkeeper.policy_language.documents import AccessRequest
from rootkeeper.policy_language.patterns import PartialText, known_text


class Task(StrEnum):
    """One row of the preflight."""

    AUDIT = TaskPolicy.AUDIT.value
    CREATE_PASSWORD = TaskPolicy.CREATE_PASSWORD.value
    DELETE = TaskPolicy.DELETE.value
    UNLOCK_BUCKET = TaskPolicy.UNLOCK_BUCKET.value
    UNLOCK_QUEUE = TaskPolicy.UNLOCK_QUEUE.value
    ROOT_USER_SIGN_IN = "RootUserSignIn"
    """The actions of a root user that signed in without AssumeRoot."""
    ASSUME_ROOT = "AssumeRoot"
    """AssumeRoot on the account by a caller in a delegated administrator account."""


ROOT_SESSION_TASKS = tuple(Task(policy.value) for policy in TaskPolicy)

_UNLOCKS = [row for row in CATALOGUE.values() if row.task_policy in {TaskPolicy.UNLOCK_BUCKET, TaskPolicy.UNLOCK_QUEUE}]

SIGN_IN_ACTIONS = tuple(
    sorted(
        {
            "iam:CreateVirtualMFADevice",
            "iam:EnableMFADevice",
            "iam:GetAccountSummary",
            "iam:ListMFADevices",
            "s3:ListAllMyBuckets",
            "sqs:ListQueues",
        }.union(*((*row.operations, *row.reads) for row in _UNLOCKS))
    )
)
"""The actions of a root user after its sign-in: to register an MFA device, which the console requires, to read, and to
do the work that only a root user can do.

SCPs don't prevent the sign-in itself; an SCP that denies these actions makes it useless.
"""


def list_root_tasks(partition: str) -> tuple[Task, ...]:
    """List the tasks of an account's root user that the partition has."""
    tasks = (*ROOT_SESSION_TASKS, Task.ROOT_USER_SIGN_IN)
    impossible = list_impossible_tasks(partition)
    return tuple(task for task in tasks if task not in impossible)


def list_impossible_tasks(partition: str) -> tuple[Task, ...]:
    """List the tasks that a partition lacks: those about credentials, and those that end in a sign-in."""
    tasks: tuple[Task, ...] = ()
    if find_credentials_obstacle(partition) is not None:
        tasks += (Task.AUDIT, Task.DELETE)
    if find_sign_in_obstacle(partition) is not None:
        tasks += (Task.CREATE_PASSWORD, Task.ROOT_USER_SIGN_IN)
    return tasks


@dataclass(frozen=True, slots=True)
class AccountPlace:
    """An account's place in the tree, for condition keys."""

    account_id: AccountId
    organization_id: str
    ou_ids: tuple[str, ...]
    """From the organization's root down to the parent."""
    partition: str

    @property
    def organization_path(self) -> str:
        """The format of aws:PrincipalOrgPaths."""
        return "/".join((self.organization_id, *self.ou_ids, ""))

    @property
    def root_user_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account_id}:root"


def list_requests(task: Task, place: AccountPlace) -> Iterator[AccessRequest]:
    is_session = task is not Task.ROOT_USER_SIGN_IN
    for action in TaskPolicy(task.value).actions if is_session else SIGN_IN_ACTIONS:
        service = action.partition(":")[0]
        context = _root_context(place, service, names_bucket=action != "s3:ListAllMyBuckets", is_session=is_session)
        yield AccessRequest(action, _resource(action, place), context)


def assume_root_request(caller: AccountPlace, target: AccountPlace) -> AccessRequest:
    """Return AssumeRoot on ``target`` by any user or role of ``caller``'s account, with any of the task policies."""
    arn = PartialText((f"arn:{caller.partition}:iam::{caller.account_id}:", "/", ""))
    task_policies = one_of(*(policy.arn(caller.partition) for policy in TaskPolicy))
    values: dict[str, Values | OneOf] = {
        **_place_values("principal", caller),
        **known_values(_REQUEST_VALUES),
        "aws:principalarn": (arn,),
        "aws:principaltype": one_of("AssumedRole", "User"),
        "sts:taskpolicyarn": task_policies,
    }
    context = EvaluationContext(
        values, present=_ALWAYS_THERE | {"aws:userid"}, absent=_NEVER_THERE | {"aws:assumedroot"}
    )
    return AccessRequest("sts:AssumeRoot", known_text(target.root_user_arn), context)


_REQUEST_VALUES: Mapping[str, str] = {
    "aws:PrincipalIsAWSService": "false",
    "aws:SecureTransport": "true",
    "aws:ViaAWSService": "false",
}
_ALWAYS_THERE = frozenset({"aws:currenttime", "aws:epochtime", "aws:requestedregion", "aws:useragent"})
"""Their values aren't known beforehand."""
_TEMPORARY = frozenset({"aws:multifactorauthpresent", "aws:tokenissuetime"})
"""Present if the credentials are temporary, as those of a root session. A root user or a caller of AssumeRoot may have
long-term access keys, so that these aren't known then.

Source: IAM User Guide, "AWS global condition context keys".
"""
_NEVER_THERE = frozenset(
    {
        "accounts.google.com:",
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:ec2instancesourceprivateipv4",
        "aws:ec2instancesourcevpc",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:requesttag/",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "cognito-identity.amazonaws.com:",
        "ec2:",
        "glue:",
        "graph.facebook.com:",
        "identitystore:",
        "lambda:",
        "organizations:",
        "saml:",
        "ssm:",
        "www.amazon.com:",
    }
)
"""Of federated callers, of calling AWS services, of other services, and of tags, which these requests don't send."""
_ROOT_NEVER_HAS = frozenset({"aws:federatedprovider", "aws:username"})
_SERVICES = frozenset({"iam:", "s3:", "sqs:", "sts:"})


def _root_context(place: AccountPlace, service: str, *, names_bucket: bool, is_session: bool) -> EvaluationContext:
    values: dict[str, Values | OneOf] = {
        **_place_values("principal", place),
        **_place_values("resource", place),
        **known_values(_REQUEST_VALUES),
        **known_values(
            {"aws:PrincipalArn": place.root_user_arn, "aws:PrincipalType": "Account", "aws:userid": place.account_id}
        ),
        **_service_values(service, place, names_bucket=names_bucket),
    }
    absent = _NEVER_THERE | _ROOT_NEVER_HAS | (_SERVICES - {f"{service}:"})
    if service == "iam":
        absent |= {"aws:resourcetag/", "iam:"}
    if is_session:
        # AWS doesn't document whether tags of the caller's session are passed on, as its SourceIdentity is.
        values.update(known_values({"aws:AssumedRoot": "true"}))
        values["aws:multifactorauthpresent"] = one_of("true", "false")
    else:
        absent |= {"aws:assumedroot", "aws:principaltag/", "aws:sourceidentity"}
    present = _ALWAYS_THERE | _TEMPORARY if is_session else _ALWAYS_THERE
    return EvaluationContext(values, present=present, absent=absent)


def _place_values(of: str, place: AccountPlace) -> dict[str, Values | OneOf]:
    return known_values(
        {
            f"aws:{of}Account": place.account_id,
            f"aws:{of}OrgID": place.organization_id,
            f"aws:{of}OrgPaths": (place.organization_path,),
        }
    )


def _service_values(service: str, place: AccountPlace, *, names_bucket: bool) -> dict[str, Values | OneOf]:
    """Include how the AWS SDK signs and connects, which is known."""
    if service == "iam":
        return known_values({"aws:RequestedRegion": get_iam_region(place.partition)})
    if service == "s3":
        fixed = {"s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256"}
        owner = {"s3:ResourceAccount": place.account_id} if names_bucket else {}
        return {**known_values({**fixed, **owner}), "s3:tlsversion": one_of("1.2", "1.3")}
    return {}


def _resource(action: str, place: AccountPlace) -> PartialText:
    """Return the known part of the action's resource; the name of a bucket or queue isn't known."""
    pieces = _RESOURCES.get(action) or _RESOURCES.get(action.partition(":")[0], (place.root_user_arn,))
    return PartialText(tuple(piece.format(place=place) for piece in pieces))


_RESOURCES: Mapping[str, tuple[str, ...]] = {
    "iam:CreateVirtualMFADevice": ("arn:{place.partition}:iam::{place.account_id}:mfa/", ""),
    "iam:GetAccountSummary": ("*",),
    "s3": ("arn:{place.partition}:s3:::", ""),
    "s3:ListAllMyBuckets": ("arn:{place.partition}:s3:::*",),
    "sqs": ("arn:{place.partition}:sqs:", ":{place.account_id}:", ""),
    "sqs:ListQueues": ("arn:{place.partition}:sqs:", ":{place.account_id}:"),
}
"""By action or by service, in pieces with unknown text between them; all others concern the root user itself."""
