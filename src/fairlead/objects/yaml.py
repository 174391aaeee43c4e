"""YAML as the Kubernetes world reads and writes it: the dialect of ``sigs.k8s.io/yaml``, in plain values.

Values are ``dict`` (with string keys), ``list``, ``str``, ``int``, ``float``, ``bool`` and ``None``. Reading follows
YAML 1.1 as Go knows it (``yes`` is true, ``0777`` is 511, dates are text); a duplicate key is an error. Writing sorts
keys and quotes every string that some reader could take for something else, so that each value comes back as what it
was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.objects.yaml_reader import SIGS, YamlError, read_documents
from fairlead.objects.yaml_writer import write

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["YamlError", "dump", "dump_all", "load", "load_all"]


def load(text: str | bytes, *, file: str = "") -> Any:
    """The first document's value; ``None`` for an empty text. Raises :class:`YamlError`, which names ``file`` and
    line."""
    return next(read_documents(text, SIGS, file=file), None)


def load_all(text: str | bytes, *, file: str = "") -> list[Any]:
    """The values of all documents; those that are empty or null are dropped."""
    return [value for value in read_documents(text, SIGS, file=file) if value is not None]


def dump(value: Any, *, sort_keys: bool = True) -> str:
    """One document, ending in a newline; ``sort_keys=False`` keeps the order of each map."""
    return write(value, sort_keys=sort_keys)


def dump_all(values: Iterable[Any], *, sort_keys: bool = True) -> str:
    """Documents with ``---`` between them; nothing at all for no values."""
    return "---\n".join(write(value, sort_keys=sort_keys) for value in values)
