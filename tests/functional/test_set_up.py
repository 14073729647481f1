"""What the Makefile sets up: on machines that lack something, and after a set-up that was cut off.

The Makefile and its scripts are the real ones, in a small checkout of their own. pip or uv installs small wheels of the
test into real virtual environments; npm and the generators are programs of the test, because only their traces matter
here.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.architecture.source_files import REPOSITORY

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("set-up"), pytest.mark.inputs("set-up")]

SECONDS = 120.0
SCRIPTS = (
    "ensure-chromium",
    "ensure-node",
    "explain-start",
    "find-python",
    "install-locked",
    "remove-unfinished",
    "step",
)
MANY = 3_000
"""Files of the package that takes long to install."""

BACKEND = '''"""Makes an editable wheel, as hatchling does."""
import pathlib, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "rootkeeper-0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        wheel.writestr("rootkeeper.pth", str(pathlib.Path("src").resolve()))
        wheel.writestr("rootkeeper-0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: rootkeeper\\nVersion: 0\\n")
        wheel.writestr("rootkeeper-0.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr("rootkeeper-0.dist-info/entry_points.txt", "[console_scripts]\\nrootkeeper = demo:main\\n")
        wheel.writestr("rootkeeper-0.dist-info/RECORD", "")
    return name
'''
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
DEMO = '''"""Shows what it is given."""
import pathlib, large.last

def main():
    console = pathlib.Path("src/rootkeeper/console")
    print("console", (console / "index.html").read_text().strip())
    print("console", (console / "last.js").read_text().strip())
    print("packages", pathlib.Path("console/node_modules/last").read_text().strip())
    print("help", pathlib.Path("src/rootkeeper/help/index.html").read_text().strip())
'''
NPM = """#!/bin/sh
# Does as npm and Vite do: installs packages, or builds the console from them. It rests half-way if it is asked to.
pause() { [ "$PAUSE" != "$1" ] || { touch "half-$1"; sleep 60; }; }
case $1 in
ci) rm -rf console/node_modules; mkdir -p console/node_modules; echo first > console/node_modules/first
    pause packages; echo whole > console/node_modules/last ;;
exec) mkdir -p build/console; echo built > build/console/index.html
    pause console; echo whole > build/console/last.js ;;
esac
"""
SITE = """import pathlib
folder = pathlib.Path("src/rootkeeper/help")
folder.mkdir(parents=True, exist_ok=True)
(folder / "index.html").write_text("built")
"""


def write_wheel(folder: Path, name: str, files: Mapping[str, str]) -> str:
    """Write a wheel, and return its line of a lock file."""
    path = folder / f"{name}-1-py3-none-any.whl"
    information = f"{name}-1.dist-info"
    members = {
        **files,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{member},sha256={_digest(text)},{len(text)}\n" for member, text in members.items())
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in members.items():
            wheel.writestr(member, text)
        wheel.writestr(f"{information}/RECORD", f"{record}{information}/RECORD,,\n")
    return f"{name}==1 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def write_wheel_of_uv(folder: Path) -> str:
    """Write a wheel that contains the uv of the tests' environment, and return its line of a lock file."""
    path = folder / "uv-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.write(Path(sys.executable).parent / "uv", "uv-1.data/scripts/uv")
        wheel.writestr("uv-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: uv\nVersion: 1\n")
        wheel.writestr("uv-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("uv-1.dist-info/RECORD", "")
    return f"uv==1 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing set up."""
    folder = tmp_path / "checkout"
    for name in (
        "scripts",
        "requirements",
        "console/src",
        "console/public",
        "docs/site",
        "src/rootkeeper",
        "programs",
        "wheels",
    ):
        (folder / name).mkdir(parents=True)
    shutil.copy(REPOSITORY / "Makefile", folder)
    for name in SCRIPTS:
        shutil.copy(REPOSITORY / "scripts" / name, folder / "scripts")
    for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "src/rootkeeper_sandbox/BEHAVIOUR.md", *CONSOLE_FILES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    large = {f"large/module_{number}.py": "" for number in range(MANY)} | {"large/last.py": ""}
    (folder / "requirements/server.lock").write_text(write_wheel(folder / "wheels", "large", large))
    (folder / "requirements/editable.lock").write_text(write_wheel(folder / "wheels", "small", {"small.py": ""}))
    (folder / "requirements/docs.lock").write_text(write_wheel(folder / "wheels", "generator", {"generator.py": ""}))
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "src/demo.py").write_text(DEMO)
    (folder / "docs/site/build.py").write_text(SITE)
    write_program(folder / "programs/npm", NPM)
    write_program(folder / "programs/node", "#!/bin/sh\nexit 0\n")
    return folder


