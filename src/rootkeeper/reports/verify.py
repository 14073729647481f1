#!/usr/bin/env python3
"""Verifies an evidence package of Rootkeeper. Needs Python 3.9 or later, and nothing else.

    python3 verify.py              the folder that this file is in
    python3 verify.py FILE.zip     a package that isn't unpacked
    python3 verify.py FOLDER       another folder

Names each file that was changed, removed or added; the first entry that breaks the chain of the ledger's extract; and
a mismatch between the extract and the head of the ledger in the report. Ends with 0 if everything fits, with 1 if
something doesn't, and with 2 if there is no package. Writes nothing.

A person who made the whole package again, this file included, isn't noticed by it. So compare the head of the ledger
with an anchor that was kept elsewhere, and this file with the copy in the source code of Rootkeeper.
"""

# Every package has a copy of this file, so it imports nothing of Rootkeeper, and runs on Pythons that Rootkeeper
# doesn't: no match statement, no zip(strict=), no dataclass with slots.

from __future__ import annotations

import hashlib
import json
import re
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

MANIFEST = "manifest.json"
LEDGER = "ledger.jsonl"
REPORT = "report.json"
PDF = "report.pdf"
GENESIS = "0" * 64
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ENTRY_HASH = re.compile(rb'"entry_hash":"([0-9a-f]{64})",')
PDF_HEAD = re.compile(rb"ledger-head-([0-9]+)-([0-9a-f]{64})")
UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)


class Folder:
    """A package that was unpacked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        found = self.path.rglob("*")
        return [path.relative_to(self.path).as_posix() for path in found if path.is_symlink() or not path.is_dir()]

    def open(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")


class Archive:
    """A package as a single file."""

    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path)

    def names(self) -> list[str]:
        return self.archive.namelist()

    def open(self, name: str) -> IO[bytes]:
        return self.archive.open(name)


def check_files(package: Folder | Archive, manifest: dict[str, Any]) -> Iterator[str]:
    """Compare the files with the manifest."""
    names = package.names()
    expected = {file["name"]: file for file in manifest["files"]}
    for name in sorted(set(names) - {MANIFEST, *expected}):
        yield f"ADDED    {name}: the manifest doesn't have it."
    for name in sorted(name for name, count in Counter(names).items() if count > 1):
        yield f"ADDED    {name}: it is in the package more than once."
    for name, file in expected.items():
        if not NAME.fullmatch(name):
            yield f"CHANGED  {MANIFEST}: it has a name that no file of a package has: {name}"
        elif name not in names:
            yield f"REMOVED  {name}: the manifest has it, and the package doesn't."
        else:
            found = hash_file(package, name, file["bytes"])
            if found != file["sha256"]:
                yield f"CHANGED  {name}: its SHA-256 is {found}, and the manifest has {file['sha256']}."
    for name in (LEDGER, REPORT, PDF, "verify.py"):
        if name not in expected:
            yield f"REMOVED  {name}: the manifest doesn't have it."


def hash_file(package: Folder | Archive, name: str, size: int) -> str:
    """Read at most a byte beyond ``size``, so that a package can't make this endless."""
    digest, left = hashlib.sha256(), size + 1
    try:
        with package.open(name) as file:
            while left > 0:
                part = file.read(min(left, 1 << 20))
                if not part:
                    return digest.hexdigest()
                digest.update(part)
                left -= len(part)
    except UNREADABLE as error:
        return f"unknown, because it can't be read ({error})"
    return "unknown, because it has more bytes"


class Chain:
    """Counts, head and problem of the ledger's extract."""

    def __init__(self) -> None:
        self.entries = 0
        self.of_period = 0
        self.head: tuple[int, str] | None = None
        self.problem: str | None = None


def follow_chain(lines: Iterable[bytes], manifest: dict[str, Any]) -> Chain:
    """Follow the entries up to the first entry that breaks the chain.

    A line is the canonical JSON (RFC 8785) of an entry. Its hash is over the same text without the field
    ``entry_hash``.
    """
    found = Chain()
    sequence, previous = manifest["ledger"]["first_sequence"], manifest["ledger"]["previous_hash"]
    start, end = manifest["period"]["from"], manifest["period"]["to"]
    if sequence == 1 and previous != GENESIS:
        found.problem = "entry 1 is the first of a ledger, and the manifest has an entry before it."
    for line in lines:
        if found.problem is not None:
            break
        found.problem = check_entry(line, sequence, previous)
        if found.problem is None:
            entry = json.loads(line)
            found.head = (sequence, entry["entry_hash"])
            found.entries += 1
            found.of_period += entry["organization_id"] == manifest["organization_id"] and start <= entry["at"] <= end
            sequence, previous = sequence + 1, entry["entry_hash"]
    return found


