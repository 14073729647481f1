"""The tests that cover files: ``make test-for FILES="…"`` runs them.

A module of tests covers a file if it imports the file, if its folder or name has the file's subject, if its code names
the file or a folder of it, or if it must notice a broken promise in the file.

Only imports by the module itself count, and by a helper in the same folder: through imports of imports, nearly all
tests would cover each file. A helper of tests is different: all tests that use it, through any number of others, cover
it.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePosixPath

from tests.mutations.breaks import Break, read_breaks

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDERS = {
    "src/*": "tests/architecture",
    "docs/*": "tests/architecture",
    "*.md": "tests/architecture",
    "src/rootkeeper/server/*": "tests/functional/api",
    "src/rootkeeper_sandbox/*": "tests/sandbox",
}
"""Files, and the folder of tests for all of them, where the two have different names."""
COMMON = 3
"""A file name that so many folders have, such as ``rules``, says nothing about the subject."""


class UnknownFileError(Exception):
    """Git knows no file of this name, neither in the checkout nor in an earlier commit."""


@dataclass(frozen=True, slots=True)
class Code:
    """The content of one module below ``tests``, without docstrings."""

    imports: frozenset[str]
    """The full names of imported modules, and of what is imported from them."""
    places: frozenset[str]
    """The paths in its texts, such as ``docs/dev`` for ``REPOSITORY / "docs" / "dev"``."""
    words: frozenset[str]
    """All other texts, which can be names of files beside the module."""
    tests: int
    """The number of its test functions."""


def parse_code(text: str) -> Code:
    """Read the source of a module, without importing it."""
    imports: set[str] = set()
    places: set[str] = set()
    words: set[str] = set()
    tests = 0
    waiting: list[ast.AST] = [ast.parse(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports.update({node.module}, (f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            tests += node.name.startswith("test_")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            (places if "/" in node.value else words).add(node.value.rstrip("/"))
        elif parts := _read_parts(node):
            places.add("/".join(parts))
            continue
        waiting += ast.iter_child_nodes(node)
    return Code(frozenset(imports), frozenset(places), frozenset(words), tests)


def _read_parts(node: ast.AST) -> list[str]:
    """The texts of ``folder / "text" / "text"``."""
    parts: list[str] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        if not isinstance(node.right, ast.Constant) or not isinstance(node.right.value, str):
            return []
        parts.insert(0, node.right.value)
        node = node.left
    return parts


def name_module(file: str) -> str:
    """The name that imports use, such as ``rootkeeper.windows`` for the ``__init__.py`` of that folder."""
    return file.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def normalize_words(name: str) -> str:
    """A name with all its words in the singular, and an underscore at both ends."""
    words = (re.sub(r"(?<!s)s$", "", re.sub(r"ies$", "y", word)) for word in name.split("_"))
    return f"_{'_'.join(words)}_"


def is_at(file: str, place: str) -> bool:
    """Whether a place is the file or a folder of it."""
    return file == place or file.startswith(f"{place}/")


class CoveringTests:
    """All modules of tests, and which of them cover a file."""

    def __init__(self, codes: Mapping[str, Code], sources: Iterable[str], breaks: Iterable[Break]) -> None:
        """``codes`` has the path of each module, such as ``tests/conftest.py``; ``sources`` are paths below ``src``."""
        self.codes = codes
        self._folders = {path: path.rpartition("/")[0] for path in codes if re.search(r"/test_\w+\.py$", path)}
        self._names = {path: normalize_words(PurePosixPath(path).stem) for path in self._folders}
        self._breaks = tuple(breaks)
        stems = Counter(PurePosixPath(source).stem for source in sources)
        self._common = {stem for stem, count in stems.items() if count >= COMMON}

    def find(self, file: str) -> dict[str, str]:
        """The modules of tests that cover a file, each with the first reason."""
        found: dict[str, str] = {}
        for path, reason in self._list_reasons(file):
            found.setdefault(path, reason)
        return found

    def _list_reasons(self, file: str) -> Iterator[tuple[str, str]]:
        if file.startswith("tests/"):
            yield from self._list_users(file, f"uses {file}")
        else:
            yield from self._list_importers(file)
            yield from self._list_neighbours(file)
        for path in self._list_naming(file):
            yield from self._list_users(path, f"uses {path}, which names {file} or its folder")
        for broken in self._breaks:
            if file == f"src/{broken.file}":
                yield broken.test.partition("::")[0], f"must notice a broken promise in {file}"

    def _list_importers(self, file: str) -> Iterator[tuple[str, str]]:
        for path in self._import(file):
            if path in self._folders:
                yield path, f"imports {file}"
            elif not path.endswith("/conftest.py"):
                beside = (user for user in self._import(path) if self._folders.get(user) == path.rpartition("/")[0])
                yield from ((user, f"uses {path}, which imports {file}") for user in beside)

    def _import(self, file: str) -> list[str]:
        """The modules that import a file, or start it by the name of its module."""
        name = name_module(file)
        started = name if "." in name else None
        return [path for path, code in self.codes.items() if name in code.imports or started in code.words]

    def _list_users(self, path: str, reason: str) -> Iterator[tuple[str, str]]:
        """The module itself if it has tests, and all that use it, through any number of helpers."""
        reached = {path}
        waiting = [path]
        while waiting:
            used = waiting.pop()
            if used in self._folders:
                yield used, reason.replace(f"uses {used}, which ", "").replace(f"uses {used}", "is named")
            folder, _, name = used.rpartition("/")
            below = (user for user in self.codes if is_at(user, folder)) if name == "conftest.py" else ()
            new = {*self._import(used), *below} - reached
            reached |= new
            waiting += new

    def _list_neighbours(self, file: str) -> Iterator[tuple[str, str]]:
        """The tests in the folders of the file's subject, and those whose name has one of its words."""
        folders = [folder for files, folder in FOLDERS.items() if fnmatchcase(file, files)]
        _, package, *subjects = PurePosixPath(file).with_suffix("").parts if file.startswith("src/") else ("", "")
        if package == "rootkeeper":
            mirrored = ("/".join(("tests/unit", *subjects[:depth])) for depth in range(len(subjects), 0, -1))
            folders += [folder for folder in mirrored if folder in self._folders.values()][:1]
        words = [normalize_words(subject) for subject in subjects if subject not in self._common]
        for path, folder in self._folders.items():
            is_of_package = path.startswith("tests/sandbox/") == (package == "rootkeeper_sandbox")
            if any(is_at(folder, chosen) for chosen in folders):
                yield path, f"is in the folder for {file}"
            elif is_of_package and any(word in self._names[path] for word in words):
                yield path, f"has the subject of {file} in its name"

    def _list_naming(self, file: str) -> Iterator[str]:
        """Modules whose code names a file, or a folder that it is in. Folders of sources have too many names."""
        for path, code in self.codes.items():
            if file.startswith("src/"):
                is_named = file in code.places
            elif file.startswith("tests/"):
                folder = path.rpartition("/")[0]
                is_named = any(is_at(file, f"{folder}/{name}") for name in code.places | code.words)
            else:
                is_named = any(is_at(file, place) for place in code.places)
            if is_named:
                yield path


