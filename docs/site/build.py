"""Builds the documentation site into the package, from where a server serves it below ``/help``.

Run it by ``make docs``, or by ``python -m docs.site.build`` where ``requirements/docs.lock`` is installed. It needs no
network: scripts, styles and pictures are all part of the site. A site with a dead link, an orphaned page, an inline
script or something from another host isn't put into the package.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from docs.site.assemble import FILES, REPOSITORY, assemble
from docs.site.checks import find_problems

HELP = REPOSITORY / "src/rootkeeper/help"
SETTINGS = Path(__file__).resolve().parent
START = "index.html"

_INLINE = re.compile(r"<(?P<tag>script|style)>(?P<content>.*?)</(?P=tag)>", re.DOTALL)
_STYLED = re.compile(r'<(?P<begin>[a-z]+[^<>]*?) style="(?P<style>[^"]*)"(?P<rest>[^<>]*)>')
_TEXTS = {".css", ".html", ".js", ".json", ".md", ".svg", ".txt"}
_ATTRIBUTES = {
    '<p class="caption" role="heading"': 'aria-level="2"',
    '<aside class="sidebar-drawer"': 'aria-label="Pages"',
    '<aside class="toc-drawer': 'aria-label="On this page"',
}
"""What elements lack for a reader who hears a page, by the beginnings of their tags."""
_EMPTY_HEADING = re.compile(r'<th class="head[^"]*"><p></p></th>')
_PICTURE = re.compile(r'<img [^>]*src="[^"]*_images/[^"]*\.(?P<kind>svg|png)"[^>]*>')
_UNUSED = (".buildinfo", "objects.inv", "*.map", ".nojekyll")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the documentation site.")
    parser.add_argument(
        "--to", type=Path, default=HELP, metavar="FOLDER", help="where to put it, instead of the package"
    )
    folder: Path = parser.parse_args().to
    with tempfile.TemporaryDirectory() as work:
        site = build(Path(work))
        problems = find_problems(site)
        if problems:
            print("The documentation site isn't right:", *problems, sep="\n", file=sys.stderr)
            return 1
        place(site, folder)
        print(f"{folder}: {sum(1 for _ in site.rglob('*.html'))} pages")
    return 0


def build(work: Path) -> Path:
    """Build the site below an empty folder, and return where it is."""
    source, site = work / "source", work / "site"
    source.mkdir()
    assemble(source)
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
    command += ["--builder", "html", "--conf-dir", str(SETTINGS), "--doctree-dir", str(work / "doctrees")]
    command += ["--define", f"html_extra_path={source / FILES}", "--define", f"exclude_patterns={FILES}"]
    subprocess.run([*command, str(source), str(site)], check=True, env={**os.environ, "PYTHONHASHSEED": "0"})
    for pattern in _UNUSED:
        for path in site.rglob(pattern):
            path.unlink()
    for path in site.rglob("*.html"):
        path.write_text(complete(move_inline_out(path, site)), encoding="utf-8")
    return site


def complete(text: str) -> str:
    """Complete what the theme leaves out: attributes for a reader who hears a page, and boxes around pictures.

    The text of a picture that is shrunk to the width of a phone can't be read, so a picture scrolls within its box.
    """
    text = _EMPTY_HEADING.sub("<td></td>", text)
    for beginning, attribute in _ATTRIBUTES.items():
        tag, rest = beginning.split(" ", 1)
        text = text.replace(beginning, f"{tag} {attribute} {rest}")
    return _PICTURE.sub(lambda found: f'<span class="picture picture-{found["kind"]}">{found[0]}</span>', text)


def move_inline_out(path: Path, site: Path) -> str:
    """Move the theme's inline scripts and styles to files, because the content security policy allows none.

    A script in a file runs at the same point of the page. A style of an element becomes that of a class.
    """
    up = "../" * (len(path.relative_to(site).parts) - 1)
    classes: dict[str, str] = {}

    def move_block(found: re.Match[str]) -> str:
        if found["tag"] == "style":
            return link_styles(found["content"])
        name = save(found["content"], "js")
        return f'<script src="{up}{name}"></script>'

    def move_attribute(found: re.Match[str]) -> str:
        if "class=" in found["begin"] + found["rest"]:
            return found[0]
        name = f"style-{digest(found['style'])}"
        classes[name] = found["style"]
        return f'<{found["begin"]} class="{name}"{found["rest"]}>'

    def link_styles(content: str) -> str:
        return f'<link rel="stylesheet" type="text/css" href="{up}{save(content, "css")}">'

    def save(content: str, suffix: str) -> str:
        name = f"_static/inline-{digest(content)}.{suffix}"
        (site / name).write_text(content.strip() + "\n", encoding="utf-8")
        return name

    text = _STYLED.sub(move_attribute, _INLINE.sub(move_block, path.read_text(encoding="utf-8")))
    rules = "\n".join(f".{name} {{ {style} }}" for name, style in sorted(classes.items()))
    return text.replace("</head>", f"{link_styles(rules)}\n</head>", 1) if rules else text


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def place(site: Path, folder: Path) -> None:
    """Replace what was built before.

    The start page goes first and comes last: a site without one counts as not built, also where this was cut off.
    """
    start = folder / START
    start.unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(site, folder, ignore=lambda path, _: [START] if Path(path) == site else [])
    compress(folder)
    shutil.copy(site / START, start)


def compress(folder: Path) -> None:
    """Compress texts, because every installation has the site, also of the command line alone.

    A server sends them as they are. The start page is added uncompressed later: whether a site was built shows by it.
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix in _TEXTS:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