CONSOLE_FILES = tuple(
    f"console/{name}"
    for name in ("index.html", "openapi.json", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")
)


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def start_demo(checkout: Path, **variables: str) -> subprocess.Popen[str]:
    """Start ``make demo`` in a process group of its own."""
    programs = os.pathsep.join((str(checkout / "programs"), os.environ["PATH"]))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "MAKE", "SET_UP"))}
    environment = {"PATH": programs, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout / "wheels"), "PAUSE": ""}
    return subprocess.Popen(
        ["make", "demo", f"PYTHON={sys.executable}"],
        cwd=checkout,
        env=kept | environment | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "the set-up didn't come so far"
        time.sleep(0.002)


WHOLE = ["console built", "console whole", "packages whole", "help built"]
"""What the demo of the test shows."""


def finish_demo(checkout: Path, **variables: str) -> str:
    """Run ``make demo`` to its end, require that everything is whole, and return what it shows."""
    with start_demo(checkout, **variables) as process:
        shown = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0, shown
    assert [line.strip() for line in shown.splitlines()[-len(WHOLE) :]] == WHOLE
    return shown


CUT_OFF: Mapping[str, tuple[str, str]] = {
    "environment": ("", ".venv/pyvenv.cfg"),
    "package": ("", ".venv/lib/python*/site-packages/large/module_1.py"),
    "packages of the console": ("packages", "half-packages"),
    "console": ("console", "half-console"),
}
"""Where a set-up is cut off: where npm rests, and the file that shows that the set-up has come so far."""


@pytest.mark.parametrize("name", CUT_OFF)
def test_a_set_up_that_was_killed_is_repaired(name: str, checkout: Path) -> None:
    rests_at, trace = CUT_OFF[name]
    with start_demo(checkout, PAUSE=rests_at) as process:
        wait_for(lambda: any(checkout.glob(trace)), process)
        os.killpg(process.pid, signal.SIGKILL)
    if name == "package":
        assert not any(checkout.glob(".venv/lib/python*/site-packages/large-1.dist-info/RECORD")), "killed too late"
    finish_demo(checkout)
    again = finish_demo(checkout)
    assert " s  " not in again, "the third has nothing to set up"


def test_ctrl_c_in_an_installation_is_repaired(checkout: Path) -> None:
    with start_demo(checkout) as process:
        wait_for(lambda: any(checkout.glob(CUT_OFF["package"][1])), process)
        os.killpg(process.pid, signal.SIGINT)
    assert process.returncode != 0
    shown = finish_demo(checkout)
    assert "The installation into .venv was cut off: starting it again." in shown


def test_an_installation_that_outlived_its_make_is_waited_for(checkout: Path) -> None:
    """``kill -9`` of make alone: pip works on, and must not be disturbed."""
    with start_demo(checkout) as process:
        wait_for(lambda: any(checkout.glob(CUT_OFF["package"][1])), process)
        process.kill()
        shown = finish_demo(checkout)
    assert "Waiting for the installation into .venv" in shown
    assert "was cut off" not in shown


def test_uv_installs_where_it_can_be_had_and_pip_where_not(checkout: Path) -> None:
    finish_demo(checkout)
    assert find_installers(checkout) == {"pip"}
    shutil.rmtree(checkout / ".venv")
    shutil.rmtree(checkout / ".venv-docs")
    (checkout / "requirements/installer.lock").write_text(write_wheel_of_uv(checkout / "wheels"))
    own = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(checkout / "wheels"), "UV_CACHE_DIR": str(checkout / "cache")}
    finish_demo(checkout, **own)
    assert find_installers(checkout) == {"uv"}
    shutil.rmtree(checkout / ".venv-docs")
    finish_demo(checkout, **own | {"UV_FIND_LINKS": str(checkout / "programs")})
    assert find_installers(checkout) == {"pip", "uv"}, "uv doesn't know where pip's index is"


def find_installers(checkout: Path) -> set[str]:
    """Return the installers that installed the packages of the locks."""
    found = [*checkout.glob(".venv*/lib/python*/site-packages/*-1.dist-info/INSTALLER")]
    return {path.read_text().strip() for path in found if not path.parent.name.startswith("uv-")}


