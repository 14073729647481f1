from __future__ import annotations

from rootkeeper.domain.aws_roles import AwsWork, PowerCheck, PowerFailure


def test_a_check_is_sound_when_nothing_failed() -> None:
    assert PowerCheck().is_sound
    assert not PowerCheck((PowerFailure(AwsWork.DELETE, "no"),)).is_sound
    assert not PowerCheck((PowerFailure(None, "no"),)).is_sound


def test_every_work_is_the_name_of_a_setting() -> None:
    assert {work.value for work in AwsWork} == {"audit", "delete", "recover", "unlock"}
