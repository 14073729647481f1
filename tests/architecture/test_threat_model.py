"""The threat model names tests that exist, and says for each threat what remains."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.architecture.source_files import REPOSITORY, list_tests

PAGE = "docs/explanation/threat-model.md"
PARTS = ("Protection", "Remains", "Tests")
_ASSET = re.compile(r"^### (?P<asset>.+?)\n(?P<threats>.*?)(?=^#{2,3} |\Z)", re.MULTILINE | re.DOTALL)
_THREAT = re.compile(r"^\*\*(?P<attacker>[^\n]+)\*\*\n(?P<parts>.*?)(?=^\*\*|\Z)", re.MULTILINE | re.DOTALL)
_PART = re.compile(r"^- (?P<name>\w+): (?P<text>.+?)(?=^- |\Z)", re.MULTILINE | re.DOTALL)


class Threat(NamedTuple):
    """One attacker of one asset."""

    asset: str
    attacker: str
    parts: dict[str, str]


def list_threats() -> list[Threat]:
    page = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    return [
        Threat(asset["asset"], threat["attacker"], dict(_PART.findall(threat["parts"])))
        for asset in _ASSET.finditer(page)
        for threat in _THREAT.finditer(asset["threats"])
    ]


def test_each_threat_has_everything() -> None:
    threats = list_threats()
    assert len(threats) >= 30
    assert [threat for threat in threats if tuple(threat.parts) != PARTS or not all(threat.parts.values())] == []


def test_each_asset_has_a_threat() -> None:
    assets = re.findall(r"^### (.+)$", (REPOSITORY / PAGE).read_text(encoding="utf-8"), re.MULTILINE)
    assert list(dict.fromkeys(threat.asset for threat in list_threats())) == assets


def test_each_test_of_the_threat_model_exists() -> None:
    for threat in list_threats():
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", threat.parts["Tests"])
        assert named, f"{threat.asset}, {threat.attacker}: no test"
        missing = [f"{path}::{name}" for path, name in named if name not in list_tests(REPOSITORY / path)]
        assert missing == []
