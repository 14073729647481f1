"""The documentation site, as far as it follows from the sources: its pages, its navigation and its links.

``tests/browser/test_help.py`` builds the site itself.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest

from docs.site.assemble import assemble, render_navigation
from docs.site.build import complete, place
from docs.site.checks import find_problems
from docs.site.links import Addresses, list_anchors, list_dead_links, rewrite_links
from docs.site.pages import START, UNLISTED, list_pages, list_sections, list_unlisted, read_navigation
from tests.architecture.source_files import REPOSITORY

pytestmark = pytest.mark.xdist_group("documentation")

PAGES = list_pages(REPOSITORY)


@pytest.fixture(scope="module")
def assembled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    assemble(folder)
    return folder


def test_every_page_is_in_the_list_of_pages() -> None:
    """A new page is on the site at once; docs/README.md says where, and what it is about."""
    assert list_unlisted(REPOSITORY) == [], f"Add these to a list of {START}."


def test_the_list_has_no_page_twice_and_none_that_isnt_there() -> None:
    listed = [page for section in read_navigation(REPOSITORY) for page in section.pages]
    assert sorted(listed) == sorted(set(PAGES) - {START})


@pytest.mark.parametrize("page", PAGES)
def test_no_link_of_a_page_is_dead(page: str) -> None:
    assert list_dead_links(REPOSITORY, page) == []


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A repository with two guides that its list has, and one that it lacks."""
    for name in ("docs/guides", "docs/dev"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / START).write_text(
        "# All\n\n## Guides\n\n- [First](guides/one.md#begin): the first\n\n### Later\n\n- [Late](guides/late.md)\n"
    )
    (tmp_path / "docs/guides/one.md").write_text(
        "# One\n\n[Two](two.md#part-of-it), [three](three.md), [none](#none)\n"
    )
    (tmp_path / "docs/guides/two.md").write_text("# Two\n\n## Part of it\n")
    (tmp_path / "docs/guides/late.md").write_text("# Much later\n")
    (tmp_path / "docs/dev/map.md").write_text("# Map\n")
    return tmp_path


def test_a_page_that_no_list_has_is_in_the_navigation_all_the_same(small: Path) -> None:
    assert list_unlisted(small) == ["docs/guides/two.md"]
    assert [(section.title, section.pages) for section in list_sections(small)] == [
        ("Guides", ("docs/guides/one.md",)),
        ("Guides: later", ("docs/guides/late.md",)),
        (UNLISTED, ("docs/guides/two.md",)),
    ]


def test_the_navigation_has_the_titles_of_the_list(small: Path) -> None:
    assert render_navigation(small, list_pages(small)) == (
        "\n\n```{toctree}\n:hidden:\n:caption: Guides\n\nFirst <guides/one>\n```\n"
        "\n\n```{toctree}\n:hidden:\n:caption: Guides: later\n\nLate <guides/late>\n```\n"
        "\n\n```{toctree}\n:hidden:\n:caption: Other pages\n\nguides/two\n```\n"
    )


def test_pages_for_developers_arent_on_the_site(small: Path) -> None:
    assert "docs/dev/map.md" not in list_pages(small)


def test_a_link_to_no_file_or_to_no_heading_is_dead(small: Path) -> None:
    assert list_dead_links(small, "docs/guides/one.md") == ["three.md", "#none"]


def test_links_lead_to_pages_of_the_site_and_what_isnt_there_is_named() -> None:
    addresses = Addresses(
        {"docs/guides/one.md": "guides/one", "SECURITY.md": "security"},
        {("docs/reference/commands.md", "rootkeeper-audit"): ("reference/commands/audit", "")},
    )
    text = (
        "[A](../../SECURITY.md#model) [`b`](../reference/commands.md#rootkeeper-audit) [c](../dev/map.md) "
        "![d](../pictures/d.png) [e](https://example.com/)\n```\n[f](../../SECURITY.md)\n```\n"
    )
    rewritten, pictures = rewrite_links(text, "docs/guides/one.md", "guides/one", addresses)
    assert rewritten == (
        "[A](../security.md#model) [`b`](../reference/commands/audit.md) c (`docs/dev/map.md` in the sources) "
        "![d](../pictures/d.png) [e](https://example.com/)\n```\n[f](../../SECURITY.md)\n```\n"
    )
    assert pictures == ["docs/pictures/d.png"]


def test_anchors_are_those_of_code_hosts() -> None:
    text = "# One\n## `aws.access_denied`\n## A [link](x.md), twice\n## One\n```\n# no heading\n```\n"
    assert list_anchors(text) == {"one", "awsaccess_denied", "a-link-twice", "one-1"}


def test_each_command_has_a_page(assembled: Path) -> None:
    overview = (assembled / "reference/commands.md").read_text()
    commands = set(re.findall(r"^\| \[`rootkeeper ([a-z]+)`\]\(commands/[a-z]+\.md\)", overview, re.MULTILINE))
    assert commands == {path.stem for path in (assembled / "reference/commands").glob("*.md")}
    assert {"audit", "delete", "serve"} <= commands
    failsafe = (assembled / "reference/commands/failsafe.md").read_text()
    assert failsafe.startswith("# rootkeeper failsafe\n")
    assert "## rootkeeper failsafe check\n" in failsafe


def test_a_page_of_a_command_leads_to_the_options_of_every_command(assembled: Path) -> None:
    assert (
        "[For every command](../commands.md#for-every-command)"
        in (assembled / "reference/commands/audit.md").read_text()
    )
    assert "### For every command\n" in (assembled / "reference/commands.md").read_text()


