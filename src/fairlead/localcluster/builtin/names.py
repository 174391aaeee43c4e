"""Names, labels and metadata: the rules and texts of ``apimachinery/pkg/util/validation``."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

from fairlead.localcluster.schema.field_errors import FieldError, forbidden, go_quoted, invalid, required, too_long
from fairlead.objects.ref import split_api_version

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[[str], list[str]]

__all__ = [
    "config_key",
    "dns_label",
    "dns_subdomain",
    "ip_address",
    "label_value",
    "labels",
    "metadata",
    "path_segment",
    "port_name",
    "port_number",
    "problems",
    "qualified_name",
    "service_label",
]

_LABEL_PATTERN: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_PATTERN: Final = rf"{_LABEL_PATTERN}(\.{_LABEL_PATTERN})*"
_SERVICE_PATTERN: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_NAME_PATTERN: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE_PATTERN: Final = f"({_NAME_PATTERN})?"
_KEY_PATTERN: Final = "[-._a-zA-Z0-9]+"

_LABEL: Final = re.compile(_LABEL_PATTERN)
_SUBDOMAIN: Final = re.compile(_SUBDOMAIN_PATTERN)
_SERVICE: Final = re.compile(_SERVICE_PATTERN)
_NAME: Final = re.compile(_NAME_PATTERN)
_VALUE: Final = re.compile(_VALUE_PATTERN)
_KEY: Final = re.compile(_KEY_PATTERN)

_NAME_TEXT: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_PATTERN}')"
)
_PREFIX_TEXT: Final = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
_SUBDOMAIN_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN_PATTERN}')"
)
_LABEL_TEXT: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL_PATTERN}')"
)
_SERVICE_TEXT: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    f"'{_SERVICE_PATTERN}')"
)
_VALUE_TEXT: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE_PATTERN}')"
)
_KEY_TEXT: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    f"'key-name', regex used for validation is '{_KEY_PATTERN}')"
)
_STANDARD_FINALIZERS: Final = frozenset({"kubernetes", "orphan", "foregroundDeletion"})
_ANNOTATIONS_LIMIT_BYTES: Final = 256 * 1024


def problems(path: str, value: str, check: Check) -> list[FieldError]:
    """One error per problem that a check finds in a value."""
    return [invalid(path, value, text) for text in check(value)]


# ---- single strings: each check gives the texts of what is wrong


def _at_most(value: str, limit: int, unit: str = "characters") -> list[str]:
    return [f"must be no more than {limit} {unit}"] if len(value) > limit else []


def dns_subdomain(value: str) -> list[str]:
    """What most objects are called."""
    return _at_most(value, 253) + ([] if _SUBDOMAIN.fullmatch(value) else [_SUBDOMAIN_TEXT])


def dns_label(value: str) -> list[str]:
    """Namespaces, containers, volumes."""
    if "." in value:
        return ["must not contain dots"]
    return _at_most(value, 63) + ([] if _LABEL.fullmatch(value) else [_LABEL_TEXT])


def service_label(value: str) -> list[str]:
    """Services, and the names in custom resource definitions."""
    return _at_most(value, 63) + ([] if _SERVICE.fullmatch(value) else [_SERVICE_TEXT])


def path_segment(value: str) -> list[str]:
    """Roles and bindings: anything that can stand in a URL."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in value]


def qualified_name(value: str) -> list[str]:
    """A key of labels or annotations."""
    prefix, slash, name = value.rpartition("/")
    found: list[str] = []
    if slash:
        if "/" in prefix:
            return [f"a valid label key {_NAME_TEXT}{_PREFIX_TEXT}"]
        if not prefix:
            found.append("prefix part must be non-empty")
        else:
            found += [f"prefix part {text}" for text in dns_subdomain(prefix)]
    if not name:
        found.append("name part must be non-empty")
    elif len(name) > 63:
        found.append("name part must be no more than 63 bytes")
    if not _NAME.fullmatch(name):
        found.append(f"name part {_NAME_TEXT}")
    return found


def label_value(value: str) -> list[str]:
    return _at_most(value, 63, "bytes") + ([] if _VALUE.fullmatch(value) else [_VALUE_TEXT])


def config_key(value: str) -> list[str]:
    """A key of a config map or secret."""
    found = _at_most(value, 253)
    if not _KEY.fullmatch(value):
        found.append(_KEY_TEXT)
    if value == ".":
        found.append("must not be '.'")
    elif value == "..":
        found.append("must not be '..'")
    elif value.startswith(".."):
        found.append("must not start with '..'")
    return found


def port_name(value: str) -> list[str]:
    found = _at_most(value, 15)
    if not re.fullmatch("[-a-z0-9]+", value):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        found.append("must contain at least one letter (a-z)")
    if "--" in value:
        found.append("must not contain consecutive hyphens")
    if value and (value[0] == "-" or value[-1] == "-"):
        found.append("must not begin or end with a hyphen")
    return found


