"""The formats: text to an ordered tree of values with the metadata apart, and plain trees back to text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from fairlead.build.sops.errors import SopsError
from fairlead.build.sops.metadata import Metadata, unflattened
from fairlead.objects.yaml import dump_all
from fairlead.objects.yaml_reader import Dialect, YamlError, read_documents
from fairlead.objects.yaml_scalars import Written, plain_12

__all__ = ["Document", "Encrypted", "Format", "emit", "parse", "parts"]

Document = dict[str, Any]

_FLAT: Final = "sops_"
_SECTION: Final = re.compile(r"\[([^\]]*)\]")


class Format(StrEnum):
    YAML = "yaml"
    JSON = "json"
    DOTENV = "dotenv"
    INI = "ini"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A parsed file."""

    documents: list[Document]
    """Maps in the order of the file; comments are left out."""
    metadata: Metadata


def parse(content: bytes, format: Format) -> Encrypted:
    """Raises :class:`SopsError` for what is no file that SOPS encrypted."""
    text = _text(content)
    match format:
        case Format.YAML:
            documents, block = _nested(_yaml(text))
        case Format.JSON | Format.BINARY:
            documents, block = _nested([_json(text)])
        case Format.DOTENV:
            documents, block = _dotenv(text)
        case Format.INI:
            documents, block = _ini(text)
    return Encrypted(documents, Metadata.of(block))


def parts(content: bytes, format: Format) -> list[Encrypted]:
    """What SOPS encrypted of a file of manifests: all of it as a rule, for it writes one and the same block into each
    document. Documents that were put together have a block each, and plain ones, also those that quote an encrypted
    file, have none.
    """
    text = _text(content)
    try:
        documents = [_json(text)] if format is Format.JSON else _yaml(text)
    except SopsError:
        documents = _yaml(text)
    found: list[tuple[dict[str, Any], list[Document]]] = []
    for document in documents:
        block = document.get("sops")
        if not isinstance(block, dict):
            continue
        members = next((members for known, members in found if known == block), None)
        if members is None:
            found.append((block, members := []))
        members.append({key: value for key, value in document.items() if key != "sops"})
    return [Encrypted(members, Metadata.of(block)) for block, members in found]


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise SopsError("it is no text") from None


def emit(documents: list[Document], format: Format) -> bytes:
    """Plain documents as text; raises :class:`SopsError` for values that the format cannot hold."""
    match format:
        case Format.YAML:
            return dump_all(documents, sort_keys=False).encode("utf-8", "surrogateescape")
        case Format.JSON:
            text = json.dumps(documents[0], indent="\t", ensure_ascii=False)
            return f"{_for_go(text)}\n".encode("utf-8", "surrogateescape")
        case Format.DOTENV:
            lines = [f"{key}={_line(key, value)}\n" for key, value in documents[0].items()]
            return "".join(lines).encode("utf-8", "surrogateescape")
        case Format.INI:
            return _ini_text(documents[0]).encode("utf-8", "surrogateescape")
        case Format.BINARY:
            value = documents[0].get("data")
            if not isinstance(value, str):
                raise SopsError("it holds no single encrypted value; name it by its format, for example with .yaml")
            return value.encode("utf-8", "surrogateescape")


def _nested(documents: list[Document]) -> tuple[list[Document], dict[str, Any]]:
    block = documents[0].get("sops") if documents else None
    if not isinstance(block, dict):
        raise SopsError("it has no sops metadata")
    return [{key: value for key, value in item.items() if key != "sops"} for item in documents], block


def _plain(text: str) -> Any:
    value = plain_12(text)
    return value.value if isinstance(value, Written) else value


_DIALECT: Final = Dialect.of(_plain, str)


def _yaml(text: str) -> list[Document]:
    try:
        documents = [document for document in read_documents(text, _DIALECT) if document is not None]
    except YamlError as error:
        raise SopsError(f"it is no YAML: {error.problem}") from error
    if not all(isinstance(document, dict) for document in documents):
        raise SopsError("a document is no mapping")
    return documents


def _json(text: str) -> Document:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise SopsError("it is no JSON") from None
    if not isinstance(value, dict):
        raise SopsError("it is no JSON object")
    return value


def _for_go(text: str) -> str:
    """Go's JSON writes these characters escaped, for the sake of web pages."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _dotenv(text: str) -> tuple[list[Document], dict[str, Any]]:
    values: Document = {}
    flat: dict[str, str] = {}
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        key, separator, value = line.partition("=")
        if not separator:
            raise SopsError("a line is no assignment")
        if key.startswith(_FLAT):
            flat[key.removeprefix(_FLAT)] = value
        else:
            values[key] = value.replace("\\n", "\n")
    if not flat:
        raise SopsError("it has no sops metadata")
    return [values], unflattened(flat)


def _line(key: str, value: object) -> str:
    if isinstance(value, (dict, list)):
        raise SopsError(f"the value of '{key}' is no single value, which is all that an env file can hold")
    return _word(value).replace("\n", "\\n")


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _ini(text: str) -> tuple[list[Document], dict[str, Any]]:
    document: Document = {"DEFAULT": {}}
    section = document["DEFAULT"]
    for raw in text.split("\n"):
        line = raw.strip()
        if not line or line[0] in ";#":
            continue
        if header := _SECTION.match(line):
            section = document.setdefault(header[1].strip(), {})
            continue
        key, separator, value = line.partition("=")
        if not separator:
            raise SopsError("a line is neither a section nor an assignment")
        section[key.strip().strip('`"')] = _ini_value(value.strip())
    block = document.pop("sops", None)
    if not block:
        raise SopsError("it has no sops metadata")
    return [document], unflattened(block)


def _ini_value(text: str) -> str:
    for quote in ('"""', "`", '"', "'"):
        if text.startswith(quote) and text.endswith(quote) and len(text) >= 2 * len(quote):
            return text[len(quote) : -len(quote)]
    for mark in (" ;", " #"):
        text = text.partition(mark)[0].rstrip()
    return text


def _ini_text(document: Document) -> str:
    """As the library of the SOPS tool writes it: names of a section are as wide as the longest."""
    sections = []
    for name, section in document.items():
        if not isinstance(section, dict):
            raise SopsError(f"the value of '{name}' is no section, and an ini file has only those")
        width = max(map(len, section), default=0)
        lines = [f"{key.ljust(width)} = {_ini_word(_word(value))}\n" for key, value in section.items()]
        head = [f"[{name}]\n"] if name != "DEFAULT" else []
        if head or lines:
            sections.append("".join([*head, *lines]))
    return "\n".join(sections)


def _ini_word(text: str) -> str:
    if "\n" in text or "`" in text:
        return f'"""{text}"""'
    return f"`{text}`" if "#" in text or ";" in text else text
