"""Codes of authenticator apps, against the vectors of their standard."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from rootkeeper.access.factors import find_step, make_seed, make_uri

VECTOR_SEED = base64.b32encode(b"12345678901234567890").decode()
VECTORS = ((59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130"))
"""Source: RFC 6238, appendix B, SHA-1; the last six of its eight digits."""


def at(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_the_standards_own_codes_are_known_with_their_step(seconds: int, code: str) -> None:
    assert find_step(VECTOR_SEED, code, at(seconds)) == seconds // 30


@pytest.mark.parametrize(("drift", "step"), [(-61, None), (-30, 41152262), (0, 41152263), (30, 41152264), (60, None)])
def test_a_clock_may_be_off_by_one_step(drift: int, step: int | None) -> None:
    now = at(1_234_567_890)
    code = pyotp.TOTP(VECTOR_SEED).at(now + timedelta(seconds=drift))
    assert find_step(VECTOR_SEED, code, now) == step


@pytest.mark.parametrize("text", ["", "00592", "0059240", "abcdef", "٠٠٥٩٢٤", " 05924", "005924\n", "-05924"])
def test_what_isnt_six_digits_is_no_code(text: str) -> None:
    assert find_step(VECTOR_SEED, text, at(1_234_567_890)) is None


def test_a_seed_is_random_and_its_uri_is_what_apps_read() -> None:
    seed = make_seed()
    assert seed != make_seed()
    assert len(base64.b32decode(seed)) == 20
    parsed = pyotp.parse_uri(make_uri(seed, "ana@example.com"))
    assert isinstance(parsed, pyotp.TOTP)
    assert (parsed.secret, parsed.name, parsed.issuer, parsed.digits) == (seed, "ana@example.com", "Rootkeeper", 6)
