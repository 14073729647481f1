"""``make test-for`` finds the tests of a change by imports, folders, names and promises, and says if there are none."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.architecture.source_files import REPOSITORY, list_committed_files, name_of
from tests.mutations.breaks import Break
from tests.selection import (
    FOLDERS,
    CoveringTests,
    UnknownFileError,
    list_changed,
    list_files,
    main,
    normalize_words,
    parse_code,
    read_tests,
)

RULES = "src/rootkeeper/windows/rules.py"
TEXTS = {
    "tests/conftest.py": "",
    "tests/desk.py": "from rootkeeper.windows import store",
    "tests/contracts/conftest.py": "import rootkeeper.windows.store",
    "tests/contracts/stores.py": "from rootkeeper.windows.store import Store\n\nGUIDES = ROOT / 'docs' / 'guides'",
    "tests/contracts/test_stores.py": "from tests.contracts.stores import STORES",
    "tests/functional/driver.py": "",
    "tests/functional/test_crash.py": "COMMAND = ['-m', 'tests.functional.driver']",
    "tests/functional/test_desk.py": "from tests import desk\n\ndef test_one(): ...\n\nasync def test_two(): ...",
    "tests/functional/test_other.py": "from tests.contracts import stores",
    "tests/functional/test_recovery_windows.py": "",
    "tests/functional/test_shadow.py": "CASES = Path(__file__).with_name('cases.yaml')",
    "tests/sandbox/test_windows.py": "from rootkeeper_sandbox import clock",
    "tests/unit/windows/rows/test_rows.py": "",
    "tests/unit/windows/test_windows.py": "from rootkeeper.windows.rules import plan",
}
SOURCES = [RULES, "src/rootkeeper/audit/rules.py", "src/rootkeeper/unlock/rules.py", "src/rootkeeper/windows/store.py"]


def make_tests(texts: dict[str, str] = TEXTS, breaks: Iterable[Break] = ()) -> CoveringTests:
    return CoveringTests({path: parse_code(text) for path, text in texts.items()}, SOURCES, breaks)


def commit(root: Path, *files: str, message: str = "Add files") -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(message)
    run_git(root, "add", "--all")
    run_git(root, "-c", "user.name=Someone", "-c", "user.email=someone@example.com", "commit", "-qm", message)


def run_git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of three files, of which the last commit deleted one."""
    run_git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, "src/kept.py", "src/deleted.py", "docs/guide.md")
    (tmp_path / "src/deleted.py").unlink()
    commit(tmp_path, message="Delete a file")
    return tmp_path


def test_a_module_is_read_without_its_docstrings() -> None:
    code = parse_code(
        '"""Of docs/old.md."""\n'
        "import a.b\n"
        "from c import d as e\n"
        "def test_one():\n"
        '    """As src/old.py."""\n'
        '    open(ROOT / "docs" / "dev" / "page.md"), "tests/data/", f"guides/{name}.md", ROOT / folder / "last"\n'
    )
    assert code.imports == {"a.b", "c", "c.d"}
    assert code.places == {"docs/dev/page.md", "tests/data", "guides"}
    assert code.words == {".md", "last"}
    assert code.tests == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("root_emails", "_root_email_"),
        ("policies", "_policy_"),
        ("access", "_access_"),
        ("test_windows_of_accesses", "_test_window_of_accesse_"),
    ],
)
def test_names_are_compared_word_by_word_in_the_singular(name: str, words: str) -> None:
    assert normalize_words(name) == words


def test_a_product_file_is_covered_by_its_importers_its_folder_and_tests_of_its_name() -> None:
    found = make_tests().find(RULES)
    assert found == {
        "tests/unit/windows/test_windows.py": f"imports {RULES}",
        "tests/unit/windows/rows/test_rows.py": f"is in the folder for {RULES}",
        "tests/functional/test_recovery_windows.py": f"has the subject of {RULES} in its name",
    }


def test_an_import_by_a_helper_counts_for_tests_in_the_same_folder() -> None:
    store = "src/rootkeeper/windows/store.py"
    found = make_tests().find(store)
    assert found["tests/contracts/test_stores.py"] == f"uses tests/contracts/stores.py, which imports {store}"
    assert not found.keys() & {"tests/functional/test_desk.py", "tests/functional/test_other.py"}


def test_files_of_the_product_and_of_the_sandbox_have_tests_of_their_own() -> None:
    of_product = make_tests().find("src/rootkeeper/windows/new.py")
    assert "tests/sandbox/test_windows.py" not in of_product
    of_sandbox = make_tests().find("src/rootkeeper_sandbox/windows.py")
    assert set(of_sandbox) == {"tests/sandbox/test_windows.py"}


def test_a_name_that_many_folders_have_is_no_subject() -> None:
    texts = {"tests/functional/test_audit_rules.py": "", "tests/functional/test_unlock.py": ""}
    assert set(make_tests(texts).find("src/rootkeeper/unlock/rules.py")) == {"tests/functional/test_unlock.py"}


def test_a_new_and_a_deleted_file_are_covered_by_their_folder() -> None:
    assert "tests/unit/windows/test_windows.py" in make_tests().find("src/rootkeeper/windows/gone.py")
    assert "tests/unit/windows/test_windows.py" in make_tests().find("src/rootkeeper/windows/unused/gone.py")


