"""Shamir's secret sharing over GF(2^8) with the polynomial of AES: parts of a data key back to the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.build.sops.errors import SopsError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["combine"]


def _tables() -> tuple[list[int], list[int]]:
    powers, logarithms = [0] * 255, [0] * 256
    value = 1
    for exponent in range(255):
        powers[exponent] = value
        logarithms[value] = exponent
        value ^= (value << 1) ^ (0x11B if value & 0x80 else 0)  # times 3, a generator of the field
    return powers, logarithms


_POWERS, _LOGARITHMS = _tables()


def combine(parts: Sequence[bytes]) -> bytes:
    """The secret; the last byte of each part is its x coordinate. Too few parts give another secret, not an error."""
    if len({len(part) for part in parts}) != 1 or len(parts[0]) < 2:
        raise SopsError("the parts of the data key do not fit together")
    xs = [part[-1] for part in parts]
    if len(set(xs)) != len(xs):
        raise SopsError("two parts of the data key are the same")
    weights = [_weight(xs, index) for index in range(len(xs))]
    return bytes(_at_zero(column, weights) for column in zip(*(part[:-1] for part in parts), strict=True))


def _weight(xs: Sequence[int], index: int) -> int:
    """The part's share in the value at zero, by Lagrange; in this field a difference is a sum."""
    weight = 1
    for other, x in enumerate(xs):
        if other != index:
            weight = _times(weight, _divided(x, xs[index] ^ x))
    return weight


def _at_zero(ys: Sequence[int], weights: Sequence[int]) -> int:
    value = 0
    for y, weight in zip(ys, weights, strict=True):
        value ^= _times(y, weight)
    return value


def _times(left: int, right: int) -> int:
    return _POWERS[(_LOGARITHMS[left] + _LOGARITHMS[right]) % 255] if left and right else 0


def _divided(left: int, right: int) -> int:
    return _POWERS[(_LOGARITHMS[left] - _LOGARITHMS[right]) % 255] if left else 0
