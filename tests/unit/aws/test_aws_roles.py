from __future__ import annotations

from rootkeeper.aws.gateway import CredentialsCheck, CredentialsFailure
from rootkeeper.aws.rules import AwsWork


def test_a_check_is_sound_when_nothing_failed() -> None:
    assert CredentialsCheck().is_sound
    assert not CredentialsCheck((CredentialsFailure(AwsWork.DELETE, "no"),)).is_sound
    assert not CredentialsCheck((CredentialsFailure(None, "no"),)).is_sound


def test_every_work_is_the_name_of_a_setting() -> None:
    assert {work.value for work in AwsWork} == {"audit", "delete", "recover", "report", "unlock"}