def port_number(value: int) -> list[str]:
    return [] if 1 <= value <= 65535 else ["must be between 1 and 65535, inclusive"]


def ip_address(value: str) -> list[str]:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return []


# ---- maps of labels


def labels(path: str, values: dict[str, Any] | None) -> list[FieldError]:
    """Errors of labels, or of a selector of the old kind."""
    errors: list[FieldError] = []
    for key, value in (values or {}).items():
        errors += problems(path, key, qualified_name)
        errors += problems(path, str(value), label_value)
    return errors


def _annotations(path: str, values: dict[str, Any] | None) -> list[FieldError]:
    errors: list[FieldError] = []
    size = 0
    for key, value in (values or {}).items():
        errors += [invalid(path, key, text) for text in qualified_name(key.lower())]
        size += len(key.encode()) + len(str(value).encode())
    if size > _ANNOTATIONS_LIMIT_BYTES:
        errors.append(too_long(path, _ANNOTATIONS_LIMIT_BYTES))
    return errors


# ---- metadata


def metadata(obj: dict[str, Any], check_name: Check, old: dict[str, Any] | None) -> list[FieldError]:
    """Errors of an object's metadata; ``old`` is the stored object when it is changed."""
    meta = obj.get("metadata") or {}
    errors = _name(meta, check_name)
    errors += labels("metadata.labels", meta.get("labels"))
    errors += _annotations("metadata.annotations", meta.get("annotations"))
    errors += _owners(meta.get("ownerReferences") or [])
    errors += _finalizers(meta.get("finalizers") or [], built_in=_is_built_in(obj))
    if old is not None:
        errors += _metadata_change(meta, old.get("metadata") or {})
    return errors


def _name(meta: dict[str, Any], check_name: Check) -> list[FieldError]:
    errors: list[FieldError] = []
    name, prefix = meta.get("name") or "", meta.get("generateName") or ""
    if prefix:
        # The prefix is judged as if something followed it.
        bare = prefix.rstrip("-.") if prefix.strip("-.") else prefix
        errors += [invalid("metadata.generateName", prefix, text) for text in check_name(bare)]
    if not name and not prefix:
        errors.append(required("metadata.name", "name or generateName is required"))
    elif name:
        errors += problems("metadata.name", name, check_name)
    return errors


def _owners(owners: list[dict[str, Any]]) -> list[FieldError]:
    path = "metadata.ownerReferences"
    errors: list[FieldError] = []
    controllers: list[str] = []
    for owner in owners:
        api_version, kind = owner.get("apiVersion") or "", owner.get("kind") or ""
        version = "" if api_version.count("/") > 1 else split_api_version(api_version)[1]
        if not version:
            errors.append(invalid(f"{path}.apiVersion", api_version, "version must not be empty"))
        errors += [
            invalid(f"{path}.{field}", "", "must not be empty")
            for field in ("kind", "name", "uid")
            if not owner.get(field)
        ]
        if kind == "Event" and api_version in ("v1", "events.k8s.io/v1"):
            text = f"{'/'.join(split_api_version(api_version))}, Kind=Event is disallowed from being an owner"
            errors.append(invalid(path, owner, text))
        if owner.get("controller"):
            controllers.append(f"{kind}/{owner.get('name')}")
    if len(controllers) > 1:
        text = (
            'Only one reference can have Controller set to true. Found "true" in references for '
            f"{controllers[0]} and {controllers[1]}"
        )
        errors.append(invalid(path, owners, text))
    return errors


def _is_built_in(obj: dict[str, Any]) -> bool:
    group = split_api_version(obj.get("apiVersion") or "")[0]
    return "." not in group or (group.endswith(".k8s.io") and group != "apiextensions.k8s.io")


def _finalizers(finalizers: list[str], *, built_in: bool) -> list[FieldError]:
    # Built-in kinds ask for a standard or a fully qualified name; custom resources for a qualified one only.
    errors: list[FieldError] = []
    for index, name in enumerate(finalizers):
        errors += problems("metadata.finalizers", name, qualified_name)
        if built_in and "/" not in name and name not in _STANDARD_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(invalid(f"metadata.finalizers[{index}]", name, text))
    return errors


def _metadata_change(new: dict[str, Any], old: dict[str, Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    errors += [
        invalid(f"metadata.{field}", new[field], "field is immutable")
        for field in ("name", "namespace", "uid", "creationTimestamp")
        if new.get(field) and old.get(field) and new[field] != old[field]
    ]
    if old.get("deletionTimestamp"):
        added = [name for name in new.get("finalizers") or [] if name not in (old.get("finalizers") or [])]
        if added:
            shown = "[]string{" + ", ".join(map(go_quoted, added)) + "}"
            text = "no new finalizers can be added if the object is being deleted, found new finalizers "
            errors.append(forbidden("metadata.finalizers", text + shown))
    return errors
