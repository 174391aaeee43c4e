"""Writes plain values as YAML, byte for byte like the go-yaml v2 family that prints kustomize's and kubectl's output.

Two spaces of indentation, dashes not indented below their key, keys in natural order, strings quoted when a YAML 1.1
reader would take them for something else, literal blocks for several lines, long scalars wrapped after column 80.
"""

from __future__ import annotations

import re
from functools import cmp_to_key
from typing import Any, Final

from fairlead.objects.yaml_scalars import (
    FALSE_11,
    NULLS,
    TRUE_11,
    Written,
    format_float,
    is_base60,
    number,
    parse_timestamp,
    whole,
)

__all__ = ["natural_order", "write"]

_WIDTH: Final = 80
_LONGEST_SIMPLE_KEY: Final = 128
_BREAKS: Final = "\n\r\x85\u2028\u2029"
_UNPRINTABLE: Final = re.compile("[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_SPACE_BREAK: Final = re.compile("[ ][\n\r\x85\u2028\u2029]")
_BREAK_SPACE: Final = re.compile("[\n\r\x85\u2028\u2029][ ]")
_BREAK: Final = re.compile("[\n\r\x85\u2028\u2029]")
# What a plain scalar in a block may not hold: an indicator in front, or ": ", a colon at the end, " #" inside.
_NOT_PLAIN: Final = re.compile(
    r"""[#,\[\]{}&*!|>'"%@` ]|[?:-](?:[ \n\r\t\x85\u2028\u2029]|\Z)|---|\.\.\.""",
)
_NOT_PLAIN_INSIDE: Final = re.compile(r":(?:[ \n\r\t\x85\u2028\u2029]|\Z)|[ \n\r\t\x85\u2028\u2029]#")
_WORDS: Final = NULLS | TRUE_11 | FALSE_11
_ESCAPED: Final = re.compile(
    '["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff\U00010000-\U0010ffff]'
)
_ESCAPES: Final = {
    "\x00": "\\0",
    "\x07": "\\a",
    "\x08": "\\b",
    "\x09": "\\t",
    "\x0a": "\\n",
    "\x0b": "\\v",
    "\x0c": "\\f",
    "\x0d": "\\r",
    "\x1b": "\\e",
    '"': '\\"',
    "\\": "\\\\",
    "\x85": "\\N",
    "\xa0": "\\_",
    "\u2028": "\\L",
    "\u2029": "\\P",
}


class _Scalars(dict[str, str]):
    """Remembers how short strings on one line are written."""

    def __missing__(self, text: str) -> str:
        written = _one_line(text)
        if len(text) <= 80:
            if len(self) > 50_000:
                self.clear()
            self[text] = written
        return written


_scalars = _Scalars()
_LONG_KEY: Final = "?"
"""Stands for a key that needs lines of its own; a real key is written in quotes when it is a question mark."""
_orders: dict[tuple[str, ...], list[tuple[str, str]]] = {}


def write(value: Any, *, sort_keys: bool = True) -> str:
    """One document, without a separator, ending in a newline."""
    out: list[str] = []
    if type(value) is dict and value:
        _write_map(out, value, "", "", sort_keys)
    elif type(value) is list and value:
        _write_list(out, value, "", "", sort_keys)
    else:
        out.append(_inline(value, 2, 0) + "\n")
    return "".join(out)


def _write_map(out: list[str], value: dict[str, Any], pad: str, lead: str, sort_keys: bool) -> None:
    """``lead`` stands before the first key (dashes of the lists around), ``pad`` before every other one."""
    keys = tuple(value)
    if sort_keys:
        order = _orders.get(keys)
        if order is None:
            order = _remember_order(keys)
    else:
        order = [(key, _key(key)) for key in keys]
    indent = len(pad)
    for key, written in order:
        item = value[key]
        kind = type(item)
        if written is _LONG_KEY:
            _write_long_key(out, key, item, pad, lead, sort_keys)
        elif kind is str:
            if "\n" in item:
                text = _literal(item, indent + 2, indent + len(written) + 2)
            else:
                text = _scalars[item]
                if len(text) + indent + len(written) > 78 and " " in text:
                    text = _wrap(text, indent + 2, indent + len(written) + 2)
            out.append(f"{lead}{written}: {text}\n")
        elif kind is dict and item:
            out.append(f"{lead}{written}:\n")
            deeper = pad + "  "
            _write_map(out, item, deeper, deeper, sort_keys)
        elif kind is list and item:
            out.append(f"{lead}{written}:\n")
            _write_list(out, item, pad, pad, sort_keys)
        else:
            out.append(f"{lead}{written}: {_inline(item, indent + 2, indent + len(written) + 2)}\n")
        lead = pad


def _write_long_key(out: list[str], key: str, item: Any, pad: str, lead: str, sort_keys: bool) -> None:
    """``? key`` on lines of its own, and ``: value`` on the next."""
    indent = len(pad) + 2
    out.append(f"{lead}? {_inline(key, indent, indent)}\n")
    if type(item) is dict and item:
        _write_map(out, item, pad + "  ", pad + ": ", sort_keys)
    elif type(item) is list and item:
        _write_list(out, item, pad + "  ", pad + ": ", sort_keys)
    else:
        out.append(f"{pad}: {_inline(item, indent, indent)}\n")


def _write_list(out: list[str], value: list[Any], pad: str, lead: str, sort_keys: bool) -> None:
    deeper = pad + "  "
    indent = len(deeper)
    for item in value:
        kind = type(item)
        if kind is str:
            if "\n" in item:
                text = _literal(item, indent, indent)
            else:
                text = _scalars[item]
                if len(text) + indent > 80 and " " in text:
                    text = _wrap(text, indent, indent)
            out.append(f"{lead}- {text}\n")
        elif kind is dict and item:
            _write_map(out, item, deeper, lead + "- ", sort_keys)
        elif kind is list and item:
            _write_list(out, item, deeper, lead + "- ", sort_keys)
        else:
            out.append(f"{lead}- {_inline(item, indent, indent)}\n")
        lead = pad


def _inline(value: Any, indent: int, column: int) -> str:
    """Anything that fits on the line of its key: all but filled maps and lists."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        if "\n" in value:
            return _literal(str(value), indent, column)
        return _wrap(_one_line(str(value)), indent, column)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[]"
    if isinstance(value, Written):
        return _inline(value.value, indent, column)
    raise TypeError(f"{type(value).__name__} is no value of YAML")


def _float(value: float) -> str:
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    if value.is_integer() and abs(value) < 1e21 and -(2**63) <= (digits := whole(value)) < 2**64:
        return str(digits)
    return format_float(value, exponent_from=6)


def _one_line(text: str) -> str:
    """A string without a line feed, in the style that go-yaml chooses, before wrapping."""
    if text in _WORDS or is_base60(text) or number(text) is not None or parse_timestamp(text) is not None:
        return _double_quoted(text)
    if _UNPRINTABLE.search(text):
        return _double_quoted(text)
    if _BREAK.search(text):
        return _with_breaks(text)
    if _NOT_PLAIN.match(text) or text[-1] == " " or _NOT_PLAIN_INSIDE.search(text):
        return "'" + text.replace("'", "''") + "'"
    return text


def _with_breaks(text: str) -> str:
    """Unicode's line separators break lines in quotes, too; such text is always safe in escapes."""
    return _double_quoted(text)


def _double_quoted(text: str) -> str:
    if text[:1] == "\ufeff":
        # go-yaml asks whether the text, not the character, is a byte order mark: then it escapes everything.
        return '"' + "".join(_escaped(character) for character in text) + '"'
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    return _escaped(match[0])


def _escaped(character: str) -> str:
    known = _ESCAPES.get(character)
    if known is not None:
        return known
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _wrap(text: str, indent: int, column: int) -> str:
    """Breaks a scalar on one line at the first single blank past column 80, as often as needed."""
    if column + len(text) <= _WIDTH or " " not in text:
        return text
    double = text[0] == '"'
    last = len(text) - (2 if text[0] in "\"'" else 0)
    lines: list[str] = []
    start = 0
    while True:
        at = text.find(" ", max(start + _WIDTH + 1 - column, start + 1, 2 if text[0] in "\"'" else 0))
        while at != -1 and (text[at - 1] == " " or (text[at + 1] == " " and not double)):
            at = text.find(" ", at + 1)
        if at == -1 or at >= last:
            break
        lines.append(text[start:at] + "\n")
        start = at + 1
        column = indent
        if text[start] == " ":
            lines.append(" " * indent + "\\")
            column += 1
        else:
            lines.append(" " * indent)
    lines.append(text[start:])
    return "".join(lines)


def _literal(text: str, indent: int, column: int) -> str:
    """A literal block, or double quotes where a block cannot hold the text; ends without a line feed."""
    if text[-1] == " " or _UNPRINTABLE.search(text) or _SPACE_BREAK.search(text):
        return _wrap(_double_quoted(text), indent, column)
    hint = "2" if text[0] in " " + _BREAKS else ""
    if text[-1] not in _BREAKS:
        chomp = "-"
    elif len(text) == 1 or text[-2] in _BREAKS:
        chomp = "+"
    else:
        chomp = ""
    body = text if chomp == "-" else text[:-1]
    pad = " " * indent
    lines = [pad + line if line else "" for line in body.split("\n")]
    return f"|{hint}{chomp}\n" + "\n".join(lines)


def _remember_order(keys: tuple[str, ...]) -> list[tuple[str, str]]:
    if len(_orders) > 20_000:
        _orders.clear()
    order = _orders[keys] = [(key, _key(key)) for key in natural_order(keys)]
    return order


def _key(key: str, indent: int = 0) -> str:
    """A key as it stands before its colon; long ones and those with line breaks take YAML's ``? key`` form."""
    if not isinstance(key, str):
        raise TypeError(f"{type(key).__name__} is no key of YAML")
    breaks = _BREAK.search(key) is not None
    if not breaks and len(key) * 4 > _LONGEST_SIMPLE_KEY:
        breaks = len(key.encode(errors="surrogateescape")) > _LONGEST_SIMPLE_KEY
    return _LONG_KEY if breaks else _scalars[key]


def natural_order(keys: tuple[str, ...]) -> list[str]:
    """Keys as go-yaml sorts them: digits as numbers, letters after everything else."""
    if all(map(str.isalpha, keys)):
        return sorted(keys)
    return sorted(keys, key=cmp_to_key(_compare))


def _compare(left: str, right: str) -> int:
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a == b:
            continue
        if a.isalpha() and b.isalpha():
            return -1 if a < b else 1
        if a.isalpha() or b.isalpha():
            return -1 if b.isalpha() else 1
        return _compare_digits(left, right, index)
    return len(left) - len(right)


def _compare_digits(left: str, right: str, index: int) -> int:
    """Both differ from ``index`` on and neither goes on with a letter."""
    lead = 0
    if "0" in (left[index], right[index]):
        before = index - 1
        while before >= 0 and left[before].isdecimal():
            if left[before] != "0":
                lead = 1
                break
            before -= 1
    a, a_end = _digits(left, index, lead)
    b, b_end = _digits(right, index, lead)
    if a != b:
        return -1 if a < b else 1
    if a_end != b_end:
        return -1 if a_end < b_end else 1
    return -1 if left[index] < right[index] else 1


def _digits(text: str, start: int, lead: int) -> tuple[int, int]:
    value, end = lead, start
    while end < len(text) and text[end].isdecimal():
        value = value * 10 + ord(text[end]) - ord("0")
        end += 1
    return value, end
