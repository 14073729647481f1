"""The entry point turns every ending into one exit status."""

from __future__ import annotations

import re
import sys

import pytest

from rootkeeper.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "There is no command 'nonsense'."),
        (["audot"], "Did you mean audit?"),
        (["windows", "aprove"], "There is no command 'aprove'. Did you mean approve?"),
        (["--nonsense"], "There is no option --nonsense."),
        (["delete", "--al"], "There is no option --al. Did you mean --all"),
        (["windows"], ""),
        (["audit", "--details=maybe"], ""),
        (["audit", "--status", "Present"], "Invalid value for '--status': 'Present' is not one of 'not_applicable',"),
    ],
)
def test_wrong_usage_ends_with_2_and_keeps_stdout_for_data(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_help_of_all_commands_imports_none_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    for name in [name for name in sys.modules if name.startswith("rootkeeper.cli.commands.audit")]:
        del sys.modules[name]
    assert main(["--help"]) == 0
    assert "audit" in capsys.readouterr().out
    assert "rootkeeper.cli.commands.audit" not in sys.modules


@pytest.mark.parametrize(
    "name", ["", "apply", "audit", "jobs show", "windows", "policies roles", "failsafe record-drill"]
)
def test_help_shows_flags_and_arguments_without_a_type_and_choices_as_their_values(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*name.split(), "--help"]) == 0
    page = capsys.readouterr().out
    options = [line for line in page.splitlines() if line.startswith("  -")]
    assert options
    assert not re.findall(r"<(?:bool|str|list|int|path).*|\[[a-z_]+\|.*\]| BOOLEAN| PATH", page)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("rootkeeper pla", ["plan"]),
        ("rootkeeper windows cl", ["close"]),
        ("rootkeeper audit --status not_", ["not_applicable", "not_present"]),
        ("rootkeeper audit --fail-on ", ["present", "unknown", "unread", "none"]),
        ("rootkeeper audit --fail-on unknown,", ["unknown,present", "unknown,unread", "unknown,none"]),
        ("rootkeeper delete --only mfa", ["mfa_devices"]),
        ("rootkeeper audit -o js", ["json", "jsonl"]),
    ],
)
def test_completion_offers_commands_and_choices(
    words: str, offered: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_ROOTKEEPER_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert capsys.readouterr().out.split() == [f"plain,{word}" for word in offered]
