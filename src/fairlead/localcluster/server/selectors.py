"""Label and field selectors as a request spells them, compiled to predicates over a stored object."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.localcluster.status import bad_request
from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.localcluster.server.registry import Resource
    from fairlead.localcluster.storage import Stored

__all__ = ["Selection", "labels_of", "parse_label_selector", "select"]

_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_TOKEN = re.compile(r"\s*(==|!=|=|!|<|>|\(|\)|,|[^\s=!<>(),]+)")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a label selector."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: dict[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "in":
                return value is not None and value in self.values
            case "notin":
                return value is None or value not in self.values
            case _:
                return value is not None and _compare(value, self.operator, next(iter(self.values)))


def _compare(value: str, operator: str, bound: str) -> bool:
    try:
        number, limit = int(value), int(bound)
    except ValueError:
        return False
    return number > limit if operator == "gt" else number < limit


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def parse(self) -> list[Requirement]:
        requirements = []
        while self.peek():
            requirements.append(self.requirement())
            if self.peek() and self.take() != ",":
                raise self.error(self.tokens[self.at - 1], "',' or 'end of string'", wrap=False)
            if self.at and self.tokens[self.at - 1] == "," and not self.peek():
                raise self.error("", "identifier after ','", wrap=False)
        return requirements

    def requirement(self) -> Requirement:
        negated = self.peek() == "!"
        if negated:
            self.take()
        key = self.take()
        if negated and not key:
            raise self.error("", "identifier")
        if not key or key in "=!<>(),==":
            raise self.error(key, "!, identifier, or 'end of string'", wrap=False)
        _check_key(key)
        if negated:
            return Requirement(key, "!")
        if self.peek() in ("", ","):
            return Requirement(key, "exists")
        return self.comparison(key, self.take())

    def comparison(self, key: str, operator: str) -> Requirement:
        if operator in ("=", "==", "!="):
            value = self.take() if self.peek() not in ("", ",") else ""
            _check_value(key, value)
            return Requirement(key, "notin" if operator == "!=" else "in", frozenset([value]))
        if operator in ("in", "notin"):
            return Requirement(key, operator, self.values())
        if operator in ("<", ">", "lt", "gt"):
            bound = self.take()
            return Requirement(key, {"<": "lt", ">": "gt"}.get(operator, operator), frozenset([bound]))
        raise self.error(operator, _OPERATORS)

    def values(self) -> frozenset[str]:
        if self.take() != "(":
            found = self.tokens[self.at - 1] if self.at <= len(self.tokens) else ""
            raise ValueError(f"unable to parse requirement: found '{found}' expected: '('")
        values: set[str] = set()
        expect_value = True
        while (part := self.take()) != ")":
            if not part:
                raise self.error("", "',' or ')'")
            if part == ",":
                if expect_value:
                    values.add("")
                expect_value = True
            else:
                values.add(part)
                expect_value = False
        return frozenset(values or {""})

    @staticmethod
    def error(found: str, expected: str, *, wrap: bool = True) -> ValueError:
        text = f"found '{found}', expected: {expected}"
        return ValueError(f"unable to parse requirement: {text}" if wrap else text)


_LABEL_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_PREFIX_RULE = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def _check_key(key: str) -> None:
    prefix, _, name = key.rpartition("/")
    where = f'unable to parse requirement: <nil>: Invalid value: "{key}":'
    if "/" in prefix:
        raise ValueError(f"{where} a valid label key {_NAME_RULE} {_PREFIX_RULE}")
    if not _LABEL_NAME.fullmatch(name) or len(name) > 63:
        raise ValueError(f"{where} name part {_NAME_RULE}")


def _check_value(key: str, value: str) -> None:
    where = f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}":'
    if not _LABEL_VALUE.fullmatch(value):
        raise ValueError(f"{where} {_VALUE_RULE}")
    if len(value) > 63:
        raise ValueError(f"{where} must be no more than 63 bytes")


def parse_label_selector(text: str) -> list[Requirement]:
    """The terms of a selector; raises ``ValueError`` with the real server's text."""
    return _Parser(text).parse()


class _Meta(msgspec.Struct):
    labels: dict[str, str] = {}


