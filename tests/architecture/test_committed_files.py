"""What is committed works anywhere: it names no package host and no folder of one machine."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tomllib
from pathlib import Path

from tests.architecture.source_files import REPOSITORY, list_committed_files, name_of

PACKAGE_HOSTS = re.compile(
    r"pypi\.(?:org|python)|pythonhosted\.|registry\.npmjs|npmmirror|registry\.yarnpkg|proxy\.golang|crates\.io/api"
    r"|deb\.debian\.org|--(?:extra-)?index-url|--find-links|--trusted-host"
)
MACHINE_FOLDERS = re.compile(r"(?<![\w.:*}-])/(?:root|work|opt/wheels|home/\w+|Users/\w+)/[\w.]")
LOCKS = (
    "requirements/tests.lock",
    "requirements/docs.lock",
    "requirements/image.lock",
    "requirements/node.lock",
    "requirements/release.lock",
    "requirements/server.lock",
    "requirements/smoke.lock",
)
THIS_FILE = Path(__file__).resolve()


def list_texts() -> list[tuple[Path, str]]:
    found = []
    for path in list_committed_files():
        if path == THIS_FILE:
            continue
        try:
            found.append((path, path.read_text()))
        except UnicodeDecodeError:
            continue
    return found


def find_lines(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name_of(path)}:{number}: {line.strip()[:120]}"
        for path, text in list_texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_committed_file_names_a_package_host() -> None:
    assert find_lines(PACKAGE_HOSTS) == []


def test_no_committed_file_names_a_folder_of_one_machine() -> None:
    assert find_lines(MACHINE_FOLDERS) == []


def test_lock_files_name_neither_host_nor_path() -> None:
    for lock in LOCKS:
        assert "://" not in (REPOSITORY / lock).read_text()


def test_every_lock_of_npm_packages_has_hashes_and_is_kept_free_of_hosts() -> None:
    locks = [path for path in list_committed_files() if path.name == "package-lock.json"]
    assert locks
    for lock in locks:
        packages = json.loads(lock.read_text())["packages"]
        assert [name for name, package in packages.items() if "resolved" in package] == []
        assert [name for name, package in packages.items() if name and "integrity" not in package] == []
        assert "omit-lockfile-registry-resolved=true" in (lock.parent / ".npmrc").read_text().splitlines()


def test_every_direct_dependency_is_pinned_with_its_hashes() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    lock = (REPOSITORY / "requirements/tests.lock").read_text()
    extras = [one for extra in project["project"]["optional-dependencies"].values() for one in extra]
    groups = project["dependency-groups"]
    tools = [one for one in groups["dev"] + groups["smoke"] if isinstance(one, str)]
    wanted = project["project"]["dependencies"] + extras + tools
    names = {re.split(r"[<>=!~; \[]", requirement, maxsplit=1)[0].lower() for requirement in wanted} - {"rootkeeper"}
    missing = [name for name in sorted(names) if not re.search(rf"^{re.escape(name)}==", lock, re.MULTILINE)]
    assert missing == []


def test_each_schema_of_others_is_the_one_whose_source_is_written_down() -> None:
    folder = REPOSITORY / "tests/schemas"
    listed = re.findall(r"^([0-9a-f]{64})  (\S+\.(?:json|xsd))$", (folder / "README.md").read_text(), re.MULTILINE)
    found = [path for path in folder.iterdir() if path.suffix != ".md"]
    assert sorted(listed) == sorted((hashlib.sha256(path.read_bytes()).hexdigest(), path.name) for path in found)


def test_continuous_integration_does_what_a_person_would() -> None:
    script = REPOSITORY / ".ci" / "run"
    assert script.read_text().splitlines()[0] == "#!/usr/bin/env bash"
    assert script.read_text().splitlines()[-1] == "TEST_INPUTS=changed make test LONG=yes"
    assert script.stat().st_mode & 0o111


def test_every_test_is_run_by_a_target() -> None:
    """The whole run selects nothing: what it leaves out by name, the second run has."""
    makefile = (REPOSITORY / "Makefile").read_text()
    run = r"\tnice -n 10 \$\(PYTEST\) -n \$\(JOBS\) \$\(TOGETHER\) \$\(CHOICE\)\n"
    whole = r"^test-whole:.*\n\t@\$\(COMPILE_TESTS\)\n" + run
    assert re.search(whole, makefile, re.MULTILINE)
    assert "SUITES := test-oldest test-whole test-apart\n" in makefile
    assert "\t$(PYTEST) -n $(CORES) $(APART)\n" in makefile
    assert "TOGETHER := -p no:schemathesis $(addprefix --ignore ,$(APART))\n" in makefile
    assert '\t$(PYTEST) -n $(JOBS) $(TOGETHER) -m "not long"\n' in makefile
    assert """test-whole test-apart CHOICE='-m "long or hypothesis"'\n""" in makefile


def test_nothing_that_is_built_is_committed() -> None:
    command = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout == ""
