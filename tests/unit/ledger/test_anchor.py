"""The anchor: heads that only grow, and adoptions that overrule what came before."""

from __future__ import annotations

from pathlib import Path

import pytest

from rootkeeper.ledger.anchor import AnchoredHead, CopyDamagedError, CopyMissingError, FileAnchor
from rootkeeper.ledger.writer import Head
from tests.disk_writes import LINUX, DiskWrites
from tests.unit.database.samples import raised_by

AT = "2026-01-15T09:00:00.000000Z"


@pytest.fixture
def anchor(tmp_path: Path) -> FileAnchor:
    return FileAnchor(tmp_path / "elsewhere" / "anchor.jsonl")


def anchored(sequence: int, agreed_sequence: int | None = None) -> AnchoredHead:
    over = None if agreed_sequence is None else Head(99, "f" * 64, "o-exampleorgid")
    return AnchoredHead(AT, Head(sequence, f"{sequence:064d}", "o-exampleorgid"), agreed_sequence, over)


def test_heads_are_read_as_they_were_anchored(anchor: FileAnchor) -> None:
    assert anchor.find_last() is None
    assert anchor.read_heads() == ()
    for sequence in (3, 7):
        anchor.append(anchored(sequence))
    assert anchor.read_heads() == (anchored(3), anchored(7))
    assert anchor.find_last() == anchored(7)


@LINUX
def test_p20_a_head_is_anchored_only_once_the_disk_has_it(anchor: FileAnchor, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = DiskWrites.record(monkeypatch)
    anchor.append(anchored(3))
    assert writes.find(anchor.path.parent) is not None, "the file's name"
    assert writes.find(anchor.path) == anchor.path.read_bytes()
    anchor.append(anchored(7))
    assert writes.find(anchor.path) == anchor.path.read_bytes()
    assert len(anchor.path.read_bytes().splitlines()) == 2


def test_a_head_that_isnt_beyond_the_last_one_adds_nothing(anchor: FileAnchor) -> None:
    anchor.append(anchored(7))
    for sequence in (3, 7):
        anchor.append(anchored(sequence))
    assert anchor.read_heads() == (anchored(7),)


def test_a_torn_line_is_passed_over_and_replaced(anchor: FileAnchor) -> None:
    anchor.append(anchored(3))
    with anchor.path.open("ab") as handle:
        handle.write(b"{torn")
    assert anchor.read_heads() == (anchored(3),)
    anchor.append(anchored(4))
    assert anchor.read_heads() == (anchored(3), anchored(4))


@pytest.mark.parametrize("rubbish", [b"rubbish\n", b"[]\n", b'{"at":"now"}\n', b"\n"], ids=repr)
def test_p20_a_line_that_is_no_head_makes_the_anchor_a_damaged_one(anchor: FileAnchor, rubbish: bytes) -> None:
    anchor.append(anchored(3))
    with anchor.path.open("ab") as handle:
        handle.write(rubbish)
    before = anchor.path.read_bytes()
    assert "line 2" in str(raised_by(anchor.read_heads, CopyDamagedError))
    raised_by(anchor.find_last, CopyDamagedError)
    raised_by(lambda: anchor.append(anchored(4)), CopyDamagedError)
    assert anchor.path.read_bytes() == before


def test_p20_an_anchor_that_lacks_what_was_anchored_gets_no_further_head(anchor: FileAnchor) -> None:
    raised_by(lambda: anchor.append(anchored(4), holds=3), CopyMissingError)
    assert not anchor.path.exists()
    anchor.append(anchored(2))
    assert "ends at entry 2" in str(raised_by(lambda: anchor.append(anchored(4), holds=3), CopyMissingError))
    anchor.path.write_bytes(b"")
    assert "is empty" in str(raised_by(lambda: anchor.append(anchored(4), holds=0), CopyMissingError))
    assert anchor.path.read_bytes() == b""


def test_an_adoption_overrules_the_heads_beyond_what_is_agreed(anchor: FileAnchor) -> None:
    for sequence in (3, 7, 12):
        anchor.append(anchored(sequence))
    adoption = anchored(6, agreed_sequence=3)
    anchor.append(adoption)
    anchor.append(anchored(8))
    assert anchor.read_heads() == (anchored(3), adoption, anchored(8))
    assert adoption.is_adoption
    assert len(anchor.path.read_text().splitlines()) == 5
