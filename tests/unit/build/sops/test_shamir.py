"""Shamir's parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.build.sops.errors import SopsError
from fairlead.build.sops.shamir import combine


def times(left: int, right: int) -> int:
    """Multiplication in the field, the slow way."""
    product = 0
    while right:
        product ^= left if right & 1 else 0
        left = (left << 1) ^ (0x11B if left & 0x80 else 0)
        right >>= 1
    return product


def part(polynomials: list[list[int]], x: int) -> bytes:
    found = []
    for coefficients in polynomials:
        value = 0
        for coefficient in reversed(coefficients):
            value = times(value, x) ^ coefficient
        found.append(value)
    return bytes([*found, x])


@given(
    st.lists(st.lists(st.integers(0, 255), min_size=3, max_size=3), min_size=1, max_size=8),
    st.lists(st.integers(1, 255), min_size=3, max_size=3, unique=True),
)
def test_three_points_give_the_secret(polynomials: list[list[int]], xs: list[int]) -> None:
    secret = bytes(coefficients[0] for coefficients in polynomials)
    assert combine([part(polynomials, x) for x in xs]) == secret


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SopsError):
        combine([b"ab", b"abc"])
    with pytest.raises(SopsError):
        combine([b"ab", b"cb"])
