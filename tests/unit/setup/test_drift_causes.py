"""What can change each part of the set-up."""

from __future__ import annotations

import pytest

from rootkeeper.setup.rules import CAUSES, DriftKind


@pytest.mark.parametrize("change", list(DriftKind))
def test_every_change_has_causes_in_whole_sentences(change: DriftKind) -> None:
    causes = CAUSES[change]
    assert len(causes) >= 2
    assert all(cause[0].isupper() and cause.endswith(".") for cause in causes)


def test_only_switching_a_feature_off_is_a_delegates_to_do() -> None:
    assert "delegated administrator" in CAUSES[DriftKind.FEATURE_OFF][0]
    assert "no other" in CAUSES[DriftKind.FEATURE_ON][0]


def test_trusted_access_goes_off_only_once_no_delegate_is_left() -> None:
    assert any("delegated administrator was deregistered" in cause for cause in CAUSES[DriftKind.TRUSTED_ACCESS_OFF])
    assert any("disabling trusted access" in cause for cause in CAUSES[DriftKind.DELEGATE_GONE])


def test_a_guardrail_is_gone_once_it_is_detached_or_its_type_is_disabled_since_aws_deletes_no_attached_policy() -> None:
    causes = CAUSES[DriftKind.GUARDRAIL_GONE]
    assert "DetachPolicy" in causes[0]
    assert "DisablePolicyType" in causes[1]
