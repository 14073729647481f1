"""Every listing at terminals of 80, 100, 120 and 200 columns: whole identifiers, whole titles, and no lost column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from rootkeeper.cli.main import PROGRAM
from tests.functional.administration import Administration
from tests.functional.conversation import converse
from tests.functional.running import Program, Runner, open_program
from tests.sandbox_process import SandboxProcess

CLEAN, FULL, ORDERS = "400050006000", "800090001000", "888899990000"
DELEGATE = "222233334444"
MAILBOX = "aws+rootkeeper-security-tooling@example.com"
