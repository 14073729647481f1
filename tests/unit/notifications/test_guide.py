"""The pages on notifications are in step with the program."""

from __future__ import annotations

import re
from pathlib import Path

from rootkeeper.notifications.rules import USUAL_SEVERITIES
from rootkeeper.notifications.sending import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from rootkeeper.worker.schedules import CronExpression

DOCS = Path(__file__).resolve().parents[3] / "docs"
GUIDE = (DOCS / "guides" / "notifications.md").read_text()
REFERENCE = (DOCS / "reference" / "notifications.md").read_text()


def test_the_reference_lists_every_event_with_its_severity() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+:[a-z_]+:[a-z_]+)` \| (\w+) \|", REFERENCE, re.MULTILINE))
    assert rows == {event.value: severity.value for event, severity in USUAL_SEVERITIES.items()}


def test_the_reference_names_the_webhooks_headers() -> None:
    assert [name for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER) if f"`{name}`" not in REFERENCE] == []


def test_the_guides_schedules_can_be_kept() -> None:
    found = re.findall(r'^(?:audits|drift_checks|drill_reminders) = \["(.*)"\]$', GUIDE, re.MULTILINE)
    assert found
    assert [str(CronExpression.parse(text)) for text in found] == found
