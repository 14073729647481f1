"""Tables on terminals of any width."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rootkeeper.cli.rendering.listings import TableColumn, build_table, fit_columns, measure_table

ID = "111122223333"
COLUMNS = (
    TableColumn("Account", lambda row: row[0], keeps_whole=True),
    TableColumn("Name", lambda row: row[1]),
    TableColumn("Root user credentials", lambda row: row[2], importance=1),
    TableColumn("Requested by", lambda row: row[3]),
    TableColumn("Place", lambda row: row[4], importance=-1),
)
ROWS = (
    (ID, "Example Corp Management", "password, 2 access keys, 1 MFA device", "arn:aws:iam::222233334444:user/ana", "x"),
    ("444455556666", "Infrastructureproductionnetwork", "AKIAIOSFODNN7EXAMPLE", "li", "Root/Infrastructure"),
)


def show(width: int, columns: tuple[TableColumn, ...] = COLUMNS, *, is_terminal: bool = True) -> tuple[str, str]:
    target = io.StringIO()
    console = Console(file=target, width=width, force_terminal=is_terminal, color_system=None, highlight=False)
    table, remark = build_table(columns, ROWS, console, "-o json")
    console.print(table, crop=False)
    return target.getvalue(), remark


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (12, "Name, Root user credentials, Requested by, Place"),
        (40, "Name, Requested by, Place"),
        (60, "Name, Requested by, Place"),
        (70, "Requested by, Place"),
        (90, "Place"),
        (120, ""),
    ],
)
def test_the_least_important_columns_go_first_and_of_these_the_rightmost(width: int, left_out: str) -> None:
    shown, remark = show(width)
    expected = f"Not shown in {width} columns: {left_out}. Use a wider terminal or -o json."
    assert remark == (expected if left_out else "")
    above_rule = shown[: shown.index("─")]
    for column in COLUMNS:
        assert (column.title.split()[0] in above_rule) == (column.title not in left_out.split(", "))


def test_a_title_breaks_between_its_words_and_a_long_name_ends_with_an_ellipsis() -> None:
    narrow, _ = show(70)
    assert "Root user\n" not in narrow
    header = narrow.splitlines()[: narrow.splitlines().index("─" * 70)]
    assert set(" ".join(header).split()) <= {"Account", "Name", "Root", "user", "credentials", "Requested", "by"}
    assert "Infrastructureproductionnet…" in narrow


def test_without_a_terminal_every_column_is_as_wide_as_it_must_be() -> None:
    shown, remark = show(10_000, is_terminal=False)
    assert remark == ""
    assert "arn:aws:iam::222233334444:user/ana" in shown
    assert len(shown.splitlines()) == 1 + len(ROWS)


WORDS = st.sampled_from([ID, "AKIAIOSFODNN7EXAMPLE", "w-0123456789", "a", "password", "ana@example.com", "R&D", "東京"])


@given(
    st.lists(st.lists(st.lists(WORDS, max_size=6).map(" ".join), min_size=1, max_size=4), min_size=1, max_size=6),
    st.integers(1, 120),
    st.data(),
)
def test_columns_fit_and_no_identifier_is_cut(texts: list[list[str]], width: int, data: st.DataObject) -> None:
    titles, importances = st.sampled_from(["", "Account", "Requested by"]), st.integers(-1, 1)
    columns = [TableColumn(data.draw(titles), "x", importance=data.draw(importances)) for _ in texts]
    widths = fit_columns(columns, texts, width)
    assert 0 in widths
    assert list(widths) == sorted(widths)
    assert measure_table(widths.values()) <= width or list(widths) == [0]
    for place, of_column in widths.items():
        words = {word for text in (columns[place].title, *texts[place]) for word in text.split()}
        assert all(len(word) <= of_column for word in words - {"東京"})
    order = {place: (column.importance, -place) for place, column in enumerate(columns)}
    left_out, kept = set(order) - set(widths), set(widths) - {0}
    assert all(order[lost] < order[place] for lost in left_out for place in kept)
