"""Renders one format of the evidence report, and prints as JSON what that cost beyond the reading of the database.

The CPU has the import of the format's modules in it; the memory is the peak beyond what they and the report take. It is
a program of its own, so that every measurement starts with the same memory. The database is the one of the settings.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name

from rootkeeper.composition.application import Application
from rootkeeper.evidence.rules import Period, end_second
from rootkeeper.reports.formats import Carries, get_format
from rootkeeper.settings.reading import load_user_settings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("format", help="a name of the table of formats")
    chosen = get_format(parser.parse_args().format)
    with Application(load_user_settings(None), creates_database=False) as application:
        end = end_second(application.clock.now())
        report = application.evidence_compiler(None).compile(Period(end - timedelta(days=1), end))
        gc.collect()
        began = time.process_time()
        resolve_name(chosen.renderer)
        if chosen.carries is Carries.FINDINGS:
            import_module("rootkeeper.evidence.findings")  # makes findings of the report
        before_bytes = reset_peak_memory()
        written_bytes = sum(map(len, chosen.render(report)))
        taken = {
            "cpu_seconds": time.process_time() - began,
            "memory_bytes": read_memory("VmHWM") - before_bytes,
            "written_bytes": written_bytes,
            "accounts": len(report.accounts),
        }
    print(json.dumps(taken))
    return 0


def reset_peak_memory() -> int:
    """Let the kernel begin with the peak again, at the memory of now. Source: proc(5), /proc/pid/clear_refs."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return read_memory("VmRSS")


def read_memory(name: str) -> int:
    """In bytes. Source: proc(5), /proc/pid/status."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {name}.")


if __name__ == "__main__":
    sys.exit(main())
