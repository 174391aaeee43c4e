"""Resource quantities: ``10Gi``, ``500M``, ``1e3``."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def bytes_of(quantity: str | float) -> int:
    """The whole number, rounded up; 0 for what is no quantity."""
    text = str(quantity).strip()
    try:
        if text[-2:] in _BINARY:
            return math.ceil(Decimal(text[:-2]) * (1 << _BINARY[text[-2:]]))
        if text[-1:] in _DECIMAL:
            return math.ceil(Decimal(text[:-1]).scaleb(_DECIMAL[text[-1:]]))
        return math.ceil(Decimal(text))
    except InvalidOperation:
        return 0
