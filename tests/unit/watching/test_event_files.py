"""A file of events is read on from where it was read to, even if the file is renamed or cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rootkeeper.aws.root_events import EventDelivery
from rootkeeper.errors import DatabaseError
from rootkeeper.watching import store as event_files
from rootkeeper.watching.store import EventFile, get_position_file_name
from tests.fakes.clock import FakeClock
from tests.fakes.cloudtrail import MEMBER, make_record, root_sign_in


@dataclass
class Folder:
    """A file of events, and what reads it."""

    path: Path
    place_path: Path
    clock: FakeClock = field(default_factory=FakeClock)
    aside: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def keep(self, source_name: str, text: str, problem: str) -> None:
        assert source_name == f"file:{self.path}"
        self.aside.append((text, problem))

    def open(self) -> EventFile:
        return EventFile(self.path, self.place_path, self, self.clock, self.remarks.append)

    def write(self, *event_ids: str, end: str = "\n") -> None:
        with self.path.open("a") as handle:
            handle.write("\n".join(json.dumps(root_sign_in(eventID=event_id)) for event_id in event_ids) + end)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "events.jsonl"
    return Folder(path, tmp_path / "state" / get_position_file_name(path))


@pytest.fixture
def source(folder: Folder) -> Iterator[EventFile]:
    source = folder.open()
    yield source
    source.close()


def ids_of(deliveries: tuple[EventDelivery, ...]) -> list[str]:
    return [record["eventID"] for delivery in deliveries for record in delivery.records]


def take(source: EventFile) -> list[str]:
    found = source.read(0)
    source.acknowledge(found)
    return ids_of(found)


def reopen(folder: Folder, source: EventFile) -> EventFile:
    source.close()
    return folder.open()


def test_lines_come_in_their_order_and_only_once_they_are_acknowledged_no_more(
    folder: Folder, source: EventFile
) -> None:
    folder.write("e-1", "e-2")
    found = source.read(0)
    assert ids_of(found) == ids_of(source.read(0)) == ["e-1", "e-2"]
    source.acknowledge(found)
    assert source.read(0) == ()
    folder.write("e-3")
    assert take(source) == ["e-3"]


def test_another_process_continues_where_the_one_before_acknowledged(folder: Folder, source: EventFile) -> None:
    folder.write("e-1", "e-2", "e-3")
    first, *_ = source.read(0)
    source.acknowledge([first])
    with_later = reopen(folder, source)
    assert take(with_later) == ["e-2", "e-3"]
    with_last = reopen(folder, with_later)
    assert take(with_last) == []
    with_last.close()


def test_a_line_that_must_wait_holds_no_later_one_up_and_comes_again(folder: Folder, source: EventFile) -> None:
    folder.write("e-1", "e-2", "e-3")
    waiting, *others = source.read(0)
    source.acknowledge(others)
    assert ids_of(source.read(0)) == ["e-1"]
    source.acknowledge([waiting])
    reopened = reopen(folder, source)
    assert take(reopened) == []
    reopened.close()


def test_while_one_process_reads_another_gets_nothing(folder: Folder, source: EventFile) -> None:
    folder.write("e-1")
    assert ids_of(source.read(0)) == ["e-1"]
    other = folder.open()
    assert other.read(0) == ()
    source.close()
    assert ids_of(other.read(0)) == ["e-1"]
    other.close()


def test_a_line_that_isnt_whole_yet_is_waited_for(folder: Folder, source: EventFile) -> None:
    folder.write("e-1", end="")
    assert source.read(0) == ()
    with folder.path.open("a") as handle:
        handle.write("\n")
    assert take(source) == ["e-1"]


def test_a_file_that_was_renamed_away_is_read_to_its_end_first(folder: Folder, source: EventFile) -> None:
    folder.write("e-1")
    assert take(source) == ["e-1"]
    folder.write("e-2")
    folder.path.rename(folder.path.with_name("events.jsonl.1"))
    folder.write("e-3")
    assert take(source) == ["e-2"]
    assert take(source) == ["e-3"]
    assert take(source) == []


def test_the_torn_end_of_a_file_that_was_renamed_away_holds_nothing_up(folder: Folder, source: EventFile) -> None:
    folder.write("e-1")
    assert take(source) == ["e-1"]
    folder.write("e-2", end="")
    folder.path.rename(folder.path.with_name("events.jsonl.1"))
    folder.write("e-3")
    assert take(source) == ["e-3"]


@pytest.mark.parametrize("again", [("e-3",), ("e-3", "e-4", "e-5", "e-6")])
def test_a_file_that_was_cut_is_read_from_its_beginning(
    folder: Folder, source: EventFile, again: tuple[str, ...]
) -> None:
    folder.write("e-1", "e-2")
    assert take(source) == ["e-1", "e-2"]
    folder.path.write_text("")
    folder.write(*again)
    assert take(source) == list(again)


def test_a_file_that_was_replaced_is_read_from_its_beginning(folder: Folder, source: EventFile) -> None:
    folder.write("e-1")
    assert take(source) == ["e-1"]
    folder.path.unlink()
    folder.write("e-2")
    assert take(source) == ["e-2"]


def test_what_cant_be_understood_is_kept_aside_and_holds_nothing_up(folder: Folder, source: EventFile) -> None:
    lines = ["{broken", "", '{"eventName": "ConsoleLogin", "userIdentity": {"type": "Root"}}', "[1]", "\udcff\udcfe"]
    with folder.path.open("wb") as handle:
        handle.writelines(line.encode(errors="surrogateescape") + b"\n" for line in lines)
    folder.write("e-1")
    assert take(source) == ["e-1"]
    assert [text for text, _ in folder.aside] == ["{broken", lines[2], "[1]", "\ufffd\ufffd"]
    reopened = reopen(folder, source)
    assert take(reopened) == []
    reopened.close()


def test_a_line_without_root_is_passed_over(folder: Folder, source: EventFile) -> None:
    folder.path.write_text(json.dumps(make_record({"type": "IAMUser", "accountId": MEMBER})) + "\n")
    folder.write("e-1")
    assert take(source) == ["e-1"]
    assert folder.aside == []


def test_a_line_may_hold_an_event_of_eventbridge_or_a_whole_log_file(folder: Folder, source: EventFile) -> None:
    wrapped = {"detail-type": "AWS Console Sign In via CloudTrail", "detail": root_sign_in(eventID="e-1")}
    log = {"Records": [root_sign_in(eventID="e-2"), root_sign_in(eventID="e-3")]}
    folder.path.write_text(f"{json.dumps(wrapped)}\n{json.dumps(log)}\n")
    assert take(source) == ["e-1", "e-2", "e-3"]


def test_a_line_that_is_too_long_is_passed_over(
    folder: Folder, source: EventFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_files, "LONGEST_LINE", 2000)
    folder.path.write_text("x" * 9000 + "\n")
    folder.write("e-1")
    assert take(source) == ["e-1"]
    assert [problem for _, problem in folder.aside] == ["The line is too long."]


def test_a_line_that_is_too_long_in_a_file_that_was_renamed_away_hides_nothing_after_it(
    folder: Folder, source: EventFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_files, "LONGEST_LINE", 2000)
    folder.write("e-1")
    assert take(source) == ["e-1"]
    with folder.path.open("a") as handle:
        handle.write("x" * 9000 + "\n")
    folder.write("e-2")
    folder.path.rename(folder.path.with_name("events.jsonl.1"))
    folder.write("e-3")
    assert [take(source), take(source)] == [["e-2"], ["e-3"]]


def test_a_file_that_is_gone_when_its_events_are_recorded_holds_nothing_up(folder: Folder, source: EventFile) -> None:
    folder.write("e-1")
    found = source.read(0)
    folder.path.unlink()
    source.acknowledge(found)
    folder.write("e-2")
    assert take(source) == ["e-2"]


def test_many_lines_come_in_lots(folder: Folder, source: EventFile) -> None:
    folder.write(*[f"e-{number}" for number in range(1200)])
    lots = [take(source) for _ in range(4)]
    assert [len(lot) for lot in lots] == [500, 500, 200, 0]


def test_a_file_that_isnt_there_yet_is_remarked_once_and_waited_for(folder: Folder, source: EventFile) -> None:
    assert source.read(1) == ()
    assert source.read(1) == ()
    assert folder.clock.slept
    assert sum(folder.clock.slept) <= 3
    assert len(folder.remarks) == 1
    folder.write("e-1")
    assert take(source) == ["e-1"]


def test_a_place_that_a_crash_left_half_written_lets_events_come_again(folder: Folder, source: EventFile) -> None:
    folder.write("e-1")
    assert take(source) == ["e-1"]
    source.close()
    folder.place_path.write_text('{"device": 1, "ino')
    again = folder.open()
    assert take(again) == ["e-1"]
    again.close()


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs /proc")
def test_a_place_that_cant_be_read_is_read_again_and_never_counts_as_the_beginning(
    folder: Folder, source: EventFile
) -> None:
    folder.write("e-1")
    assert take(source) == ["e-1"]
    source.close()
    aside = folder.place_path.rename(folder.place_path.with_suffix(".aside"))
    folder.place_path.symlink_to("/proc/self/mem")  # can be opened and locked; reading its beginning is an I/O error
    again = folder.open()
    with pytest.raises(DatabaseError, match="can't be read"):
        again.read(0)
    aside.rename(folder.place_path)
    folder.write("e-2")
    assert take(again) == ["e-2"]
    again.close()


def test_a_file_that_cant_be_read_is_reported(folder: Folder, source: EventFile) -> None:
    folder.path.mkdir()
    with pytest.raises(DatabaseError, match="can't be read"):
        source.read(0)


def test_two_files_have_two_places(tmp_path: Path) -> None:
    assert get_position_file_name(tmp_path / "a") != get_position_file_name(tmp_path / "b")