def run_git(root: Path, *arguments: str) -> list[str]:
    """What a command of git lists, one path after the other."""
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return [line for line in done.stdout.split("\0") if line]


def list_files(named: Iterable[str], root: Path) -> list[str]:
    """The files of these names, and all files of these folders, by their paths below ``root``.

    :raises UnknownFileError: if git knows no such file, not even in an earlier commit.
    """
    found: list[str] = []
    for name in named:
        path = (root / name).resolve()
        file = path.relative_to(root).as_posix() if path.is_relative_to(root) else ""
        listed = (
            run_git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", file) if file else []
        )
        if not listed and not (file and run_git(root, "log", "-1", "--format=%h", "--", file)):
            raise UnknownFileError(name)
        found += listed or [file]
    return found


def list_changed(root: Path) -> list[str]:
    """The files that differ from ``origin/HEAD``, where this branch left it; without one, from the last commit."""
    try:
        base = run_git(root, "merge-base", "origin/HEAD", "HEAD")[0].strip()
    except subprocess.CalledProcessError:
        base = "HEAD"
    changed = run_git(root, "diff", "--name-only", "--no-renames", "-z", base)
    return sorted({*changed, *run_git(root, "ls-files", "--others", "--exclude-standard", "-z")})


@cache
def read_tests() -> CoveringTests:
    """Read all tests of this checkout, once."""
    files = sorted(run_git(REPOSITORY, "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", "*.py"))
    paths = {file: REPOSITORY / file for file in files if file.startswith("tests/")}
    codes = {file: parse_code(path.read_text(encoding="utf-8")) for file, path in paths.items() if path.is_file()}
    return CoveringTests(codes, (file for file in files if file.startswith("src/")), read_breaks())


def main(named: list[str], root: Path = REPOSITORY) -> int:
    """Print the modules to run; on standard error, say why each was chosen. Ends with 1 if there are none."""
    try:
        files = list_files(named, root) if named else list_changed(root)
    except UnknownFileError as error:
        sys.stderr.write(f"Git knows no file {error}, not even in an earlier commit.\n")
        return 2
    tests = read_tests()
    chosen: dict[str, str] = {}
    for file in files:
        found = tests.find(file)
        if not found:
            sys.stderr.write(f"No test covers {file}.\n")
        chosen = found | chosen
    for path, reason in sorted(chosen.items()):
        sys.stderr.write(f"{path} ({tests.codes[path].tests}) {reason}\n")
        sys.stdout.write(f"{path}\n")
    count = sum(tests.codes[path].tests for path in chosen)
    sys.stderr.write(f"{count} test functions in {len(chosen)} modules.\n")
    return 0 if chosen else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
