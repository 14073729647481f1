"""The evidence package: verified with Python alone, and each kind of tampering is named."""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import json
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.ledger.rules import LedgerEntry, LedgerVerification, render_entry
from rootkeeper.reports import evidence_data, package, pdf, verify
from tests.fakes.evidence import MANAGEMENT, ORGANIZATION_ID, PRESENT, make_hostile_facts, make_report
from tests.fakes.hostile_texts import hostile_texts
from tests.fakes.packages import (
    BEFORE,
    ENTRIES,
    OTHER_ORGANIZATION_ID,
    chain_entries,
    forge_manifest,
    make_packed_report,
    unpack,
)
from tests.functional.published_schemas import require_fits

NAMES = [
    "README.txt",
    "verify.py",
    "report.pdf",
    "report.json",
    "accounts.csv",
    "findings.jsonl",
    "ledger.jsonl",
    "manifest.json",
]


def pack(report: EvidenceReport) -> bytes:
    return b"".join(package.render(report))


@pytest.fixture(scope="module")
def packed() -> bytes:
    return pack(make_packed_report())


@pytest.fixture
def folder(packed: bytes, tmp_path: Path) -> Path:
    return unpack(packed, tmp_path / "package")


def check(place: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the script names; empty if it verifies the package."""
    status = verify.main([str(place)])
    lines = capsys.readouterr().out.splitlines()
    assert (status, lines[-1].split(".")[0]) in {(0, "VERIFIED"), (1, "NOT VERIFIED")}
    assert all(line.isascii() and line.isprintable() for line in lines)
    problems = [line for line in lines if line.split(" ")[0] in {"ADDED", "BROKEN", "CHANGED", "DIFFERS", "REMOVED"}]
    assert bool(problems) is bool(status)
    return problems


def test_a_bare_python_verifies_it_as_one_file_and_unpacked(packed: bytes, tmp_path: Path) -> None:
    folder = unpack(packed, tmp_path / "package")
    script = [sys.executable, "-I", "-S", str(folder / "verify.py")]
    for arguments in ([], [str(tmp_path / "package.zip")]):
        run = subprocess.run([*script, *arguments], env={}, cwd="/", capture_output=True, text=True, check=False)
        assert (run.returncode, run.stderr) == (0, ""), run
        assert run.stdout.splitlines()[-1].startswith("VERIFIED")
        assert chain_entries()[-1].entry_hash in run.stdout
    assert sorted(one.name for one in folder.iterdir()) == sorted(NAMES)
    (folder / "accounts.csv").write_bytes(b"")
    run = subprocess.run(script, env={}, cwd="/", capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (1, "")
    assert "CHANGED  accounts.csv" in run.stdout


def test_the_script_needs_an_old_python_and_nothing_else() -> None:
    tree = ast.parse(Path(verify.__file__).read_text(), feature_version=(3, 9))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_p22_the_same_report_gives_the_same_package(packed: bytes) -> None:
    assert pack(make_packed_report()) == packed
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == NAMES
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_it_has_the_report_every_account_every_verdict_and_the_extract(folder: Path) -> None:
    report = make_packed_report()
    manifest = json.loads((folder / "manifest.json").read_text())
    require_fits(manifest, "package-manifest")
    assert manifest["ledger"]["first_sequence"] == BEFORE + 1
    assert manifest["ledger"]["other_organization_ids"] == [OTHER_ORGANIZATION_ID]
    lines = (folder / "ledger.jsonl").read_text().splitlines()
    assert lines == [render_entry(entry) for entry in chain_entries()[BEFORE:]]
    assert (folder / "report.pdf").read_bytes() == b"".join(pdf.render(report))
    accounts = list(csv.DictReader(io.StringIO((folder / "accounts.csv").read_text())))
    assert [one["account_id"] for one in accounts] == [MANAGEMENT, *(one.account.account_id for one in report.accounts)]
    (present,) = [one for one in accounts if one["account_id"] == PRESENT]
    assert (present["no_root_credentials"], present["password"], present["mfa_devices"]) == ("fail", "1", "none")
    assert (
        json.loads((folder / "report.json").read_text())["ledger"]["head_hash"] == json.loads(lines[-1])["entry_hash"]
    )
    findings = [json.loads(line) for line in (folder / "findings.jsonl").read_text().splitlines()]
    assert len(findings) > len(accounts)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "manifest.json"])
@pytest.mark.parametrize("place", [0, -1])
def test_a_changed_byte_is_named_by_its_file(
    folder: Path, name: str, place: int, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray((folder / name).read_bytes())
    content[place] ^= 1
    (folder / name).write_bytes(content)
    problems = check(folder, capsys)
    assert problems[0].startswith(f"CHANGED  {name}: its SHA-256 is ")
    assert not [one for one in problems if one.startswith("CHANGED") and name not in one]


def test_a_changed_byte_of_the_zip_is_named_by_its_file(
    packed: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        infos = archive.infolist()
    for info in infos[:-1]:
        content = bytearray(packed)
        content[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0xFF
        (tmp_path / "changed.zip").write_bytes(content)
        assert check(tmp_path / "changed.zip", capsys)[0].startswith(f"CHANGED  {info.filename}: ")


def test_removed_and_added_files_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "accounts.csv").unlink()
    (folder / "notes\x1b[2J.txt").write_text("x")
    (folder / "deeper").mkdir()
    (folder / "deeper" / "more.txt").write_text("x")
    assert check(folder, capsys) == [
        "ADDED    deeper/more.txt: the manifest doesn't have it.",
        r"ADDED    notes\x1b[2J.txt: the manifest doesn't have it.",
        "REMOVED  accounts.csv: the manifest has it, and the package doesn't.",
    ]


def test_a_file_that_is_in_the_zip_twice_is_named(
    packed: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "twice.zip"
    path.write_bytes(packed)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("accounts.csv", "x")
    assert check(path, capsys)[0] == "ADDED    accounts.csv: it is in the package more than once."


def test_a_file_that_never_ends_is_read_no_further_than_the_manifest_says(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / "accounts.csv").open("ab") as file:
        file.truncate(1 << 40)
    assert "it has more bytes" in check(folder, capsys)[0]


def change_line(number: int, old: str, new: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        assert old in lines[number]
        return [*lines[:number], lines[number].replace(old, new), *lines[number + 1 :]]

    return change


def rechain(lines: list[str]) -> list[str]:
    """Give an edited entry the hash of its new content, but leave those after it."""
    return [lines[0], render_entry(chain_entries(note="other")[BEFORE + 1]), *lines[2:]]


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (change_line(1, "mary@desk", "john@desk"), "entry 5 was changed: its hash isn't that of its content."),
        (
            change_line(1, '"sequence":5', '"sequence":5.0'),
            "entry 5.0 was changed: its hash isn't that of its content.",
        ),
        (change_line(1, '"action"', '"Action"'), "entry 5 was changed: its hash isn't that of its content."),
        (change_line(1, "{", "["), "entry 5 was changed: the line in its place is no entry."),
        (lambda lines: [lines[0], "7", *lines[2:]], "entry 5 was changed: the line in its place is no entry."),
        (lambda lines: [lines[0], *lines[2:]], "entry 5 was removed or moved: entry 6 is in its place."),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "entry 5 was removed or moved: entry 6"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], "entry 5 was removed or moved: entry 4 is in its place."),
        (lambda lines: lines[1:], "entry 4 was removed or moved: entry 5 is in its place."),
        (rechain, "entry 5 or the one before it was replaced: their hashes don't fit together."),
        (lambda lines: [lines[0], "", *lines[1:]], "entry 5 was changed: the line in its place is no entry."),
    ],
)
def test_p20_a_broken_chain_is_named_even_with_a_new_manifest(
    folder: Path, tamper: Callable[[list[str]], list[str]], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "ledger.jsonl"
    path.write_text("".join(f"{line}\n" for line in tamper(path.read_text().splitlines())))
    forge_manifest(folder)
    (problem,) = check(folder, capsys)
    assert problem.startswith(f"BROKEN   ledger.jsonl: {named}")


def test_an_extract_whose_end_was_cut_doesnt_fit_the_head(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "ledger.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    forge_manifest(folder, {"entries": ENTRIES - BEFORE - 1})
    problems = check(folder, capsys)
    assert [one.split(":")[0] for one in problems] == [
        f"DIFFERS  {name}" for name in ("manifest.json", "report.json", "report.pdf")
    ]


def test_another_ledger_doesnt_fit_the_head_in_report_and_pdf(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = chain_entries(note="rewritten")
    (folder / "ledger.jsonl").write_text("".join(f"{render_entry(one)}\n" for one in other[BEFORE:]))
    forge_manifest(folder, {"previous_hash": other[BEFORE - 1].entry_hash, "head_hash": other[-1].entry_hash})
    problems = check(folder, capsys)
    assert [one.split(":")[0] for one in problems] == ["DIFFERS  report.json", "DIFFERS  report.pdf"]
    assert other[-1].entry_hash in problems[0]
    assert chain_entries()[-1].entry_hash in problems[0]


def test_an_extract_whose_begin_was_cut_doesnt_fit_the_count_in_the_report(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "ledger.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    changes = {"first_sequence": BEFORE + 2, "previous_hash": chain_entries()[BEFORE].entry_hash}
    forge_manifest(folder, {**changes, "entries": ENTRIES - BEFORE - 1})
    (problem,) = check(folder, capsys)
    assert problem.startswith("DIFFERS  report.json: it counts ")


def test_a_report_on_another_organization_or_period_doesnt_fit(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "report.json"
    report = json.loads(path.read_text())
    path.write_text(json.dumps({**report, "organization_id": "o-x", "period": {**report["period"], "to": "2027"}}))
    forge_manifest(folder)
    assert [one.partition(": ")[2] for one in check(folder, capsys)] == [
        "it is about another organization than the manifest.",
        "it is about another period than the manifest.",
    ]


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        (None, "REMOVED  manifest.json"),
        ("", "CHANGED  manifest.json"),
        ("[]", "CHANGED  manifest.json"),
        ("[" * 100_000, "CHANGED  manifest.json"),
        ('{"files": []}', "CHANGED  manifest.json"),
    ],
)
def test_a_manifest_that_isnt_one_is_named(
    folder: Path, manifest: str | None, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "manifest.json"
    path.unlink()
    if manifest is not None:
        path.write_text(manifest)
    assert check(folder, capsys)[0].startswith(named)


def test_a_manifest_cant_make_the_script_read_elsewhere(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"][0]["name"] = "../secret"
    path.write_text(json.dumps(manifest))
    problems = check(folder, capsys)
    assert "CHANGED  manifest.json: it has a name that no file of a package has: ../secret" in problems


@pytest.mark.parametrize("arguments", [["nothing.zip"], ["a", "b"], ["--help"]])
def test_what_is_no_package_ends_with_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert verify.main(arguments) == 2
    assert capsys.readouterr().out


def test_an_altered_ledger_is_packed_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = list(chain_entries())
    entries[6] = replace(entries[6], parameters={"n": 2**60})
    report = make_packed_report(tuple(entries))
    ledger = LedgerVerification(ENTRIES, ENTRIES, entries[-1].entry_hash, 7, "Entry 7 was edited.", None)
    folder = unpack(pack(replace(report, ledger=ledger)), tmp_path / "package")
    (problem,) = check(folder, capsys)
    assert problem == "BROKEN   ledger.jsonl: entry 7 was changed: its hash isn't that of its content."


def test_a_long_ledger_is_written_while_it_is_read() -> None:
    read = 0

    def list_entries() -> Iterator[LedgerEntry]:
        nonlocal read
        for number in range(1, 3_001):
            read = number
            yield replace(template, sequence=number, parameters={"x": hashlib.sha512(b"%d" % number).hexdigest() * 8})

    template = chain_entries(1)[0]
    parts = [(read, len(part)) for part in package.render(replace(make_packed_report(), extract=list_entries()))]
    assert len({at for at, _ in parts if 0 < at < 3_000}) > 2
    assert max(size for at, size in parts if at) < 2**18


def test_a_ledger_without_entries_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = make_packed_report()
    empty = LedgerVerification(0, 0, "0" * 64, None, None, None)
    history = replace(report.history, entries=0, first_sequence=None, other_organization_ids=())
    package = pack(replace(report, ledger=empty, extract=(), history=history))
    assert check(unpack(package, tmp_path / "package"), capsys) == []


def test_the_readme_names_other_organizations_only_if_there_are_some(folder: Path) -> None:
    assert OTHER_ORGANIZATION_ID in (folder / "README.txt").read_text()
    ours = tuple(replace(one, organization_id=ORGANIZATION_ID) for one in chain_entries())
    assert "other organizations" not in package._describe(make_packed_report(ours))


@given(hostile_texts)
def test_p26_no_cell_of_the_accounts_can_be_a_formula_or_steer_a_terminal(text: str) -> None:
    content = b"".join(evidence_data.render_accounts_csv(make_report(make_hostile_facts(text)))).decode()
    cells = [cell for row in csv.reader(io.StringIO(content)) for cell in row]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))]
    characters = set("".join(cells)) - set("\u200c\u200d")
    assert not [one for one in characters if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
