"""In which waves a deletion goes, as given on a command line."""

from __future__ import annotations

import pytest

from rootkeeper.cli.options import WaveOptions
from rootkeeper.deletion.rules import WaveRules
from rootkeeper.errors import InputError


def test_what_isnt_asked_for_isnt_done() -> None:
    assert WaveOptions().to_rules() == WaveRules()


def test_everything_can_be_asked_for() -> None:
    options = WaveOptions(canary=2, wave=10, pause="30s", stop_after_failures=3)
    assert options.to_rules() == WaveRules(2, 10, 30, 3)
    assert WaveOptions(canary=1, pause="2m").to_rules() == WaveRules(1, None, 120, None)


@pytest.mark.parametrize(
    "options",
    [
        WaveOptions(canary=0),
        WaveOptions(wave=0),
        WaveOptions(wave=-3),
        WaveOptions(stop_after_failures=0),
        WaveOptions(pause="30s"),
        WaveOptions(wave=2, pause="0s"),
        WaveOptions(wave=2, pause="soon"),
        WaveOptions(wave=2, pause="30"),
        WaveOptions(wave=2, pause="9d"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_hint(options: WaveOptions) -> None:
    with pytest.raises(InputError) as raised:
        options.to_rules()
    assert raised.value.hint
