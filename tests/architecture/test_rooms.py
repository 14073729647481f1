"""What import-linter can't see: rules stay pure, names stay plain, catch-alls stay where they belong."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.architecture.source_files import (
    REPOSITORY,
    SOURCES,
    find_module,
    list_committed_files,
    list_imports,
    list_modules,
    list_rules,
    name_of,
    parse,
)

PURE_IMPORTS = {
    "__future__",
    "abc",
    "base64",
    "collections",
    "collections.abc",
    "dataclasses",
    "datetime",
    "difflib",
    "enum",
    "fnmatch",
    "functools",
    "hashlib",
    "heapq",
    "ipaddress",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "rfc8785",
    "string",
    "types",
    "typing",
    "typing_extensions",
    "urllib.parse",
}
"""What rules may import beside pure modules of our own: nothing that reads a file, a clock or a random number."""

IMPURE_CALLS = {"now", "utcnow", "today", "open", "print", "input", "read_text", "write_text", "urandom"}

BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "manager", "managers", "misc"}

CATCH_ALL_PLACES = {
    "rootkeeper/cli/main.py",
    "rootkeeper/worker/loops.py",
    "rootkeeper/organization/threads.py",
    "rootkeeper/server/request_path.py",
    "rootkeeper/worker/service.py",
    "rootkeeper_sandbox/server.py",
}
"""style.md, section 5: the command line's entry point, the last handler of a server, the runner of jobs on threads
(decision 13), which hands the error to the caller that takes the result, and the runner of a server's loops: no bug may
end the closing of windows.
"""

EXEMPTION = re.compile(r"#\s*(noqa(:\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*)?|type:\s*ignore(\[[\w, -]+\])?)(?P<reason>.*)$")
"""A comment that silences a check, and what it says beside that."""


def test_rules_import_nothing_that_touches_the_world() -> None:
    assert [
        f"{name_of(path)}: {name}" for path in list_rules() for name in list_imports(path) if not is_pure(name)
    ] == []


@cache
def is_pure(name: str) -> bool:
    """Whether an imported module neither does anything outside nor imports what does."""
    if not name.startswith("rootkeeper."):
        return name in PURE_IMPORTS
    return all(is_pure(inner) for inner in list_imports(find_module(name)))


def test_rules_read_no_clock_and_no_file() -> None:
    impure = {
        f"{name_of(path)}:{node.lineno}"
        for path in list_rules()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and name_called(node) in IMPURE_CALLS
    }
    assert impure == set()


def name_called(call: ast.Call) -> str:
    """The last part of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def test_no_module_or_folder_bears_a_name_that_says_nothing() -> None:
    paths = [path.relative_to(REPOSITORY) for path in list_committed_files() if path.suffix == ".py"]
    assert [str(path) for path in paths if {part.removesuffix(".py") for part in path.parts} & BANNED_NAMES] == []


def test_every_module_says_what_it_holds() -> None:
    assert [name_of(path) for path in list_modules() if not ast.get_docstring(parse(path))] == []


def test_catch_alls_stand_only_where_the_last_handler_is() -> None:
    found = {
        str(path.relative_to(SOURCES))
        for path in list_modules()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ExceptHandler) and is_catch_all(node)
    }
    assert found <= CATCH_ALL_PLACES


def is_catch_all(handler: ast.ExceptHandler) -> bool:
    """Whether it ends every error here; one that cleans up and raises again doesn't."""
    if isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None:
        return False
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in caught)


def test_no_test_replaces_parts_of_the_program_behind_its_back() -> None:
    offenders = [
        name_of(path)
        for path in list_committed_files()
        if path.suffix == ".py"
        and "unittest" in path.read_text()
        and any(name.startswith("unittest") for name in list_imports(path))
    ]
    assert offenders == []


def test_every_exemption_from_a_check_gives_its_reason() -> None:
    unexplained = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in list_committed_files()
        if path.suffix == ".py"
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if is_unexplained(line)
    ]
    assert unexplained == []


def is_unexplained(line: str) -> bool:
    exemption = EXEMPTION.search(line)
    return exemption is not None and len(exemption["reason"].strip(" -#")) < 4
