"""Lists of records in every format."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import Listing, TableColumn, render_csv, show_listing
from rootkeeper.cli.terminal import Terminal

RECORDS = ({"id": "1", "of": {"a": True, "b": None}}, {"id": "2", "more": [1, 2]})
COLUMNS = (TableColumn("Id", lambda record: record["id"]),)


def show(capsys: pytest.CaptureFixture[str], output: OutputFormat) -> str:
    show_listing(Listing("things", RECORDS, COLUMNS, {"head": 1}, {"tail": 2}), output, Terminal({}))
    return capsys.readouterr().out


def test_json_is_an_object_with_the_list_under_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(show(capsys, OutputFormat.JSON))
    assert list(answer) == ["schema_version", "head", "things", "tail"]
    assert answer["things"] == list(RECORDS)


def test_csv_flattens_fields_and_has_one_header_for_all_records(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(show(capsys, OutputFormat.CSV))))
    assert rows == [
        {"id": "1", "of.a": "true", "of.b": "", "more": ""},
        {"id": "2", "of.a": "", "of.b": "", "more": "[1, 2]"},
    ]


def test_an_empty_list_is_still_a_list_for_programs_and_a_sentence_for_people(
    capsys: pytest.CaptureFixture[str],
) -> None:
    empty = Listing("things", (), COLUMNS, empty="No things.")
    show_listing(empty, OutputFormat.JSON, Terminal({}))
    assert json.loads(capsys.readouterr().out) == {"schema_version": 1, "things": []}
    show_listing(empty, OutputFormat.TABLE, Terminal({}))
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "No things.\n")


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text(), min_size=1), min_size=1))
def test_csv_of_any_text_reads_back_as_many_rows_and_holds_no_formula(records: list[dict[str, str]]) -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(records))))
    assert len(rows) == len([record for record in records if any(record.values())]) or len(rows) <= len(records)
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