def test_the_site_has_no_start_page_until_all_of_it_is_there(tmp_path: Path) -> None:
    """What ``make`` takes for a site is its start page."""
    from docs.site.build import place

    site, folder = tmp_path / "site", tmp_path / "help"
    (site / "guides").mkdir(parents=True)
    (site / "index.html").write_text("start")
    for number in range(MANY):
        (site / f"guides/{number}.html").write_text("page")
    place(site, folder)
    program = "import pathlib, sys; from docs.site.build import place; place(*map(pathlib.Path, sys.argv[1:]))"
    with subprocess.Popen([sys.executable, "-c", program, site, folder], cwd=REPOSITORY) as process:
        while (folder / "index.html").exists():
            assert process.poll() is None
            time.sleep(0.001)
        process.kill()
    assert not (folder / "index.html").exists()
    place(site, folder)
    assert (folder / "index.html").read_text() == "start"
    assert len(list(folder.glob("guides/*.html.gz"))) == MANY


def run_script(checkout: Path, name: str, *arguments: str, programs: Path, **variables: str) -> tuple[int, str, str]:
    """Run a script where nothing is installed but a shell's tools and the programs of a folder."""
    tools = programs.parent / "tools"
    tools.mkdir(exist_ok=True)
    for tool in (
        "sh",
        "sort",
        "grep",
        "head",
        "tail",
        "cut",
        "sed",
        "date",
        "mktemp",
        "rm",
        "cat",
        "dirname",
        "id",
        "ls",
    ):
        if not (tools / tool).exists():
            (tools / tool).symlink_to(str(shutil.which(tool)))
    done = subprocess.run(
        [str(checkout / "scripts" / name), *arguments],
        cwd=checkout,
        env={"PATH": f"{programs}{os.pathsep}{tools}", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    return folder


def add_python(programs: Path, name: str, version: str, *, has_venv: bool = True) -> None:
    """Add a Python that says it is of a version: this one, with other words."""
    major, minor, micro = version.split(".")
    before = (
        "import sys, collections; V = collections.namedtuple('V', 'major minor micro releaselevel serial')\n"
        f"sys.version_info = V({major}, {minor}, {micro}, 'final', 0)\n"
        f"sys._base_executable = {str(programs / name)!r}\n"
    )
    if not has_venv:
        before += "sys.modules['ensurepip'] = None\n"
    program = programs / f"{name}.py"
    program.write_text(f"{before}sys.argv = sys.argv[1:]\nexec(sys.stdin.read())\n")
    write_program(programs / name, f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$@"\n')


def find_python(checkout: Path, programs: Path, *arguments: str) -> tuple[int, str, str]:
    return run_script(checkout, "find-python", *(arguments or ("newest",)), programs=programs)


def test_a_python_without_venv_says_which_package_to_install(checkout: Path, programs: Path) -> None:
    add_python(programs, "python3", "3.11.2", has_venv=False)
    assert find_python(checkout, programs) == (
        1, "", "Python 3.11.2 can't make virtual environments: apt install python3-venv\n"
    )  # fmt: skip


def test_a_python_that_is_too_old_is_named(checkout: Path, programs: Path) -> None:
    add_python(programs, "python3", "3.9.18")
    status, shown, said = find_python(checkout, programs)
    assert (status, shown) == (1, "")
    assert said.startswith("Rootkeeper needs Python 3.11 or later, and the newest one found is 3.9.18.")


def test_no_python_at_all_is_said(checkout: Path, programs: Path) -> None:
    status, shown, said = find_python(checkout, programs)
    assert (status, shown) == (1, "")
    assert said.startswith("Rootkeeper needs Python 3.11 or later, and none was found.")


def test_the_newest_python_that_the_package_is_tested_on_is_chosen(checkout: Path, programs: Path) -> None:
    for minor in (11, 13, 14, 15):
        add_python(programs, f"python3.{minor}", f"3.{minor}.1")
    add_python(programs, "python3", "3.9.1")
    assert find_python(checkout, programs) == (0, f"{programs / 'python3.14'}\n", "")
    assert find_python(checkout, programs, "oldest") == (0, f"{programs / 'python3.11'}\n", "")
    assert find_python(checkout, programs, "newest", "python3.13") == (0, f"{programs / 'python3.13'}\n", "")


def test_a_newer_python_is_better_than_none(checkout: Path, programs: Path) -> None:
    add_python(programs, "python3", "3.15.0")
    add_python(programs, "python3.12", "3.12.1", has_venv=False)
    assert find_python(checkout, programs) == (0, f"{programs / 'python3'}\n", "")


def test_make_demo_ends_where_no_environment_can_be_made(checkout: Path) -> None:
    add_python(checkout / "programs", "shut", "3.12.9", has_venv=False)
    done = subprocess.run(
        ["make", "demo", f"PYTHON={checkout / 'programs/shut'}"],
        cwd=checkout, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Python 3.12.9 can't make virtual environments: apt install python3-venv\n" in done.stderr
    assert not (checkout / ".venv/.server").exists()


LINKER = "{0}: error while loading shared libraries: {1}: cannot open shared object file: No such file or directory"


@pytest.mark.parametrize(
    ("library", "advice"),
    [
        ("libatomic.so.1", "Node.js can't start, because libatomic.so.1 is missing: apt install libatomic1\n"),
        ("libother.so.2", "Node.js can't start, because libother.so.2 is missing. Install the package that"),
    ],
)
def test_a_library_that_node_lacks_is_named(library: str, advice: str, checkout: Path, programs: Path) -> None:
    venv = checkout / ".venv"
    (venv / "bin").mkdir(parents=True)
    write_program(venv / "bin/npm", "#!/bin/sh\n")
    write_program(venv / "bin/node", f"#!/bin/sh\necho '{LINKER.format('node', library)}' >&2\nexit 127\n")
    write_program(checkout / "scripts/install-locked", "#!/bin/sh\n# It is installed already.\n")
    status, _, said = run_script(checkout, "ensure-node", str(venv), programs=programs)
    assert status == 1
    assert advice in said


PLAYWRIGHT = """#!/bin/sh
[ "$3" != --version ] || exit 0
echo "Error: the download failed" >&2
exit 1
"""
"""A Playwright that starts, and can't download."""


def add_venv(checkout: Path, python: str) -> str:
    """Add a virtual environment whose Python is a program."""
    (checkout / ".venv/bin").mkdir(parents=True)
    write_program(checkout / ".venv/bin/python", python)
    return str(checkout / ".venv")


def test_a_missing_chromium_says_what_to_install(checkout: Path, programs: Path) -> None:
    """Neither Debian's package nor a download can be had."""
    status, _, said = run_script(checkout, "ensure-chromium", add_venv(checkout, PLAYWRIGHT), programs=programs)
    assert status == 1
    assert said == (
        "Error: the download failed\nThe browser tests need Chromium, and there is none: apt install chromium\n"
    )


def test_a_library_that_playwright_lacks_is_named(checkout: Path, programs: Path) -> None:
    """Debian without recommended packages lacks it, also where Chromium is installed."""
    write_program(programs / "chromium", "#!/bin/sh\n")
    python = f"#!/bin/sh\necho '{LINKER.format('node', 'libatomic.so.1')}' >&2\nexit 127\n"
    status, _, said = run_script(checkout, "ensure-chromium", add_venv(checkout, python), programs=programs)
    assert status == 1
    assert said == "Playwright can't start, because libatomic.so.1 is missing: apt install libatomic1\n"


HEADLESS = "chromium-headless-shell"


@pytest.mark.parametrize(("served", "wanted"), [(HEADLESS, [HEADLESS]), ("chromium", [HEADLESS, HEADLESS, "chromium"])])
def test_root_installs_a_headless_chromium_or_else_any(
    served: str, wanted: list[str], checkout: Path, programs: Path, tmp_path: Path
) -> None:
    """Older releases don't have the headless one; ``apt-get update`` is tried before it is given up."""
    asked = tmp_path / "asked"
    write_program(programs / "id", "#!/bin/sh\necho 0\n")
    noting = f'for last; do :; done; echo "$last" >> {asked}; [ "$last" = {served} ]'
    write_program(programs / "apt-get", f'#!/bin/sh\n[ "$1" = update ] || {{ {noting}; }}\n')
    status, _, said = run_script(checkout, "ensure-chromium", add_venv(checkout, "#!/bin/sh\n"), programs=programs)
    assert (status, said) == (0, "")
    assert asked.read_text().split() == wanted


def test_a_chromium_of_the_machine_is_enough(checkout: Path, programs: Path) -> None:
    write_program(programs / "chromium", "#!/bin/sh\n")
    venv = add_venv(checkout, PLAYWRIGHT)
    assert run_script(checkout, "ensure-chromium", venv, programs=programs) == (0, "", "")