def check_entry(line: bytes, sequence: int, previous: str) -> str | None:
    """Return the fault of a line; None if it has none."""
    hashed = ENTRY_HASH.search(line)
    try:
        entry = json.loads(line)
        place, before, own = entry["sequence"], entry["previous_hash"], entry["entry_hash"]
    except (KeyError, TypeError, ValueError):
        return f"entry {sequence} was changed: the line in its place is no entry."
    content = line[:-1] if hashed is None else line[: hashed.start()] + line[hashed.end() : -1]
    is_whole = line.endswith(b"\n") and hashed is not None and hashed.group(1).decode() == own
    if not is_whole or hashlib.sha256(content).hexdigest() != own:
        return f"entry {place} was changed: its hash isn't that of its content."
    if place != sequence:
        return f"entry {sequence} was removed or moved: entry {place} is in its place."
    if before != previous:
        return f"entry {sequence} or the one before it was replaced: their hashes don't fit together."
    return None


def check_ledger(package: Folder | Archive, manifest: dict[str, Any]) -> Iterator[str]:
    """Follow the chain, then compare its end with the heads in manifest, report and PDF."""
    with package.open(LEDGER) as file:
        chain = follow_chain(file, manifest)
    if chain.problem is not None:
        yield f"BROKEN   {LEDGER}: {chain.problem}"
        return
    heads = [(MANIFEST, (manifest["ledger"]["head_sequence"], manifest["ledger"]["head_hash"]))]
    with package.open(REPORT) as file:
        report = json.load(file)
    heads.append((REPORT, (report["ledger"]["head_sequence"], report["ledger"]["head_hash"])))
    with package.open(PDF) as file:
        shown = {(int(number), text.decode()) for number, text in PDF_HEAD.findall(file.read())}
    heads += [(PDF, head) for head in sorted(shown) or [(0, "none")]]
    last = chain.head or (0, GENESIS)
    for name, head in heads:
        if head != last:
            yield (
                f"DIFFERS  {name}: its ledger head is entry {head[0]}, {head[1]}; "
                f"the extract ends with entry {last[0]}, {last[1]}."
            )
    if report["organization_id"] != manifest["organization_id"]:
        yield f"DIFFERS  {REPORT}: it is about another organization than the manifest."
    for name in ("from", "to"):
        if report["period"][name][:19] != manifest["period"][name][:19]:
            yield f"DIFFERS  {REPORT}: it is about another period than the manifest."
    if chain.entries != manifest["ledger"]["entries"]:
        yield f"DIFFERS  {MANIFEST}: it counts another number of ledger entries than {chain.entries}."
    counted = report["ledger"]["entries_in_period"]
    if chain.of_period != counted:
        yield f"DIFFERS  {REPORT}: it counts {counted} ledger entries in the period; the extract has {chain.of_period}."
    if not report["ledger"]["intact"]:
        yield f"BROKEN   {REPORT}: it says that the ledger isn't intact: {report['ledger']['problem']}"


def verify(package: Folder | Archive) -> list[str]:
    """List everything that is wrong, and describe the package."""
    if MANIFEST not in package.names():
        return [f"REMOVED  {MANIFEST}: without it nothing can be verified."]
    try:
        with package.open(MANIFEST) as file:
            manifest = json.load(file)
        say(f"Evidence of organization {manifest['organization_id']}")
        say(f"from {manifest['period']['from']} to {manifest['period']['to']}")
        problems = list(check_files(package, manifest))
    except (AttributeError, KeyError, TypeError, ValueError, *UNREADABLE) as error:
        return [f"CHANGED  {MANIFEST}: it is no manifest ({error!r})."]
    try:
        problems += check_ledger(package, manifest)
    except (AttributeError, KeyError, TypeError, ValueError, *UNREADABLE) as error:
        problems.append(f"BROKEN   {LEDGER}: it can't be compared with the report ({error!r}).")
    if not problems:
        say(f"Files as in the manifest: {len(manifest['files'])}")
        say(f"Ledger entries in one chain: {manifest['ledger']['entries']}")
        say(f"Ledger head: entry {manifest['ledger']['head_sequence']}")
        say(f"             {manifest['ledger']['head_hash']}")
    return problems


def say(text: str) -> None:
    """Write a line; a name from the package can't steer the terminal."""
    sys.stdout.write(ascii(text)[1:-1].replace("\\'", "'") + "\n")


def main(arguments: list[str]) -> int:
    if len(arguments) > 1 or (arguments and arguments[0].startswith("-")):
        say("Usage: python3 verify.py [FILE.zip or FOLDER]")
        return 2
    path = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    try:
        problems = verify(Folder(path) if path.is_dir() else Archive(path))
    except UNREADABLE as error:
        say(f"{path} can't be read as a package: {error}")
        return 2
    for problem in problems:
        say(problem)
    if problems:
        say("NOT VERIFIED.")
        return 1
    say("VERIFIED. Compare the ledger head with an anchor that was kept elsewhere.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
