"""The changelog has the form of Keep a Changelog, and a release's notes are its section.

Source: Keep a Changelog 1.1.0.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest

from rootkeeper import __version__
from scripts.release_notes import find_section, render_notes
from tests.architecture.source_files import REPOSITORY
from tests.architecture.test_release import IMAGE, run_script

TEXT = (REPOSITORY / "CHANGELOG.md").read_text()
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
LONGEST_ENTRY = 330
"""Characters: three lines at most."""
RELEASE = re.compile(r"(\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})")
HEADINGS = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)


def test_what_isnt_released_comes_first_then_each_version_with_its_day_the_newest_first() -> None:
    assert (HEADINGS[0], HEADINGS[1:]) == ("Unreleased", [name for name in HEADINGS[1:] if RELEASE.fullmatch(name)])
    versions = [tuple(map(int, name.split(" ")[0].split("."))) for name in HEADINGS[1:]]
    days = [date.fromisoformat(name.split(" ")[-1]) for name in HEADINGS[1:]]
    assert versions == sorted(set(versions), reverse=True)
    assert days == sorted(days, reverse=True)
    assert days[0] <= datetime.now(UTC).date()


def test_the_programs_version_has_a_section() -> None:
    assert __version__ in [name.split(" ")[0] for name in HEADINGS]


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_section_has_the_kinds_of_changes_in_order_and_short_entries(heading: str) -> None:
    section = find_section(TEXT, heading.split(" ")[0])
    kinds = re.findall(r"^### (.+)$", section, re.MULTILINE)
    assert kinds == [kind for kind in KINDS if kind in kinds]
    for part in re.split(r"^### .+\n+", section, flags=re.MULTILINE)[1:]:
        entries = [" ".join(entry.split()) for entry in re.split(r"^- ", part, flags=re.MULTILINE)]
        assert entries[0] == "", "each line belongs to an entry"
        assert [entry for entry in entries[1:] if not entry.endswith(".") or len(entry) > LONGEST_ENTRY] == []


EXAMPLE = """# Changelog

## Unreleased

## 1.10.0 - 2026-03-01

### Fixed

- A fix that needs
  two lines.
- Another one.

## 1.1.0 - 2026-02-01

- The first one.
"""


def test_the_notes_are_the_section_of_the_version_and_of_no_other_one() -> None:
    assert render_notes(EXAMPLE, "1.10.0", None) == "### Fixed\n\n- A fix that needs two lines.\n- Another one.\n"
    assert render_notes(EXAMPLE, "1.1.0", IMAGE).splitlines()[::6] == ["- The first one.", "```"]
    assert IMAGE in render_notes(EXAMPLE, "1.1.0", IMAGE)


@pytest.mark.parametrize("version", ["1.1", "1.10", "0.9.0", "Unreleased", ".*"])
def test_without_a_section_there_are_no_notes(version: str) -> None:
    with pytest.raises(LookupError, match="no section of version"):
        find_section(EXAMPLE, version)


def test_the_workflows_command_prints_the_notes_of_this_version_or_fails() -> None:
    printed = run_script("release_notes.py", __version__, "--image", IMAGE)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout == render_notes(TEXT, __version__, IMAGE)
    missing = run_script("release_notes.py", "99.0.0")
    assert (missing.returncode, missing.stdout, "99.0.0" in missing.stderr) == (1, "", True)
    assert run_script("release_notes.py", __version__, "--image", "rootkeeper:1.2.3").returncode == 2
