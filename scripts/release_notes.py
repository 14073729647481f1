"""Prints the notes of a release: the section of its version in ``CHANGELOG.md``, and the image by its digest.

The release workflow runs it with any Python, so it imports nothing of the project.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"
_HEADING = re.compile(r"^## (?P<name>\S+)(?: - \d{4}-\d{2}-\d{2})?$", re.MULTILINE)
_IMAGE = re.compile(r"[\w./:-]+@sha256:[0-9a-f]{64}")


def find_section(text: str, version: str) -> str:
    """Return what is below the heading of a version.

    :raises LookupError: if there is no such section, or nothing is in it.
    """
    headings = [*_HEADING.finditer(text)]
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    sections = {heading["name"]: text[heading.end() : end].strip() for heading, end in zip(headings, ends, strict=True)}
    if not sections.get(version):
        raise LookupError(f"CHANGELOG.md has no section of version {version}, or an empty one.")
    return sections[version]


def render_notes(text: str, version: str, image: str | None) -> str:
    """Render the notes in Markdown; a line of the changelog that is broken to fit a screen is one line again."""
    section = re.sub(r"\n  (?=\S)", " ", find_section(text, version))
    if image is None:
        return f"{section}\n"
    return f"{section}\n\n### Container image\n\n```text\n{image}\n```\n"


def main() -> int:
    """Print the notes, or say on stderr why there are none."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("version", help="such as 1.2.3")
    parser.add_argument("--image", help="the published image, NAME@sha256:DIGEST")
    given = parser.parse_args()
    if given.image is not None and not _IMAGE.fullmatch(given.image):
        parser.error(f"{given.image!r} isn't an image by its digest")
    try:
        notes = render_notes(CHANGELOG.read_text(encoding="utf-8"), given.version, given.image)
    except LookupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(notes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
