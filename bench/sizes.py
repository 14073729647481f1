"""How large an installation is with each extra, and how long the command line alone takes to start.

Each is a new virtual environment. The wheel of this checkout is installed into it, with its dependencies from the
Python package registry. A size is what files take on the disk: those of the packages alone; with Python's compiled
files; and the whole environment, with pip.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from measuring.pages import parse_options, show
from measuring.processes import measure
from measuring.surroundings import describe_surroundings
from measuring.tables import render_list, render_table

PROGRAM = "bench/sizes.py"
REPOSITORY = Path(__file__).resolve().parents[1]
EXTRAS = ("", "fast", "pdf", "postgresql", "crt", "server")
STARTS = ("--version", "status --help")
WANTED_MEGABYTES = 120
WANTED_CPU_SECONDS = 0.25
LARGEST = 6
_BLOCK_BYTES = 512
_MEGABYTE = 2**20
"""As du counts."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="starts of each command, of which the median is shown")
    parser.add_argument("--extra", action="append", choices=EXTRAS, help="install with these extras only; '' is none")
    parser.add_argument("--wheel", type=Path, metavar="FILE", help="measure this wheel instead of building one")
    options = parse_options(parser, PROGRAM)
    surroundings = describe_surroundings()
    print(f"{surroundings}\n", flush=True)
    rows, remarks, missed = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        wheel = options.wheel or build_wheel(Path(folder))
        pip = measure_pip(Path(folder) / "pip") / _MEGABYTE
        for extra in options.extra or EXTRAS:
            environment = install(wheel, extra, Path(folder) / (extra or "alone"))
            bare, sizes = measure_packages(environment, is_compiled=False), measure_packages(environment)
            total = sum(sizes.values()) / _MEGABYTE
            shown = (f"{sum(bare.values()) / _MEGABYTE:.0f}", f"{total:.0f}", f"{total + pip:.0f}")
            rows.append((f"rootkeeper[{extra}]" if extra else "rootkeeper", *shown, str(len(sizes))))
            if not extra:
                missed += ["size"] if total > WANTED_MEGABYTES else []
                largest = sorted(sizes.items(), key=lambda one: -one[1])[:LARGEST]
                names = ", ".join(f"{name} {size / _MEGABYTE:.0f}" for name, size in largest)
                remarks.append(f"Largest of the command line alone, in MB: {names}.")
                starts = {command: time_start(environment, command, options.rounds) for command in STARTS}
                missed += [command for command, cpu in starts.items() if cpu > WANTED_CPU_SECONDS]
                times = ", ".join(f"{command} {cpu:.2f}" for command, cpu in starts.items())
                remarks.append(f"Starts of the command line alone, CPU s, medians of {options.rounds}: {times}.")
    wanted = f"Wanted: {WANTED_MEGABYTES} MB for the command line alone, and {WANTED_CPU_SECONDS} s for its starts."
    remarks.append(f"{wanted} {'Missed: ' + ', '.join(missed) if missed else 'Reached'}.")
    text = render_table(("installed", "MB", "MB, compiled", "MB, with pip", "packages"), rows)
    show(f"{text}\n\n{render_list(remarks)}", surroundings, PROGRAM, options.markdown)
    return 0


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout; the console must be built already, or Node.js be there."""
    program = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    built = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return folder / built.stdout.splitlines()[-1]


def install(wheel: Path, extra: str, environment: Path) -> Path:
    """Install the wheel with an extra into a new environment, and return the folder of its packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    wanted = f"{wheel}[{extra}]" if extra else str(wheel)
    installing = ("-m", "pip", "--python", str(environment / "bin/python"), "install", "--quiet", wanted)
    subprocess.run([sys.executable, *installing], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    return packages


def measure_pip(environment: Path) -> int:
    """Measure the bytes on the disk of a new environment, which contains pip and its compiled files."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    return sum(path.lstat().st_blocks for path in environment.rglob("*")) * _BLOCK_BYTES


def measure_packages(packages: Path, *, is_compiled: bool = True) -> dict[str, int]:
    """Measure the bytes on the disk of each distribution, its metadata included.

    :param is_compiled: whether Python's compiled files count.
    """
    owners = {
        line.partition(",")[0].partition("/")[0]: record.parent.name.partition("-")[0]
        for record in packages.glob("*.dist-info/RECORD")
        for line in record.read_text(encoding="utf-8").splitlines()
    }
    sizes: dict[str, int] = defaultdict(int)
    for path in packages.rglob("*"):
        top = path.relative_to(packages).parts[0]
        if top in owners and not path.is_symlink() and (is_compiled or path.suffix != ".pyc"):
            sizes[owners[top]] += path.stat().st_blocks * _BLOCK_BYTES
    return sizes


def time_start(packages: Path, command: str, rounds: int) -> float:
    """Median of the CPU seconds, after one start that brings the files into the cache."""
    program = packages.parents[2] / "bin/rootkeeper"
    runs = [measure([str(program), *command.split()], {}).cpu_seconds for _ in range(rounds + 1)]
    return median(runs[1:])


if __name__ == "__main__":
    sys.exit(main())
