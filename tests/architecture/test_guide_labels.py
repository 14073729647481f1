"""Each label that a guide names in italics is in the console or on the sandbox's pages, letter for letter.

In tutorials and guides, italics that begin with a capital letter are labels: of buttons, links, fields, pages and
states. A label of another program is listed here with the program's name.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.source_files import REPOSITORY

FOLDERS = ("docs/tutorials", "docs/guides")
CONSOLE = REPOSITORY / "console/src"
OUTPUTS = (
    REPOSITORY / "src/rootkeeper_sandbox/people",
    REPOSITORY / "src/rootkeeper/reports",
    REPOSITORY / "src/rootkeeper/cli/rendering",
    REPOSITORY / "src/rootkeeper/server",
)
"""Where the sandbox's pages, reports and texts of the server are written."""

_CODE = re.compile(r"^[ ]*```.*?^[ ]*```|`[^`]*`", re.MULTILINE | re.DOTALL)
_ITALICS = re.compile(r"(?<![*\w])\*(?![*\s])([^*]+?)\*(?!\*)")
_TEXT_IN_QUOTES = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_TEXT_IN_TAGS = re.compile(r">([^<>{}]+)[<{]|^[ ]*([A-Z][^<>{}=;]*)$", re.MULTILINE)
_TEMPLATE = re.compile(r"`([^`\n]*\$\{[^`\n]*)`")
_FILLED_IN = re.compile(r"\$\{.*?\}")
_COMMENT = re.compile(r"/\*.*?\*/|^\s*//.*$", re.MULTILINE | re.DOTALL)

OF_OTHERS = {
    "first-audit": {"Disallow actions as a root user": "AWS Control Tower, the name of a control"},
    "pipelines": {
        "Identity providers": "the AWS console, IAM",
        "OpenID Connect": "the AWS console, IAM",
        "Settings": "GitHub",
        "Environments": "GitHub",
        "Tests": "GitLab",
    },
    "recover-a-root-user": {"Forgot password": "the AWS sign-in page"},
}
"""Labels of other programs, by page, each with the program."""


@cache
def list_console_texts() -> frozenset[str]:
    """Each text in quotes or between tags of the console's sources, with single spaces."""
    found: set[str] = set()
    for path in (*CONSOLE.rglob("*.ts"), *CONSOLE.rglob("*.tsx")):
        if path.name != "generated.ts":
            source = _COMMENT.sub("", path.read_text(encoding="utf-8"))
            found.update(_TEXT_IN_QUOTES.findall(source))
            found.update(" ".join("".join(pair).split()) for pair in _TEXT_IN_TAGS.findall(source))
    assert len(found) > 1000
    return frozenset(found)


@cache
def list_other_texts() -> frozenset[str]:
    """The same of the sandbox's pages, the reports and the server."""
    paths = [path for folder in OUTPUTS for ending in ("*.html", "*.jinja", "*.py") for path in folder.rglob(ending)]
    found: set[str] = set()
    for path in paths:
        source = path.read_text(encoding="utf-8")
        found.update(_TEXT_IN_QUOTES.findall(source))
        found.update(" ".join("".join(pair).split()) for pair in _TEXT_IN_TAGS.findall(source))
    scenario = REPOSITORY / "src/rootkeeper_sandbox/scenarios/examples/demo.yaml"
    found.update(re.findall(r"^    name: (.+)$", scenario.read_text(encoding="utf-8"), re.MULTILINE))
    return frozenset(found)


@cache
def list_console_templates() -> tuple[re.Pattern[str], ...]:
    """Texts of the console's sources in which something is filled in."""
    sources = (path.read_text(encoding="utf-8") for path in CONSOLE.rglob("*.ts*") if path.name != "generated.ts")
    written = {text for source in sources for text in _TEMPLATE.findall(source)}
    parts = [_FILLED_IN.split(text) for text in written]
    return tuple(re.compile(".+".join(map(re.escape, part))) for part in parts if re.search("[a-z]{5}", "".join(part)))


def list_labels(page: Path) -> list[str]:
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    labels = (" ".join(label.split()) for label in _ITALICS.findall(text))
    return [label for label in labels if label[0].isupper()]


def is_shown(label: str) -> bool:
    """Whether a text is the label, or begins with it: with a whole sentence, or with a state that has a count."""
    texts = list_console_texts() | list_other_texts()
    begins = (f"{label}:", f"{label} ") if label.endswith(".") else (f"{label}:",)
    return (
        label in texts
        or any(text.startswith(begins) for text in texts)
        or any(template.fullmatch(label) for template in list_console_templates())
    )


PAGES = {page.stem: page for folder in FOLDERS for page in sorted((REPOSITORY / folder).glob("*.md"))}
LABELS = [
    (name, label)
    for name, page in PAGES.items()
    for label in dict.fromkeys(list_labels(page))
    if label not in OF_OTHERS.get(name, {})
]


@pytest.mark.parametrize(("page", "label"), LABELS)
def test_a_label_that_a_guide_names_is_shown(page: str, label: str) -> None:
    assert is_shown(label), f"{page}.md: *{label}*"


def test_no_label_of_another_program_is_stale() -> None:
    listed = {(page, label) for page, labels in OF_OTHERS.items() for label in labels}
    named = {(name, label) for name, page in PAGES.items() for label in list_labels(page)}
    assert listed - named == set()


@pytest.mark.parametrize("label", ["Verify", "Show users", "Request", "Runs audit", "Approve window", "No such button"])
def test_a_label_that_the_console_lacks_is_noticed(label: str) -> None:
    assert not is_shown(label)


@pytest.mark.parametrize(
    "label",
    ["Verify ledger", "Show users, password and codes", "Waiting for approval", "Pass (attested)", "Skip for now"],
)
def test_a_label_that_is_shown_is_found(label: str) -> None:
    assert is_shown(label)
