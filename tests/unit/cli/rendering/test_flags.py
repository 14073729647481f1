"""Every status has a sign, words and a colour, and the words alone are enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.cli.rendering.audits import flag_of, render_credentials, render_role, render_status
from rootkeeper.organization.statuses import AccountStatus, Status, StatusReason
from tests.unit.cli.rendering import samples


@pytest.mark.parametrize(
    ("status", "words", "sign"),
    [
        (samples.PRESENT, "Present", "✗"),
        (samples.CLEAN, "Not present", "✓"),
        (samples.OPEN, "Recovery open", "◷"),
        (samples.UNREAD, "Unknown, blocked by a policy", "?"),
        (samples.SUSPENDED, "Not applicable, SUSPENDED", "·"),
        (samples.MANAGEMENT, "Not applicable, management account", "·"),
        (samples.FAILSAFE, "Present", "✓"),
    ],
)
def test_a_status_is_shown_in_words_and_a_sign(status: AccountStatus, words: str, sign: str) -> None:
    assert (flag_of(status).words, flag_of(status).sign) == (words, sign)


def test_every_reason_has_words() -> None:
    for reason in StatusReason:
        assert render_status(AccountStatus(samples.account(), samples.PRESENT.role, Status.UNKNOWN, reason))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (samples.PRESENT, "password, access key, signing certificate, MFA"),
        (samples.DETAILED, "password, 1 access key, 1 signing certificate, 1 MFA device"),
        (samples.CLEAN, ""),
        (samples.UNREAD, ""),
    ],
)
def test_what_there_is_is_listed(status: AccountStatus, words: str) -> None:
    assert render_credentials(status) == words


def test_a_login_that_is_kept_says_whether_it_is_in_order() -> None:
    assert render_role(samples.FAILSAFE) == "failsafe, in order"
    unconfirmed = replace(samples.FAILSAFE, is_confirmed=False)
    assert (render_role(unconfirmed), flag_of(unconfirmed).sign) == ("failsafe, not confirmed", "✗")
    assert render_role(samples.MANAGEMENT) == ("management, not in order: has an access key, has a signing certificate")
    assert render_role(samples.PRESENT) == ""