def test_a_test_that_must_notice_a_broken_promise_covers_the_file() -> None:
    test = "tests/functional/test_desk.py::test_p01_one[a case]"
    found = make_tests(breaks=[Break("P01", "What.", RULES.removeprefix("src/"), "old", "new", test)])
    assert found.find(RULES)["tests/functional/test_desk.py"] == f"must notice a broken promise in {RULES}"
    assert "tests/functional/test_desk.py" not in found.find("src/rootkeeper/windows/store.py")


def test_helpers_are_covered_by_all_that_use_them() -> None:
    tests = make_tests()
    assert tests.find("tests/desk.py") == {"tests/functional/test_desk.py": "uses tests/desk.py"}
    assert set(tests.find("tests/contracts/stores.py")) == {
        "tests/contracts/test_stores.py",
        "tests/functional/test_other.py",
    }
    assert set(tests.find("tests/functional/driver.py")) == {"tests/functional/test_crash.py"}
    assert set(tests.find("tests/contracts/conftest.py")) == {
        "tests/contracts/test_stores.py",
        "tests/functional/test_other.py",
    }
    assert set(tests.find("tests/conftest.py")) == {path for path in TEXTS if "/test_" in path}
    assert tests.find("tests/functional/test_crash.py") == {"tests/functional/test_crash.py": "is named"}


def test_files_that_no_module_imports_are_covered_by_tests_that_name_them() -> None:
    tests = make_tests()
    guide, cases = "docs/guides/backup.md", "tests/functional/cases.yaml"
    assert tests.find(guide) == {
        "tests/contracts/test_stores.py": f"uses tests/contracts/stores.py, which names {guide} or its folder",
        "tests/functional/test_other.py": f"uses tests/contracts/stores.py, which names {guide} or its folder",
    }
    assert tests.find(cases) == {"tests/functional/test_shadow.py": f"names {cases} or its folder"}
    assert tests.find("docs/guides.md") == tests.find("LICENSE") == {}


def test_every_source_file_has_tests_besides_those_that_read_all_sources() -> None:
    tests = read_tests()
    names = [name_of(path) for path in list_committed_files()]
    sources = [name for name in names if name.startswith(("src/", "console/src/", "deploy/kubernetes/"))]
    assert len(sources) > 500
    alone = [name for name in sources if all(path.startswith("tests/architecture/") for path in tests.find(name))]
    assert alone == ["src/rootkeeper/__main__.py", "src/rootkeeper/py.typed"]


def test_each_folder_of_other_names_has_tests() -> None:
    for folder in FOLDERS.values():
        assert list((REPOSITORY / folder).glob("test_*.py")), folder


def test_names_can_be_files_and_folders_that_are_or_were_there(checkout: Path) -> None:
    (checkout / "src/new.py").touch()
    assert list_files(["src/deleted.py", str(checkout / "docs/guide.md")], checkout) == [
        "src/deleted.py",
        "docs/guide.md",
    ]
    assert sorted(list_files(["src"], checkout)) == ["src/kept.py", "src/new.py"]


@pytest.mark.parametrize("name", ["src/kept.pyc", "kept.py", "/etc/hostname", "../kept.py"])
def test_an_unknown_file_is_refused(checkout: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownFileError, match=name):
        list_files(["src/kept.py", name], checkout)
    assert main([name], checkout) == 2
    assert capsys.readouterr() == ("", f"Git knows no file {name}, not even in an earlier commit.\n")


def test_without_names_all_differences_from_the_last_commit_count(checkout: Path) -> None:
    assert list_changed(checkout) == []
    (checkout / "src/kept.py").write_text("changed")
    (checkout / "docs/guide.md").unlink()
    (checkout / "src/new.py").touch()
    assert list_changed(checkout) == ["docs/guide.md", "src/kept.py", "src/new.py"]


def test_without_names_the_commits_of_a_branch_count_too(checkout: Path) -> None:
    run_git(checkout, "update-ref", "refs/remotes/origin/HEAD", "HEAD")
    commit(checkout, "src/committed.py")
    (checkout / "src/kept.py").write_text("changed")
    assert list_changed(checkout) == ["src/committed.py", "src/kept.py"]


def test_paths_are_printed_alone_and_each_reason_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scripts/find-python", "LICENSE"]) == 0
    printed, said = capsys.readouterr()
    assert "tests/e2e/test_other_tools.py" in printed.splitlines()
    assert all((REPOSITORY / path).is_file() for path in printed.splitlines())
    first, *reasons, total = said.splitlines()
    assert first == "No test covers LICENSE."
    assert [reason.split()[0] for reason in reasons] == printed.splitlines()
    count = sum(read_tests().codes[path].tests for path in printed.splitlines())
    assert total == f"{count} test functions in {len(reasons)} modules."


def test_without_any_test_the_status_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["LICENSE"]) == 1
    assert capsys.readouterr() == ("", "No test covers LICENSE.\n0 test functions in 0 modules.\n")


def test_the_target_hands_files_to_the_program_and_its_answer_to_pytest() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    recipe = makefile.partition("\ntest-for: setup ##")[2].partition("\n\n")[0].splitlines()[1:]
    assert recipe == [
        "\t@tests=$$($(BIN)/python -m tests.selection $(FILES)) && \\",
        '\t\t$(PYTEST) -n $(CORES) $(if $(QUICK),-p no:schemathesis -m "not long") $$tests',
    ]
