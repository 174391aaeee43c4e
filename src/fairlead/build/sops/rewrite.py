"""Plain text from encrypted text with comments, order and layout kept, as the SOPS tool keeps them.

Matters where a file's bytes end up in a Secret: another layout would be another Secret, and pods would restart. The
values have been decrypted by then, in the order of the text; here they are put where the encrypted ones stand.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from fairlead.build.sops.stores import Format
from fairlead.build.sops.values import Time
from fairlead.objects.yaml import dump

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["rewritten"]

_TOKEN: Final = re.compile(
    r"""(?P<comment>\#|-[ ](?=ENC\[[^\]]*type:comment))?(?P<quote>["']?)(?P<value>ENC\[AES256_GCM,[^\]]*\])(?P=quote)"""
)
_YAML_BLOCK: Final = re.compile(r"^sops:.*\n?(?:(?:[ \t].*)?\n|[ \t].+\Z)*", re.MULTILINE)
_INI_BLOCK: Final = re.compile(r"^\[sops\]\n(?:[^\[].*\n?|\n)*", re.MULTILINE)
_DOTENV_BLOCK: Final = re.compile(r"^sops_.*\n?", re.MULTILINE)
_INDENT: Final = 4


def rewritten(text: str, format: Format, values: Sequence[Any], comment: Callable[[str], str | None]) -> str | None:
    """``values`` are the decrypted ones in order; ``comment`` decrypts a comment, if it can.

    ``None`` when text and values do not fit together: then the text was laid out by somebody else.
    """
    write: Callable[[Any, str, re.Match[str]], str]
    match format:
        case Format.YAML:
            body, write = _YAML_BLOCK.sub("", text), _yaml
        case Format.INI:
            body, write = _INI_BLOCK.sub("", text).rstrip("\n") + "\n", _ini
        case Format.DOTENV:
            body, write = _DOTENV_BLOCK.sub("", text), _dotenv
        case _:
            return None
    rest = iter(values)
    missing = object()

    def replace(match: re.Match[str]) -> str:
        if match["comment"]:
            plain = comment(match["value"])
            return match[0] if plain is None else f"#{plain}"
        value = next(rest, missing)
        return match[0] if value is missing else write(value, body, match)

    result = _TOKEN.sub(replace, body)
    wanted = sum(1 for match in _TOKEN.finditer(body) if not match["comment"])
    return result if wanted == len(values) else None


def _dotenv(value: Any, body: str, match: re.Match[str]) -> str:
    return _word(value).replace("\n", "\\n")


def _ini(value: Any, body: str, match: re.Match[str]) -> str:
    text = _word(value)
    if "\n" in text or "`" in text:
        return f'"""{text}"""'
    return f"`{text}`" if "#" in text or ";" in text else text


def _word(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _yaml(value: Any, body: str, match: re.Match[str]) -> str:
    if isinstance(value, Time):
        return str(value)
    head, *lines = dump({"k": value}).removeprefix("k: ").removesuffix("\n").split("\n")
    if not lines:
        return head
    if "\n" not in value:  # it was only wrapped
        if head[0] not in "'\"":
            return str(value)
        return "'" + value.replace("'", "''") + "'" if head[0] == "'" else _double_quoted(value)
    if head[0] != "|":
        return _double_quoted(value)
    indent = " " * (_column(body, match.start()) + _INDENT)
    head = re.sub(r"\d", str(_INDENT), head)
    return "\n".join([head, *(f"{indent}{line[2:]}" if line else "" for line in lines)])


def _double_quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _column(body: str, at: int) -> int:
    """The column of the key (or of the dash) in whose line the value stands."""
    line = body[body.rfind("\n", 0, at) + 1 : at]
    before = re.match(r" *(?:- +)*", line)
    width = len(before[0]) if before else 0
    return width if width < len(line) else len(line) - len(line.lstrip(" "))
