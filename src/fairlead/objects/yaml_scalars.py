"""What a plain YAML scalar means to the Go readers of the Kubernetes world.

Two readers matter. ``sigs.k8s.io/yaml`` (a YAML 1.1 reader of the go-yaml v2 family) reads everything that is turned
into JSON: kustomization files, JSON patches, what ``kubectl apply`` sends. go-yaml v3 reads the resources inside
kustomize; it knows ``true`` and ``false`` only, and its dates are dates. Both share the numbers of Go's ``strconv``.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final

__all__ = [
    "FALSE_11",
    "NULLS",
    "TRUE_11",
    "Written",
    "format_float",
    "is_base60",
    "json_number",
    "number",
    "parse_timestamp",
    "plain_11",
    "plain_12",
    "whole",
]

NULLS: Final = frozenset(["", "~", "null", "Null", "NULL"])
TRUE_11: Final = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
FALSE_11: Final = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])

_BOOLS_12: Final = frozenset(["true", "True", "TRUE", "false", "False", "FALSE"])
_NOT_FINITE: Final = {
    **dict.fromkeys([".nan", ".NaN", ".NAN"], float("nan")),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], float("inf")),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], float("-inf")),
}
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INTEGER: Final = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[oO](?P<o>[0-7]+)|0[bB](?P<bin>[01]+)"
    r"|(?P<oct>0[0-7]*)|(?P<dec>[1-9][0-9]*))",
    re.ASCII,
)
_BASE60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_TIMESTAMP: Final = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)"
    r"(?:(?P<separator>[Tt ])(?P<hour>\d\d?):(?P<minute>\d\d?):(?P<second>\d\d?)(?:[.,](?P<fraction>\d+))?"
    r"(?P<zone>Z|[-+]\d\d:\d\d)?)?",
    re.ASCII,
)
_NUMBER_STARTS: Final = frozenset("0123456789+-.")
_MAX_INT64: Final = 2**63 - 1
_MAX_UINT64: Final = 2**64 - 1


class Written:
    """A scalar whose text in the file differs from how its value is printed: ``1.50``, ``0755``, ``~``, a date.

    Some steps of a build go by the text, the output goes by the value. Immutable; equal when text and value are equal.
    """

    __slots__ = ("text", "value")

    def __init__(self, text: str, value: str | float | bool | None) -> None:
        self.text = text
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Written) and (self.text, self.value) == (other.text, other.value)

    def __hash__(self) -> int:
        return hash((self.text, self.value))

    def __repr__(self) -> str:
        return f"Written({self.text!r}, {self.value!r})"


@lru_cache(maxsize=4096)
def is_base60(text: str) -> bool:
    """Whether YAML 1.1 would read ``12:30:45`` and the like as a number."""
    return _BASE60.fullmatch(text) is not None


def number(text: str) -> int | float | None:
    """The number that a plain scalar spells, by the rules of go-yaml; ``None`` for any other text.

    Integers come in every Go notation and may hold underscores; what exceeds 64 bits is a float.
    """
    if not text or text[0] not in _NUMBER_STARTS:
        return None
    special = _NOT_FINITE.get(text)
    if special is not None:
        return special
    if text[0] == ".":
        return _float(text)
    plain = text.replace("_", "")
    match = _INTEGER.fullmatch(plain)
    if match is not None and len(plain) < 80:
        value = _integer(match)
        if -_MAX_INT64 - 1 <= value <= _MAX_UINT64:
            return value
    return _float(plain)


def _integer(match: re.Match[str]) -> int:
    base = {"hex": 16, "o": 8, "bin": 2, "oct": 8, "dec": 10}[match.lastgroup or "dec"]
    value = int(match[match.lastgroup or "dec"], base)
    return -value if match["sign"] == "-" else value


def _float(text: str) -> float | None:
    if _FLOAT.fullmatch(text) is None or len(text) > 5000:
        return None
    value = float(text)
    return None if value in (float("inf"), float("-inf")) else value


def parse_timestamp(text: str) -> str | None:
    """The date that a plain scalar spells, as Go marshals it; ``None`` for any other text."""
    match = _TIMESTAMP.fullmatch(text) if text[4:5] == "-" else None
    if match is None:
        return None
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    zone = match["zone"] or "Z"
    if (match["separator"] == " " and match["zone"]) or (match["separator"] in ("T", "t") and not match["zone"]):
        return None
    try:
        date(max(year, 1) if year else 4, month, day)
    except ValueError:
        return None
    if hour > 23 or minute > 59 or second > 59 or (zone != "Z" and (int(zone[1:3]) > 24 or int(zone[4:]) > 60)):
        return None
    fraction = (match["fraction"] or "")[:9].rstrip("0")
    tail = f".{fraction}" if fraction else ""
    zone = "Z" if zone in ("+00:00", "-00:00") else zone
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{tail}{zone}"


def plain_11(text: str) -> str | int | float | bool | None:
    """What ``sigs.k8s.io/yaml`` reads from a plain scalar; dates stay text."""
    if text in NULLS:
        return None
    if text in TRUE_11:
        return True
    if text in FALSE_11:
        return False
    value = number(text)
    return text if value is None else json_number(value)


def plain_12(text: str) -> str | int | float | bool | Written | None:
    """What go-yaml v3 reads from a plain scalar: the dialect of the resources inside kustomize.

    Values that are printed as they were written come back as such, all others as :class:`Written`.
    """
    if text in NULLS:
        return None if text == "null" else Written(text, None)
    if text in _BOOLS_12:
        value = text.lower() == "true"
        return value if text in ("true", "false") else Written(text, value)
    date_text = parse_timestamp(text)
    if date_text is not None:
        return Written(text, date_text)
    found = number(text)
    if found is None:
        return text
    return found if isinstance(found, int) and str(found) == text else Written(text, found)


def json_number(value: float) -> int | float:
    """The number after a way through JSON as Kubernetes decodes it: an integer where it is one and fits 64 bits."""
    if isinstance(value, float):
        if not value.is_integer() or abs(value) >= 1e21:
            return value
        value = whole(value)
    return value if -_MAX_INT64 - 1 <= value <= _MAX_INT64 else float(value)


def whole(value: float) -> int:
    """The integer that JSON shows for a float without a fraction: its shortest digits, filled up with zeros."""
    return int(value) if -(2**53) < value < 2**53 else int(format_float(value, exponent_from=400))


def format_float(value: float, *, exponent_from: int) -> str:
    """A float in the shortest digits that read back the same, as Go's ``strconv`` prints it.

    ``exponent_from`` is the first decimal exponent that is written with ``e``: 21 for JSON and for YAML numbers of the
    go-yaml v2 family below it; small numbers switch at 1e-5 (``%g``) for any value of it.
    """
    mantissa, _, exponent_text = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    fraction = "" if fraction == "0" else fraction
    exponent = int(exponent_text or 0) + len(whole) - 1
    digits = (whole + fraction).lstrip("0")
    exponent -= len(whole + fraction) - len((whole + fraction).lstrip("0")) if digits else 0
    digits = digits.rstrip("0") or "0"
    if digits == "0":
        return f"{sign}0"
    if exponent < -4 or exponent >= exponent_from:
        tail = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    head = digits[: exponent + 1].ljust(exponent + 1, "0")
    return f"{sign}{head}.{digits[exponent + 1 :]}" if len(digits) > exponent + 1 else f"{sign}{head}"
