"""QR codes: symbols that other encoders make alike, and a reading of what was written."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootkeeper.sandbox.people.qr_codes import draw_qr_code, encode_qr_code
from rootkeeper.sandbox.totp import otpauth_uri

KNOWN = {
    1: "697166759f771908",
    60: "ecad1675b2445460",
    130: "e37bd5806a89bba5",
    300: "682ecd9ca6612351",
}
"""By length of the text: the hash of the symbol, each found equal to that of the package qrcode."""


def text_of(length: int) -> str:
    return ("otpauth://totp/AWS%20sandbox:" * 20)[:length]


def show(modules: list[list[bool]]) -> str:
    return "\n".join("".join("#" if is_dark else "." for is_dark in row) for row in modules)


@pytest.mark.parametrize("length", KNOWN)
def test_symbols_are_those_of_another_encoder(length: int) -> None:
    modules = encode_qr_code(text_of(length).encode())
    assert modules is not None
    assert hashlib.sha256(show(modules).encode()).hexdigest()[:16] == KNOWN[length]


def test_a_text_that_is_too_long_has_none() -> None:
    assert encode_qr_code(b"x" * 412) is not None
    assert encode_qr_code(b"x" * 413) is None
    assert draw_qr_code("x" * 413, "too long") is None


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=200))
def test_finder_and_timing_patterns_are_where_readers_look_for_them(data: bytes) -> None:
    modules = encode_qr_code(data)
    assert modules is not None
    size = len(modules)
    finder = ["#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"]
    for top, left in ((0, 0), (0, size - 7), (size - 7, 0)):
        assert show([row[left : left + 7] for row in modules[top : top + 7]]).split("\n") == finder
    assert [modules[6][column] for column in range(8, size - 8)] == [n % 2 == 0 for n in range(8, size - 8)]
    assert {len(row) for row in modules} == {size}


def test_the_picture_has_a_name_and_a_quiet_zone_and_no_text_of_its_own() -> None:
    picture = draw_qr_code(otpauth_uri("A" * 32, "aws+orders-prod@example.com", "AWS sandbox"), 'a "name"')
    assert picture is not None
    assert 'role="img"' in picture
    assert "a &quot;name&quot;" in picture
    assert "AAAA" not in picture
    assert 'd="M4,4h1v1h-1z' in picture
