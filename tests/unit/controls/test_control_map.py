"""The control map: every known mapping is judged or left out with a reason, and nothing is claimed without a source."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from rootkeeper.controls.assessment import CHECKS
from rootkeeper.controls.control_map import choose_frameworks, get_control, load_frameworks
from rootkeeper.controls.rules import CheckName, Control, Framework, Showing, Strength, WithoutPassword
from rootkeeper.errors import InputError, NotFoundError

KNOWN = Path(__file__).with_name("known_mappings.csv")
"""Mappings of these frameworks that are known: from their own texts, from other tools, and our reading of them."""

FRAMEWORKS = load_frameworks()


def read_known() -> list[dict[str, str]]:
    with KNOWN.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def find_framework(framework_id: str) -> Framework:
    return next(one for one in FRAMEWORKS if one.framework_id == framework_id)


def find_control(row: dict[str, str]) -> Control | None:
    """The control of a known mapping, which may write its id in a way of its own."""
    wanted = name_control(row)
    controls = find_framework(row["framework"]).controls
    return next((one for one in controls if one.control_id == wanted), None)


def name_control(row: dict[str, str]) -> str:
    """The framework's own id: other tools number their checks below it, or write it in a way of their own."""
    text, framework = row["control"], row["framework"]
    if framework == "pci-dss-4.0.1" and row["source"].startswith("prowler"):
        return text.rpartition(".")[0]
    if framework == "soc-2" and "_" in text:
        family, number, part = text.split("_")
        return f"{family.upper()}{number}.{part}"
    if framework == "nist-800-53-r5" and "_" in text:
        family, number, *parts = text.split("_")
        enhancement = f"({parts[0]})" if parts and parts[0].isdigit() else "".join(parts)
        return f"{family.upper()}-{number}{enhancement}"
    return text


def is_left_out(row: dict[str, str]) -> bool:
    return any(
        name_control(row) in one.control_ids and row["check"] in one.checks
        for one in find_framework(row["framework"]).left_out
    )


def is_judged(row: dict[str, str]) -> bool:
    control = find_control(row)
    return control is not None and any(one.check == row["check"] for one in control.checks)


def test_every_known_mapping_is_judged_or_left_out_with_a_reason() -> None:
    rows = read_known()
    assert len(rows) > 200
    assert [row for row in rows if is_judged(row) == is_left_out(row)] == []


def test_no_known_mapping_is_unverified() -> None:
    assert {row["strength"] for row in read_known()} == {one.value for one in Strength}


def test_each_source_names_the_section_that_it_is_from() -> None:
    """The control's own id, or the id under which another tool has it."""
    sections: dict[tuple[str, str, str], set[str]] = {}
    for row in read_known():
        sections.setdefault((row["framework"], name_control(row), row["check"]), set()).add(row["control"])
    for framework in FRAMEWORKS:
        for control in framework.controls:
            for one in control.checks:
                wanted = {control.control_id, *sections[framework.framework_id, control.control_id, one.check.value]}
                wanted |= {text.lower().replace("(", ".").replace(")", "") for text in wanted}
                wanted |= {re.sub(r"^cc(\d)", r"cc_\1", text).replace(".", "_") for text in wanted}
                for source in one.source.split("; "):
                    assert any(re.search(rf", {re.escape(text)}\b", source) for text in wanted) or (
                        source.removeprefix("also ").startswith("AWS Security Hub User Guide, IAM.")
                    ), (control.key, source)


def test_every_judged_mapping_is_known_with_its_strength() -> None:
    """The map doesn't claim a stronger mapping than is known."""
    known: dict[tuple[str, str, str], set[str]] = {}
    for row in read_known():
        known.setdefault((row["framework"], name_control(row), row["check"]), set()).add(row["strength"])
    for framework in FRAMEWORKS:
        for control in framework.controls:
            for one in control.checks:
                strengths = known.get((framework.framework_id, control.control_id, one.check.value))
                assert strengths is not None, f"{control.key} {one.check}"
                assert one.strength.value in strengths, f"{control.key} {one.check}"


def test_every_frameworks_version_is_there() -> None:
    cis = [f"cis-{version}" for version in ("1.4", "1.5", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0")]
    others = ["aws-fsbp", "pci-dss-4.0.1", "soc-2", "nist-800-53-r5", "iso-27001-2022"]
    assert [one.framework_id for one in FRAMEWORKS] == [*cis, *others]


def test_every_control_has_one_key_a_text_and_a_source() -> None:
    controls = [control for framework in FRAMEWORKS for control in framework.controls]
    assert len({control.key for control in controls}) == len(controls)
    for control in controls:
        assert control.title, control.key
        assert not control.title.endswith("."), control.key
        assert control.text.endswith("."), control.key
        assert control.checks, control.key
        assert len({one.check for one in control.checks}) == len(control.checks), control.key
        assert all(one.source for one in control.checks), control.key
    for framework in FRAMEWORKS:
        assert all(one.reason.endswith(".") for one in framework.left_out), framework.framework_id


def test_only_the_frameworks_own_text_lets_a_check_show_a_whole_control() -> None:
    whole = [
        (control.key, one.strength)
        for framework in FRAMEWORKS
        for control in framework.controls
        for one in control.checks
        if one.showing is Showing.DIRECT and one.strength is not Strength.DIRECT
    ]
    assert whole == []


@pytest.mark.parametrize(
    ("framework_ids", "rule"),
    [
        (("cis-1.4", "cis-1.5", "cis-2.0", "cis-3.0", "cis-4.0"), WithoutPassword.NOT_APPLICABLE),
        (("cis-5.0", "cis-6.0", "cis-7.0"), WithoutPassword.PASS),
    ],
)
def test_only_texts_that_accept_a_missing_password_let_it_pass(
    framework_ids: tuple[str, ...], rule: WithoutPassword
) -> None:
    mfa = {CheckName.ROOT_MFA, CheckName.ROOT_HW_MFA}
    found = [
        one.without_password
        for framework in choose_frameworks(framework_ids)
        for control in framework.controls
        for one in control.checks
        if one.check in mfa
    ]
    assert found == [rule] * (2 * len(framework_ids))


def test_every_check_has_a_function() -> None:
    assert set(CHECKS) == set(CheckName)


def test_every_check_is_used() -> None:
    used = {one.check for framework in FRAMEWORKS for control in framework.controls for one in control.checks}
    assert used == set(CheckName)


def test_an_unknown_framework_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=re.escape("no framework cis-9.9")) as refusal:
        choose_frameworks(["cis-7.0", "cis-9.9"])
    assert "cis-7.0" in str(refusal.value.hint)


def test_frameworks_are_chosen_once_in_the_order_of_the_map() -> None:
    chosen = choose_frameworks(["soc-2", "cis-7.0", "soc-2"])
    assert [one.framework_id for one in chosen] == ["cis-7.0", "soc-2"]


def test_a_control_is_found_by_its_key() -> None:
    assert get_control("cis-7.0/2.1.1").control_id == "2.1.1"
    with pytest.raises(NotFoundError):
        get_control("cis-7.0/99")
