"""The anchor: heads that only grow, and adoptions that overrule what came before."""

from __future__ import annotations

from pathlib import Path

import pytest

from rootkeeper.ledger.copies import Anchor, AnchoredHead
from rootkeeper.ledger.writer import Head
from tests.disk_writes import LINUX, DiskWrites

AT = "2026-01-15T09:00:00.000000Z"


@pytest.fixture
def anchor(tmp_path: Path) -> Anchor:
    return Anchor(tmp_path / "elsewhere" / "anchor.jsonl")


def anchored(sequence: int, agreed_sequence: int | None = None) -> AnchoredHead:
    over = None if agreed_sequence is None else Head(99, "f" * 64, "o-exampleorgid")
    return AnchoredHead(AT, Head(sequence, f"{sequence:064d}", "o-exampleorgid"), agreed_sequence, over)


def test_heads_are_read_as_they_were_anchored(anchor: Anchor) -> None:
    assert anchor.find_last() is None
    assert anchor.read_heads() == ()
    for sequence in (3, 7):
        anchor.append(anchored(sequence), 0)
    assert anchor.read_heads() == (anchored(3), anchored(7))
    assert anchor.find_last() == anchored(7)


@LINUX
def test_p20_a_head_is_anchored_only_once_the_disk_has_it(anchor: Anchor, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = DiskWrites.record(monkeypatch)
    anchor.append(anchored(3), 0)
    assert writes.find(anchor.path.parent) is not None, "the file's name"
    assert writes.find(anchor.path) == anchor.path.read_bytes()
    anchor.append(anchored(7), 0)
    assert writes.find(anchor.path) == anchor.path.read_bytes()
    assert len(anchor.path.read_bytes().splitlines()) == 2


def test_a_head_that_isnt_beyond_the_last_one_adds_nothing(anchor: Anchor) -> None:
    anchor.append(anchored(7), 0)
    for sequence in (3, 7):
        anchor.append(anchored(sequence), 0)
    assert anchor.read_heads() == (anchored(7),)


def test_a_torn_or_foreign_line_is_passed_over(anchor: Anchor) -> None:
    anchor.append(anchored(3), 0)
    with anchor.path.open("ab") as handle:
        handle.write(b"rubbish\n[]\n{torn")
    anchor.append(anchored(4), 0)
    assert anchor.read_heads() == (anchored(3), anchored(4))


def test_an_adoption_overrules_the_heads_beyond_what_is_agreed(anchor: Anchor) -> None:
    for sequence in (3, 7, 12):
        anchor.append(anchored(sequence), 0)
    adoption = anchored(6, agreed_sequence=3)
    anchor.append(adoption, 0)
    anchor.append(anchored(8), 0)
    assert anchor.read_heads() == (anchored(3), adoption, anchored(8))
    assert adoption.is_adoption
    assert len(anchor.path.read_text().splitlines()) == 5
