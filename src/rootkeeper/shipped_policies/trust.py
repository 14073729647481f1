"""Who may assume the shipped roles, and under which name CloudTrail shows them.

A session of a shipped role must be named for the person, and so must its source identity, if it has any. The rules that
AWS can enforce depend on who assumes the role:

- An IAM user: the session has the name of the user. MFA is required.
- A permission set of IAM Identity Center: the session has the name of the caller's session, which Identity Center
  makes from the user's name. Identity Center doesn't show MFA to AWS.
- Another role: the session has the name of the caller's session. Who assumed that role may have chosen that name, and
  AWS can't check it. So such a caller can't set a source identity.
- Any role session with a source identity that its identity provider set: the session has that name. AWS doesn't let
  anyone change a source identity.
- A server: any name, because it acts for its users; source identity and session name must be the same.

The name of the caller's session is the part of ``aws:userid`` after the colon. Neither name can contain a colon or a
wildcard, so the pattern matches nothing else.

A reserved role of Identity Center has its Region in its path, except in us-east-1, and a random end, which changes when
the permission set is assigned again. So it is trusted by two patterns of ``aws:PrincipalArn``.

Source: IAM User Guide, "IAM and AWS STS condition context keys", sts:RoleSessionName and sts:SourceIdentity, "Monitor
and control actions taken with assumed roles", and "IAM policy elements: Variables and tags", values of aws:userid; IAM
Identity Center User Guide, "Referencing permission sets in resource policies".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountId, Caller
from rootkeeper.shipped_policies.documents import (
    TRUST_POLICY_CHARACTERS,
    PolicyDocument,
    Statement,
    make_document,
    measure_iam_policy,
    require_fits,
)

_ARN = re.compile(
    r"arn:(?P<partition>[a-z0-9-]+):iam::(?P<account_id>[0-9]{12}):"
    r"(?P<name>root|(?P<kind>user|role)/[\w+=,.@*?/-]{1,512})",
    re.ASCII,
)

_ACCOUNT_ID = re.compile(r"[0-9]{12}", re.ASCII)


class PrincipalKind(StrEnum):
    """The kind of principal that an ARN names."""

    ACCOUNT = "account"
    """``…:root``: every principal that the account's own policies allow."""
    ROLE = "role"
    USER = "user"


@dataclass(frozen=True, slots=True)
class TrustedPrincipal:
    """A principal that a role's trust policy names."""

    arn: str
    account_id: AccountId
    kind: PrincipalKind

    @property
    def is_pattern(self) -> bool:
        """Whether it has a wildcard, which AWS takes only in a condition."""
        return "*" in self.arn or "?" in self.arn

    @property
    def is_permission_set(self) -> bool:
        """Whether it is a reserved role of IAM Identity Center."""
        return f":role/{_RESERVED_PATH}" in self.arn

    @property
    def can_show_mfa(self) -> bool:
        """Whether AWS knows of its MFA when it assumes a role."""
        return self.kind is not PrincipalKind.ROLE

    @property
    def account_arn(self) -> str:
        return f"{self.arn.rpartition(f':{self.account_id}:')[0]}:{self.account_id}:root"


def parse_principal(text: str, partition: str, subject: str) -> TrustedPrincipal:
    """Parse an ARN of an account, user or role, or an account id.

    :param subject: its name in an error, such as ``The trusted principal``.
    :raises InputError: if it is none of these, or of another partition.
    """
    if _ACCOUNT_ID.fullmatch(text):
        text = f"arn:{partition}:iam::{text}:root"
    match = _ARN.fullmatch(text)
    if match is None:
        raise InputError(
            f"{subject} {text!r} isn't an IAM principal.",
            hint=f"Give the ARN of a user, role or account, such as arn:{partition}:iam::111122223333:user/NAME, or an"
            " account id.",
        )
    if match["partition"] != partition:
        raise InputError(
            f"{subject} {text} is in the partition {match['partition']}, but this organization is in {partition}.",
            hint="A role can only be assumed within its partition.",
        )
    kind = PrincipalKind(match["kind"]) if match["kind"] else PrincipalKind.ACCOUNT
    return TrustedPrincipal(text, AccountId(match["account_id"]), kind)


_RESERVED_PATH = "aws-reserved/sso.amazonaws.com/"
_RESERVED_ROLE = re.compile(r"AWSReservedSSO_(?P<permission_set>[\w+=,.@-]{1,32})_[0-9a-f]{16}", re.ASCII)
_ANY_END = "_" + "?" * 16


def find_permission_set(caller: Caller) -> TrustedPrincipal | None:
    """Find the permission set of a caller from IAM Identity Center; ``None`` for any other caller."""
    _, _, resource = caller.arn.partition(":assumed-role/")
    match = _RESERVED_ROLE.fullmatch(resource.partition("/")[0])
    if match is None:
        return None
    name = f"{_RESERVED_PATH}AWSReservedSSO_{match['permission_set']}{_ANY_END}"
    arn = f"arn:{caller.partition}:iam::{caller.account_id}:role/{name}"
    return TrustedPrincipal(arn, caller.account_id, PrincipalKind.ROLE)


