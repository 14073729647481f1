"""Who may assume a shipped role: ARNs as a user gives them, checked, and what AWS can tell about their MFA.

The session of a role never carries ``aws:MultiFactorAuthPresent``, so a condition on it would shut such a principal
out for ever. Source: IAM User Guide, "Secure API access with MFA".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import InputError

_ARN = re.compile(
    r"arn:(?P<partition>[a-z0-9-]+):iam::(?P<account_id>[0-9]{12}):"
    r"(?P<name>root|(?P<kind>user|role)/[\w+=,.@*/-]{1,512})",
    re.ASCII,
)
_ACCOUNT_ID = re.compile(r"[0-9]{12}", re.ASCII)


class PrincipalKind(StrEnum):
    """What an ARN names."""

    ACCOUNT = "account"
    """``…:root``: whomever that account's own policies allow."""
    ROLE = "role"
    USER = "user"


@dataclass(frozen=True, slots=True)
class TrustedPrincipal:
    """Somebody whom a role's trust policy names."""

    arn: str
    account_id: AccountId
    kind: PrincipalKind

    @property
    def is_pattern(self) -> bool:
        """Whether it has a wildcard, which AWS takes only in a condition."""
        return "*" in self.arn

    @property
    def can_show_mfa(self) -> bool:
        """Whether AWS knows of its MFA when it assumes a role."""
        return self.kind is not PrincipalKind.ROLE

    @property
    def account_arn(self) -> str:
        return f"{self.arn.rpartition(f':{self.account_id}:')[0]}:{self.account_id}:root"


def parse_principal(text: str, partition: str, option: str) -> TrustedPrincipal:
    """An ARN of an account, user or role, or an account id.

    :raises InputError: if it is none of these, or of another partition.
    """
    if _ACCOUNT_ID.fullmatch(text):
        text = f"arn:{partition}:iam::{text}:root"
    match = _ARN.fullmatch(text)
    if match is None:
        raise InputError(
            f"{option} {text!r} is no IAM principal.",
            hint=f"Give the ARN of a user, role or account, such as arn:{partition}:iam::111122223333:user/NAME, or an"
            " account id.",
        )
    if match["partition"] != partition:
        raise InputError(
            f"{option} {text} is in the partition {match['partition']}, and this organization is in {partition}.",
            hint="A role can only be assumed within its partition.",
        )
    kind = PrincipalKind(match["kind"]) if match["kind"] else PrincipalKind.ACCOUNT
    return TrustedPrincipal(text, AccountId(match["account_id"]), kind)
