"""Resource quantities (``500m``, ``1Gi``): reading, comparing, and the canonical form in which the API server keeps
them.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal, localcontext
from functools import lru_cache
from typing import Final

__all__ = ["QUANTITY_TEXT", "QuantityError", "canonical_quantity", "parse_quantity", "round_up_to_milli"]

QUANTITY_TEXT: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_FORM: Final = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([eE][+-]?[0-9]+|[KMGTPE]i|[numkMGTPE]|)")
_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_NAMES: Final = {power: name for name, power in _BINARY.items()}
_DECIMAL_NAMES: Final = {power: name for name, power in _DECIMAL.items()}
_SMALLEST: Final = Decimal("1e-9")


class QuantityError(ValueError):
    """Not a quantity; the text is the API server's."""


def _split(text: str) -> tuple[Decimal, str]:
    match = _FORM.fullmatch(text)
    if match is None:
        raise QuantityError(QUANTITY_TEXT)
    number, suffix = match.groups()
    with localcontext() as context:
        context.prec = 60
        value = Decimal(number)
        if suffix in _BINARY:
            value *= 1024 ** _BINARY[suffix]
        elif suffix in _DECIMAL:
            value = value.scaleb(_DECIMAL[suffix])
        else:
            value = value.scaleb(int(suffix[1:]))
        # Nothing smaller than a billionth is kept; what is smaller rounds away from zero.
        sign = -1 if value < 0 else 1
        if value % _SMALLEST:
            value = sign * abs(value).quantize(_SMALLEST, rounding=ROUND_CEILING)
    return value, suffix


@lru_cache(maxsize=4096)
def parse_quantity(text: str) -> Decimal:
    """The value of a quantity; raises :class:`QuantityError`."""
    return _split(text)[0]


@lru_cache(maxsize=4096)
def canonical_quantity(text: str) -> str:
    """The quantity as the API server prints it: ``1000m`` is ``1``, ``1.5Gi`` is ``1536Mi``, ``0.5`` is ``500m``."""
    value, suffix = _split(text)
    if value == 0:
        return "0"
    if suffix in _BINARY and abs(value) >= 1024 and value == value.to_integral_value():
        return _print_binary(int(value))
    exponent = _exponent(value)
    number = str(int(value.scaleb(-exponent)))
    if suffix not in _BINARY and suffix not in _DECIMAL:
        return f"{number}e{exponent}" if exponent else number
    return number + _DECIMAL_NAMES[exponent]


def round_up_to_milli(text: str) -> str:
    """The quantity without anything below a thousandth, rounded away from zero."""
    value = parse_quantity(text)
    rounded = abs(value).quantize(Decimal("1e-3"), rounding=ROUND_CEILING)
    return canonical_quantity(f"{-rounded if value < 0 else rounded:f}")


def _print_binary(value: int) -> str:
    power = 0
    while value % 1024 == 0 and power < 6:
        value //= 1024
        power += 1
    return f"{value}{_BINARY_NAMES[power]}" if power else str(value)


def _exponent(value: Decimal) -> int:
    """The largest multiple of three that leaves a whole number."""
    normal = value.normalize()
    exponent = normal.as_tuple().exponent
    power = exponent if isinstance(exponent, int) else 0
    return max(-9, min(18, power // 3 * 3))