def list_reserved_arns(principal: TrustedPrincipal) -> list[str]:
    """List the patterns of a permission set's role: without and with a Region in its path."""
    start, _, rest = principal.arn.partition(_RESERVED_PATH)
    name = rest.rpartition("/")[2]
    if _RESERVED_ROLE.fullmatch(name):
        name = name.rpartition("_")[0] + _ANY_END
    return [f"{start}{_RESERVED_PATH}{name}", f"{start}{_RESERVED_PATH}*/{name}"]


@dataclass(frozen=True, slots=True)
class RoleTrust:
    """Who may assume the roles."""

    people: tuple[TrustedPrincipal, ...]
    server: TrustedPrincipal | None = None


def make_trust_policy(trust: RoleTrust) -> PolicyDocument:
    """:raises InputError: if it is larger than AWS takes."""
    with_mfa = [principal for principal in trust.people if principal.can_show_mfa]
    permission_sets = [principal for principal in trust.people if principal.is_permission_set]
    roles = [principal for principal in trust.people if not principal.can_show_mfa and not principal.is_permission_set]
    statements = [
        *_list_trust_statements("PeopleWithMfa", with_mfa, _WITH_MFA, _BOTH),
        *_list_trust_statements("PeopleOfIdentityCenter", permission_sets, _IN_OWN_NAME, _BOTH),
        *_list_trust_statements("RolesWhoseSignInDemandsMfa", roles, _IN_OWN_NAME, [_ASSUME]),
        *_list_trust_statements("NamedByIdentityProvider", roles, _IN_PROVIDERS_NAME, _BOTH),
    ]
    if trust.server is not None:
        statements += _list_trust_statements("ServerInTheNameOfAPerson", [trust.server], _IN_ANY_NAME, _BOTH)
    document = make_document(statements)
    require_fits(
        measure_iam_policy(document),
        TRUST_POLICY_CHARACTERS,
        "The trust policy",
        "Trust fewer principals: a role that people assume first, or a group's account.",
    )
    return document


_ASSUME = "sts:AssumeRole"
_BOTH = [_ASSUME, "sts:SetSourceIdentity"]
_SESSION_NAME, _SOURCE_IDENTITY = "sts:RoleSessionName", "sts:SourceIdentity"

_WITH_MFA = {
    "Bool": {"aws:MultiFactorAuthPresent": "true"},
    "StringEquals": {_SESSION_NAME: "${aws:username}"},
    "StringEqualsIfExists": {_SOURCE_IDENTITY: "${aws:username}"},
}

_IN_OWN_NAME = {
    "StringLike": {"aws:userid": f"*:${{{_SESSION_NAME}}}"},
    "StringEqualsIfExists": {_SOURCE_IDENTITY: f"${{{_SESSION_NAME}}}"},
}

_IN_PROVIDERS_NAME = {"StringEquals": {"aws:SourceIdentity": f"${{{_SESSION_NAME}}}"}}

_IN_ANY_NAME = {
    "StringEquals": {_SESSION_NAME: f"${{{_SOURCE_IDENTITY}}}"},
    "StringLike": {_SOURCE_IDENTITY: "?*"},
}

DENY_ANOTHER_NAME: Statement = {
    "Sid": "DenyAnotherPersonsName",
    "Effect": "Deny",
    "Action": "sts:AssumeRoot",
    "Resource": "*",
    "Condition": {
        "Null": {"aws:SourceIdentity": "false"},
        "StringNotLike": {"aws:userid": "*:${aws:SourceIdentity}"},
    },
}
"""Of a permission policy: no root session for a session with a source identity other than its name."""


def _list_trust_statements(
    sid: str, principals: Sequence[TrustedPrincipal], condition: Mapping[str, Any], actions: Sequence[str]
) -> Iterator[Statement]:
    """A statement for principals by name; another for patterns, which AWS takes only as a condition on an account."""
    by_pattern = [principal for principal in principals if principal.is_pattern or principal.is_permission_set]
    named = sorted({principal.arn for principal in principals if principal not in by_pattern})
    patterns = sorted(
        {
            arn
            for principal in by_pattern
            for arn in (list_reserved_arns(principal) if principal.is_permission_set else [principal.arn])
        }
    )
    accounts = sorted({principal.account_arn for principal in by_pattern})
    if named:
        yield _trust(sid, named, condition, actions)
    if patterns:
        limited = {**condition, "ArnLike": {"aws:PrincipalArn": patterns}}
        yield _trust(f"{sid}ByPattern", accounts, limited, actions)


def _trust(sid: str, arns: Sequence[str], condition: Mapping[str, Any], actions: Sequence[str]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": list(arns)},
        "Action": list(actions),
        "Condition": condition,
    }
