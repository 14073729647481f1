"""The letters that tables use for long names of methods."""

from __future__ import annotations

from rootkeeper.evidence.service import list_methods
from tests.fakes.evidence import make_report


def test_every_method_has_one_letter_and_every_kind_that_was_read_has_a_method() -> None:
    report = make_report()
    methods = list_methods(report)
    assert list(methods.values()) == list("ABCDEF")
    assert list(methods) == sorted(methods)
    read = [kind for account in report.accounts for kind in account.kinds if kind.is_present is not None]
    assert read
    assert {kind.method for kind in read} <= methods.keys()