class _Labelled(msgspec.Struct):
    metadata: _Meta


_labels_decoder = msgspec.json.Decoder(_Labelled)


def labels_of(stored: Stored) -> dict[str, str]:
    """An object's labels; decodes nothing else."""
    return _labels_decoder.decode(b"{" + stored.body).metadata.labels


_FIELDS: dict[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "secrets": ("type",),
    "services": ("spec.clusterIP", "spec.type"),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "replicasets.apps": ("status.replicas",),
    "replicationcontrollers": ("status.replicas",),
    "jobs.batch": ("status.successful",),
    "certificatesigningrequests.certificates.k8s.io": ("spec.signerName",),
}
"""Fields that a resource can be selected by, besides ``metadata.name`` and ``metadata.namespace``."""


def _field_value(obj: dict[str, Any], path: str) -> str:
    if path == "source":
        return str((obj.get("source") or {}).get("component") or obj.get("reportingComponent") or "")
    node: Any = obj
    for part in path.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    if isinstance(node, bool):
        return "true" if node else "false"
    if node is None:
        return "false" if path in ("spec.unschedulable", "spec.hostNetwork") else ""
    return str(node)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a list or watch wants to see."""

    name: str = ""
    namespace: str = ""
    labels: tuple[Requirement, ...] = ()
    fields: tuple[tuple[str, bool, str], ...] = ()
    """(path, equal or not, value); names and namespaces included"""

    @property
    def everything(self) -> bool:
        return not self.labels and not self.fields

    def matches(self, stored: Stored) -> bool:
        """Namespace and name alone are not checked here: whoever scans has done so."""
        if self.labels:
            labels = labels_of(stored)
            if not all(requirement.matches(labels) for requirement in self.labels):
                return False
        return not self.fields or self._fields_match(stored)

    def _fields_match(self, stored: Stored) -> bool:
        obj: dict[str, Any] | None = None
        for path, equal, wanted in self.fields:
            if path == "metadata.name":
                value = stored.name
            elif path == "metadata.namespace":
                value = stored.namespace
            else:
                obj = decode_body(stored.body) if obj is None else obj
                value = _field_value(obj, path)
            if (value == wanted) is not equal:
                return False
        return True


def select(resource: Resource, namespace: str, label_selector: str, field_selector: str) -> Selection:
    """Compile the selectors of a request; a wrong one is the real server's 400."""
    try:
        labels = parse_label_selector(label_selector) if label_selector else []
        fields = _parse_fields(resource, field_selector) if field_selector else []
    except ValueError as error:
        raise bad_request(str(error)) from error
    name = next((value for path, equal, value in fields if path == "metadata.name" and equal), "")
    return Selection(name, namespace, tuple(labels), tuple(fields))


def _parse_fields(resource: Resource, text: str) -> list[tuple[str, bool, str]]:
    terms = []
    known = _selectable(resource)
    for part in re.split(r"(?<!\\),", text):
        if not part:
            continue
        path, equal, value = _split_term(part, text)
        if path not in known:
            raise ValueError(_unknown_field(resource, path, known))
        terms.append((path, equal, value))
    return terms


def _split_term(part: str, text: str) -> tuple[str, bool, str]:
    for operator, equal in (("!=", False), ("==", True), ("=", True)):
        path, found, value = part.partition(operator)
        if found:
            return path.strip(), equal, re.sub(r"\\(.)", r"\1", value)
    raise ValueError(f"invalid selector: '{text}'; can't understand '{part}'")


def _selectable(resource: Resource) -> Sequence[str]:
    custom = [path.lstrip(".") for path in resource.custom.selectable_fields] if resource.custom else []
    scope = (
        ("metadata.name", "metadata.namespace") if resource.namespaced or not resource.custom else ("metadata.name",)
    )
    return (*scope, *_FIELDS.get(resource.collection, ()), *custom)


def _unknown_field(resource: Resource, path: str, known: Sequence[str]) -> str:
    if resource.collection in _FIELDS or (resource.custom and resource.custom.selectable_fields):
        return f"field label not supported: {path}"
    return f'"{path}" is not a known field selector: only {", ".join(f"{chr(34)}{one}{chr(34)}" for one in known)}'