def test_each_operation_of_the_api_and_each_of_its_records_is_described_once(assembled: Path) -> None:
    document = json.loads((REPOSITORY / "console/openapi.json").read_text())
    text = "".join(path.read_text() for path in (assembled / "reference/api").glob("*.md"))
    operations = [f"{method.upper()} {path}" for path, found in document["paths"].items() for method in found]
    assert sorted(re.findall(r"^## ((?:GET|POST|PUT|DELETE|PATCH) .+)$", text, re.MULTILINE)) == sorted(operations)
    assert sorted(re.findall(r"^### (\w+)$", text, re.MULTILINE)) == sorted(document["components"]["schemas"])


def test_each_json_schema_has_a_page_and_is_offered_itself(assembled: Path) -> None:
    names = {path.name.removesuffix(".schema.json") for path in (REPOSITORY / "docs/reference").glob("*.schema.json")}
    assert {path.stem for path in (assembled / "reference/schemas").glob("*.md")} == names
    offered = {path.name for path in (assembled / "_files/reference/schemas").iterdir()}
    assert offered == {f"{name}.schema.json" for name in names}


GOOD = {
    "index.html": '<a href="guides/one.html#part">One</a><script src="_static/a.js"></script>',
    "guides/one.html": '<h2 id="part">Part</h2><img src="../_static/a.svg" alt="A"><a href="/">Console</a><a href="https://example.com/">Elsewhere</a>',
    "_static/a.js": "run();",
    "_static/a.svg": "<svg/>",
    "_static/a.css": "p { background: url(data:image/svg+xml,x) }",
}
BAD = {
    "index.html: <script> is inline.": ("index.html", "<script>run()</script>"),
    "index.html: <style> is inline.": ("index.html", "<style>p {}</style>"),
    "index.html: p style is inline.": ("index.html", "<p style='color: red'>"),
    "index.html: p onclick is inline.": ("index.html", "<p onclick='run()'>"),
    "index.html: a heading has no aria-level.": ("index.html", "<p role='heading'>Guides</p>"),
    "index.html: _static/a.svg has no alternative text.": ("index.html", "<img src='_static/a.svg'>"),
    "index.html: https://cdn.example.com/a.js is loaded from elsewhere.": (
        "index.html",
        "<script src='https://cdn.example.com/a.js'></script>",
    ),
    "index.html: //fonts.example.com/a.css is loaded from elsewhere.": (
        "index.html",
        "<link rel='stylesheet' href='//fonts.example.com/a.css'>",
    ),
    "_static/a.css: https://fonts.example.com/a.woff2 is loaded from elsewhere.": (
        "_static/a.css",
        "@font-face { src: url('https://fonts.example.com/a.woff2') }",
    ),
    "index.html: guides/two.html leads nowhere.": ("index.html", "<a href='guides/two.html'>Two</a>"),
    "index.html: guides/one.html#none leads to no part of its page.": (
        "index.html",
        "<a href='guides/one.html#none'>None</a>",
    ),
    "guides/lost.html is in no list of the navigation.": ("guides/lost.html", "<p>Lost</p>"),
    "_static/a.js has 1500007 bytes; 1500000 are allowed.": ("_static/a.js", "/" * 1_500_001),
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in GOOD.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_what_the_theme_lacks_for_accessibility_is_added_and_pictures_get_a_box_that_scrolls() -> None:
    page = (
        '<aside class="sidebar-drawer"><p class="caption" role="heading">Guides</p></aside>'
        '<th class="head"><p></p></th><th class="head"><p>Name</p></th>'
        '<img alt="A" src="../_images/a.svg"><img alt="Logo" src="../_static/icon.svg">'
    )
    assert complete(page) == (
        '<aside aria-label="Pages" class="sidebar-drawer">'
        '<p aria-level="2" class="caption" role="heading">Guides</p></aside>'
        '<td></td><th class="head"><p>Name</p></th>'
        '<span class="picture picture-svg"><img alt="A" src="../_images/a.svg"></span>'
        '<img alt="Logo" src="../_static/icon.svg">'
    )


def test_a_site_without_faults_is_accepted(site: Path) -> None:
    assert find_problems(site) == []


@pytest.mark.parametrize("problem", BAD)
def test_a_fault_of_the_built_site_is_found(site: Path, problem: str) -> None:
    name, text = BAD[problem]
    (site / name).write_text(GOOD.get(name, "") + text)
    assert find_problems(site) == [problem]


def test_texts_of_the_site_are_compressed_but_the_start_page_and_always_to_the_same_bytes(
    site: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        place(site, folder)
    names = sorted(path.relative_to(first).as_posix() for path in first.rglob("*") if path.is_file())
    assert "index.html" in names
    assert "guides/one.html.gz" in names
    assert gzip.decompress((first / "guides/one.html.gz").read_bytes()) == (site / "guides/one.html").read_bytes()
    assert [(first / name).read_bytes() for name in names] == [(second / name).read_bytes() for name in names]


def test_a_site_that_is_too_large_is_refused(site: Path) -> None:
    for number in range(9):
        (site / f"_static/{number}.png").write_bytes(b"x" * 1_400_000)
    (problem,) = find_problems(site)
    assert problem.startswith("The site has 126")


def test_a_site_without_a_start_page_is_refused(site: Path) -> None:
    shutil.rmtree(site)
    site.mkdir()
    assert find_problems(site) == ["index.html is missing."]
