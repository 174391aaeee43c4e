"""Quantities in the canonical form of the API server."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.localcluster.schema.quantity import (
    QuantityError,
    canonical_quantity,
    parse_quantity,
    round_up_to_milli,
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1000m", "1"), ("0.5", "500m"), ("1.5Gi", "1536Mi"), ("1024", "1024"), ("1024Ki", "1Mi"), ("1000k", "1M"),
        ("1e3", "1e3"), ("12e6", "12e6"), ("100.5", "100500m"), ("0", "0"), ("0Gi", "0"), ("1.1Ki", "1126400m"),
        ("-1Gi", "-1Gi"), ("+5", "5"), (".5", "500m"), ("5.", "5"), ("1u", "1u"), ("0.1n", "1n"), ("1E", "1E"),
        ("1500000k", "1500M"), ("512Mi", "512Mi"), ("0.5Ki", "512"),
    ],
)  # fmt: skip
def test_canonical_form(text: str, canonical: str) -> None:
    assert canonical_quantity(text) == canonical


@pytest.mark.parametrize("text", ["", "x", "1x", "1.2.3", "Gi", "1 Gi", "1ki", "--1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        parse_quantity(text)


@given(st.integers(-(10**9), 10**9), st.sampled_from(["n", "u", "m", "", "k", "M", "Ki", "Mi", "Gi"]))
def test_the_canonical_form_keeps_the_value_and_is_stable(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    canonical = canonical_quantity(text)
    assert parse_quantity(canonical) == parse_quantity(text)
    assert canonical_quantity(canonical) == canonical


@given(st.integers(-(10**12), 10**12))
def test_rounding_goes_away_from_zero(number: int) -> None:
    value = parse_quantity(round_up_to_milli(f"{number}u"))
    exact = parse_quantity(f"{number}u")
    assert abs(value) >= abs(exact)
    assert abs(value - exact) < Decimal("1e-3")
