"""Scenarios of requests, and answers made comparable.

A scenario runs in a namespace of its own. What differs between any two runs (uids, times, resource versions, generated
names, addresses) is replaced by names: two equal values get the same name, in the order of their appearance.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Send = Callable[[str, str, bytes | None, dict[str, str]], Awaitable[tuple[int, dict[str, str], bytes]]]

__all__ = ["Scenario", "Step", "play"]

_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_GENERATED = re.compile(r"\bgen-[a-z0-9]{5}\b")
_ADDRESS = re.compile(r"\b10\.\d+\.\d+\.\d+\b")

JSON, MERGE, STRATEGIC, APPLY = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


_OF_THE_SERVER = frozenset(
    {"continue", "ca.crt", "storageVersionHash", "serverAddress", "goVersion", "gitCommit", "compiler", "description"}
)
"""Fields that say something about the server itself, and prose, which the local cluster does not have."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request. ``{ns}`` in paths and bodies is the scenario's namespace; ``{rv:N}`` and ``{uid:N}`` come from the
    answer of the step before by position."""

    method: str
    path: str
    body: Any = None
    media: str = "application/json"
    accept: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    eventually: str = ""
    """Repeat until the answer contains this text (for what controllers do)."""


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    steps: tuple[Step, ...]
    setup: tuple[Step, ...] = field(default=())


class _Names:
    """Stable names for values that differ between runs."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], str] = {}

    def __call__(self, kind: str, value: str) -> str:
        key = (kind, value)
        if key not in self._seen:
            count = sum(1 for known, _ in self._seen if known == kind)
            self._seen[key] = f"<{kind} {count + 1}>"
        return self._seen[key]


def _normalise(value: Any, names: _Names, namespace: str) -> Any:
    if isinstance(value, dict):
        named = "name" in value
        return {
            _normalise_text(key, names, namespace): _normalise_field(key, item, names, namespace, named=named)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_normalise(item, names, namespace) for item in value if not _is_plain_bookmark(item)]
    if isinstance(value, str):
        return _normalise_text(value, names, namespace)
    return value


def _is_plain_bookmark(item: Any) -> bool:
    """A bookmark that came because of the time."""
    if not isinstance(item, dict) or item.get("type") != "BOOKMARK":
        return False
    return "annotations" not in item.get("object", {}).get("metadata", {})


def _normalise_field(key: str, item: Any, names: _Names, namespace: str, *, named: bool) -> Any:
    if key == "resourceVersion" and isinstance(item, str) and item:
        return names("version", item) if named else "<version>"  # a list's depends on what others write
    if key in _OF_THE_SERVER:
        return f"<{key}>"
    if key == "causes" and isinstance(item, list):  # the real server lists some twice
        item = [cause for index, cause in enumerate(item) if cause not in item[:index]]
        item.sort(key=str)
    if key == "managedFields" and isinstance(item, list):  # their order depends on the second that they were made in
        item = sorted(item, key=lambda entry: (entry["operation"], entry["manager"], entry.get("subresource", "")))
    return _normalise(item, names, namespace)


def _normalise_text(text: str, names: _Names, namespace: str) -> str:
    text = text.replace(namespace, "{ns}")
    text = re.sub(r'(resourceVersion: )"\d+"', r"\1<version>", text)
    text = _UID.sub(lambda found: names("uid", found[0]), text)
    text = _GENERATED.sub(lambda found: names("name", found[0]), text)
    text = _ADDRESS.sub(lambda found: names("address", found[0]), text)
    text = re.sub(r'(patch: |^)Invalid value: "\{.*\}"', r'\1Invalid value: "<patched>"', text)
    text = re.sub(r"(current: |too old resource version: )\d+( \(\d+\))?", r"\1<n>", text)
    text = re.sub(r"(ResourceVersion in the precondition \()\d+(\).* record \()\d+", r"\1<n>\2<n>", text)
    text = text.partition("\n@@ ")[0]  # the difference of Go structs that some refusals end in
    if re.fullmatch(r"\d+s", text):
        return "<age>"
    return _TIME.sub("<time>", text)


def _fill(value: Any, namespace: str, last: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {_fill(key, namespace, last): _fill(item, namespace, last) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, namespace, last) for item in value]
    if isinstance(value, str):
        value = value.replace("{ns}", namespace)
        for key, known in last.items():
            value = value.replace(f"{{{key}}}", known)
        return value
    return value


def _remember(answer: Any, last: dict[str, str]) -> None:
    """``{rv}``, ``{uid}`` and ``{continue}`` of the latest answer that had them."""
    metadata = answer.get("metadata") if isinstance(answer, dict) else None
    for key, short in (("resourceVersion", "rv"), ("uid", "uid"), ("continue", "continue")):
        if isinstance(metadata, dict) and metadata.get(key):
            last[short] = metadata[key]


def _parse(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line]
    except ValueError:
        return text


async def play(scenario: Scenario, send: Send, namespace: str) -> list[dict[str, Any]]:
    """Run a scenario; the comparable answer of each step."""
    last: dict[str, str] = {}
    names = _Names()
    for step in scenario.setup:
        await _ask(step, send, namespace, last)
    answers = []
    for step in scenario.steps:
        status, headers, body = await _ask(step, send, namespace, last)
        answer = _parse(body)
        _remember(answer, last)
        entry: dict[str, Any] = {"status": status, "body": _normalise(answer, names, namespace)}
        if headers.get("warning"):
            entry["warning"] = _normalise_text(headers["warning"], names, namespace)
        answers.append(entry)
    return answers


async def _ask(step: Step, send: Send, namespace: str, last: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    body = step.body
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(_fill(body, namespace, last)).encode()
    headers = {"Accept": step.accept, "User-Agent": "conformance/1", **_fill(dict(step.headers), namespace, last)}
    if body is not None:
        headers["Content-Type"] = step.media
    path = _fill(step.path, namespace, last)
    for _ in range(300):
        answer = await send(step.method, path, body, headers)
        if not step.eventually or step.eventually in answer[2].decode("utf-8", "replace"):
            return answer
        await asyncio.sleep(0.1)
    return answer
