"""Principals are taken as ARNs or account ids, of this organization's partition alone."""

from __future__ import annotations

import pytest

from rootkeeper.errors import InputError
from rootkeeper.shipped_policies.trust import PrincipalKind, parse_principal

SSO = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Incident_*"


@pytest.mark.parametrize(
    ("text", "arn", "kind", "can_show_mfa", "is_pattern"),
    [
        ("111122223333", "arn:aws:iam::111122223333:root", PrincipalKind.ACCOUNT, True, False),
        ("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:root", PrincipalKind.ACCOUNT, True, False),
        (
            "arn:aws:iam::111122223333:user/ops/ana",
            "arn:aws:iam::111122223333:user/ops/ana",
            PrincipalKind.USER,
            True,
            False,
        ),
        (
            "arn:aws:iam::012345678901:role/server",
            "arn:aws:iam::012345678901:role/server",
            PrincipalKind.ROLE,
            False,
            False,
        ),
        (SSO, SSO, PrincipalKind.ROLE, False, True),
    ],
)
def test_a_principal_is_understood(
    text: str, arn: str, kind: PrincipalKind, can_show_mfa: bool, is_pattern: bool
) -> None:
    found = parse_principal(text, "aws", "The trusted principal")
    assert (found.arn, found.kind, found.can_show_mfa, found.is_pattern) == (arn, kind, can_show_mfa, is_pattern)


def test_a_pattern_knows_the_account_that_must_be_trusted_for_it() -> None:
    assert parse_principal(SSO, "aws", "The trusted principal").account_arn == "arn:aws:iam::111122223333:root"


def test_an_account_id_is_of_the_organizations_partition() -> None:
    found = parse_principal("111122223333", "aws-us-gov", "The trusted principal")
    assert found.arn == "arn:aws-us-gov:iam::111122223333:root"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "ana",
        "11112222333",
        "arn:aws:iam::*:root",
        "arn:aws:iam::111122223333:group/ops",
        "arn:aws:sts::111122223333:assumed-role/server/session",
        "arn:aws:iam::111122223333:role/server\n",
        'arn:aws:iam::111122223333:role/"}',
        "arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:root",
    ],
)
def test_what_is_no_principal_is_refused_by_the_options_name(text: str) -> None:
    with pytest.raises(InputError, match="The trusted principal"):
        parse_principal(text, "aws", "The trusted principal")


def test_a_principal_of_another_partition_is_refused() -> None:
    with pytest.raises(InputError, match="partition aws-cn, but this organization is in aws"):
        parse_principal("arn:aws-cn:iam::111122223333:role/server", "aws", "The server's role")
