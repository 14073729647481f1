"""Every format of evidence in the table: no account is shown as passed that wasn't read as empty.

A format that is added falls under this test, and needs a reader here: how many accounts it shows as passed.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdfium2 import PdfDocument

from rootkeeper.findings.rules import Verdict
from rootkeeper.organization.statuses import RootCredentialsSummary, Status
from rootkeeper.reports.formats import Carries, get_format, list_names
from tests.examples import examples
from tests.fakes.evidence import (
    GUARDED,
    KEYS,
    MANAGEMENT,
    NOTHING,
    READ,
    START,
    list_accounts,
    make_facts,
    make_report,
    make_status,
)


def count_html(content: bytes) -> int:
    section = content.decode().partition('id="accounts"')[2].partition("</section>")[0]
    return section.count('class="badge pass"')


def count_csv(content: bytes) -> int:
    rows = csv.DictReader(io.StringIO(content.decode()))
    return sum(
        (row["section"], row["item"], row["value"]) == ("account", "no_root_credentials", "pass") for row in rows
    )


def count_json(content: bytes) -> int:
    document = json.loads(content)
    passed: int = sum(one["no_root_credentials"] == "pass" for one in document["accounts"])
    assert document["summary"]["pass"] == passed
    return passed


def count_markdown(content: bytes) -> int:
    return content.decode().partition("\n## Accounts\n")[2].partition("\n## ")[0].count("| Not present |")


def count_oscal(content: bytes) -> int:
    (result,) = json.loads(content)["assessment-results"]["results"]
    accounts = [one for one in result["observations"] if one["methods"] != ["EXAMINE"]]
    verdicts: list[str] = [prop["value"] for one in accounts for prop in one["props"] if prop["name"] == "verdict"]
    return verdicts.count("pass")


def count_pdf(content: bytes) -> int:
    with closing(PdfDocument(content)) as document:
        text = " ".join(page.get_textpage().get_text_range() for page in document)
    (passed,) = re.findall(r"All member accounts\s+\d+\s+(\d+)", text)
    return int(passed)


def count_package(content: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("accounts.csv").decode())))
        passed: int = sum(row["no_root_credentials"] == "pass" for row in rows)
        assert count_json(archive.read("report.json")) == count_pdf(archive.read("report.pdf")) == passed
    return passed


PASSED: Mapping[str, Callable[[bytes], int]] = {
    "csv": count_csv,
    "html": count_html,
    "json": count_json,
    "markdown": count_markdown,
    "oscal": count_oscal,
    "package": count_package,
    "pdf": count_pdf,
}
"""By the name of the format: the number of member accounts that it shows without root user credentials."""

MEMBERS = [one for one in list_accounts() if one.account_id != MANAGEMENT]
READINGS = st.tuples(
    st.sampled_from([Status.NOT_PRESENT, Status.PRESENT, Status.UNKNOWN]),
    st.sampled_from([None, NOTHING, KEYS, GUARDED]),
    st.sampled_from([None, READ, START - timedelta(days=1)]),
)
"""Status, the four kinds, and when they were read: in the period, before it, or never."""


@pytest.mark.parametrize("name", list_names(Carries.EVIDENCE))
@settings(max_examples=examples(15))
@given(readings=st.lists(st.none() | READINGS, min_size=len(MEMBERS), max_size=len(MEMBERS)))
def test_p06_only_an_account_that_was_read_as_empty_in_the_period_is_shown_as_passed(
    name: str, readings: list[tuple[Status, RootCredentialsSummary | None, datetime | None] | None]
) -> None:
    statuses = {
        account.account_id: make_status(account, status, summary, observed_at=read_at)
        for account, (status, summary, read_at) in ((a, r) for a, r in zip(MEMBERS, readings, strict=True) if r)
    }
    report = make_report(replace(make_facts(), statuses=statuses, windows=()))
    passed = PASSED[name](b"".join(get_format(name).render(report)))
    assert passed == sum(one.verdict is Verdict.PASS for one in report.accounts)
    assert passed <= readings.count((Status.NOT_PRESENT, NOTHING, READ))
