"""Validation of custom resource definitions (``apiextensions-apiserver/pkg/apis/apiextensions/validation``)."""

from __future__ import annotations

from typing import Any, Final

from fairlead.localcluster.builtin.check_structural import check_schema
from fairlead.localcluster.builtin.names import dns_subdomain, problems, service_label
from fairlead.localcluster.merge.values import equal
from fairlead.localcluster.schema.field_errors import FieldError, invalid, not_supported, required

__all__ = ["check_definition", "check_definition_change", "check_new_definition"]

Struct = dict[str, Any]
_APPROVAL: Final = "api-approved.kubernetes.io"
_COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
_ONE_STORAGE: Final = "must have exactly one version marked as storage version"


def check_definition(new: Struct) -> list[FieldError]:
    spec, meta = new.get("spec") or {}, new.get("metadata") or {}
    errors = _group(spec, meta)
    errors += _scope(spec)
    if spec.get("preserveUnknownFields"):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        errors.append(invalid("spec.preserveUnknownFields", True, text))
    errors += _versions(spec)
    errors += _names("spec.names", spec.get("names") or {})
    errors += _conversion(spec.get("conversion") or {})
    return errors + _stored_versions(new)


def check_new_definition(new: Struct) -> list[FieldError]:
    """What is judged once, when a definition is made: its name says plural and group."""
    spec, meta = new.get("spec") or {}, new.get("metadata") or {}
    name = meta.get("name") or ""
    plural = (spec.get("names") or {}).get("plural") or ""
    if name == f"{plural}.{spec.get('group') or ''}":
        return []
    return [invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')]


def _group(spec: Struct, meta: Struct) -> list[FieldError]:
    group = spec.get("group") or ""
    if not group:
        return [required("spec.group")]
    errors = problems("spec.group", group, dns_subdomain)
    if "." not in group:
        errors.append(invalid("spec.group", group, "should be a domain with at least one dot"))
    protected = group.endswith((".k8s.io", ".kubernetes.io")) or group in ("k8s.io", "kubernetes.io")
    if protected and not (meta.get("annotations") or {}).get(_APPROVAL):
        text = (
            f'protected groups must have approval annotation "{_APPROVAL}", '
            "see https://github.com/kubernetes/enhancements/pull/1111"
        )
        errors.append(required(f"metadata.annotations[{_APPROVAL}]", text))
    return errors


def _scope(spec: Struct) -> list[FieldError]:
    scope = spec.get("scope") or ""
    if not scope:
        return [required("spec.scope")]
    if scope not in ("Cluster", "Namespaced"):
        return [not_supported("spec.scope", scope, ("Cluster", "Namespaced"))]
    return []


def _names(path: str, names: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("plural", "singular"):
        value = names.get(field) or ""
        errors += problems(f"{path}.{field}", value, service_label) if value else [required(f"{path}.{field}")]
    for field in ("kind", "listKind"):
        value = names.get(field) or ""
        if not value:
            errors.append(required(f"{path}.{field}"))
        else:
            mixed = "may have mixed case, but should otherwise match: "
            errors += [invalid(f"{path}.{field}", value, mixed + text) for text in service_label(value.lower())]
    for index, name in enumerate(names.get("shortNames") or ()):
        errors += problems(f"{path}.shortNames[{index}]", name, service_label)
    kind = names.get("kind")
    if kind and kind == names.get("listKind"):
        errors.append(invalid(f"{path}.listKind", kind, "kind and listKind may not be the same"))
    return errors


# ---- versions


def _shared(versions: list[Struct], field: str) -> bool:
    """What is the same in all versions is reported once, at the place that the oldest API had for it."""
    return all(equal(version.get(field), versions[0].get(field)) for version in versions)


def _versions(spec: Struct) -> list[FieldError]:
    versions = spec.get("versions") or []
    errors: list[FieldError] = []
    for index, version in enumerate(versions):
        path, name = f"spec.versions[{index}]", version.get("name") or ""
        errors += problems(f"{path}.name", name, service_label)
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            errors.append(required(f"{path}.schema.openAPIV3Schema"))
    names = [version.get("name") for version in versions]
    shown = [_shown(version, versions) for version in versions]
    if len(set(names)) < len(names):
        errors.append(invalid("spec.versions", shown, "must contain unique version names"))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        errors.append(invalid("spec.versions", shown, _ONE_STORAGE))
    if versions and (name := names[0] or ""):
        errors += problems("spec.version", name, service_label)
    return errors + _version_parts(versions)


def _shown(version: Struct, versions: list[Struct]) -> Struct:
    """A version as the server's internal type prints it; parts that all versions share are not in it."""
    parts = {"Schema": "schema", "Subresources": "subresources", "AdditionalPrinterColumns": "additionalPrinterColumns"}
    return {
        "Name": version.get("name"),
        "Served": bool(version.get("served")),
        "Storage": bool(version.get("storage")),
        "Deprecated": bool(version.get("deprecated")),
        "DeprecationWarning": version.get("deprecationWarning"),
        **{name: None if _shared(versions, field) else version.get(field) for name, field in parts.items()},
        "SelectableFields": version.get("selectableFields"),
    }


def _version_parts(versions: list[Struct]) -> list[FieldError]:
    errors: list[FieldError] = []
    for field, check, place in (
        ("schema", _schema, "spec.validation"),
        ("subresources", _subresources, "spec.subresources"),
        ("additionalPrinterColumns", _columns, "spec.additionalPrinterColumns"),
    ):
        shared = bool(versions) and _shared(versions, field)
        for index, version in enumerate(versions[:1] if shared else versions):
            value = version.get(field)
            if value:
                errors += check(place if shared else f"spec.versions[{index}].{field}", value)
    return errors


def _schema(path: str, schema: Struct) -> list[FieldError]:
    raw = schema.get("openAPIV3Schema")
    return check_schema(f"{path}.openAPIV3Schema", raw) if raw else []


def _simple_path(path: str, value: str, *, optional: bool = False) -> list[FieldError]:
    if not value:
        return [] if optional else [required(path)]
    if not value.startswith("."):
        return [invalid(path, value, "must be a simple json path starting with .")]
    return []


def _subresources(path: str, subresources: Struct) -> list[FieldError]:
    scale = subresources.get("scale")
    if scale is None:
        return []
    errors: list[FieldError] = []
    for field, start in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        value = scale.get(field) or ""
        wrong = _simple_path(f"{path}.scale.{field}", value)
        if not wrong and not value.startswith(start):
            wrong = [invalid(f"{path}.scale.{field}", value, f"should be a json path under {start[:-1]}")]
        errors += wrong
    return errors


def _columns(path: str, columns: list[Struct]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, column in enumerate(columns):
        where, kind = f"{path}[{index}]", column.get("type") or ""
        if not column.get("name"):
            errors.append(required(f"{where}.name"))
        if not kind:
            errors.append(required(f"{where}.type", f"must be one of {','.join(_COLUMN_TYPES)}"))
        elif kind not in _COLUMN_TYPES:
            errors.append(invalid(f"{where}.type", kind, f"must be one of {','.join(_COLUMN_TYPES)}"))
        errors += _simple_path(f"{where}.JSONPath", column.get("jsonPath") or "")
    return errors


def _conversion(conversion: Struct) -> list[FieldError]:
    strategy = conversion.get("strategy")
    if strategy not in ("None", "Webhook"):
        return [not_supported("spec.conversion.strategy", strategy or "", ("None", "Webhook"))]
    webhook = conversion.get("webhook") or {}
    errors: list[FieldError] = []
    if strategy == "Webhook":
        if webhook.get("clientConfig") is None:
            text = "required when strategy is set to Webhook"
            errors.append(required("spec.conversion.webhookClientConfig", text))
        if not webhook.get("conversionReviewVersions"):
            errors.append(required("spec.conversion.conversionReviewVersions"))
    return errors


def _stored_versions(new: Struct) -> list[FieldError]:
    stored = (new.get("status") or {}).get("storedVersions")
    versions = (new.get("spec") or {}).get("versions") or []
    names = [version.get("name") for version in versions]
    storage = [version.get("name") for version in versions if version.get("storage")]
    if not stored:
        return [invalid("status.storedVersions", None, "must have at least one stored version")]
    errors = [
        invalid(
            f"status.storedVersions[{index}]",
            name,
            f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions "
            f"until a storage migration ensures no data remains persisted in {name} and removes {name} from "
            "status.storedVersions",
        )
        for index, name in enumerate(stored)
        if name not in names
    ]
    missing = [name for name in storage if name not in stored]
    if missing:
        errors.append(invalid("status.storedVersions", stored, f"must have the storage version {missing[-1]}"))
    return errors


# ---- changes


def check_definition_change(new: Struct, old: Struct) -> list[FieldError]:
    """Group and plural are for ever; scope and kind from the moment that the names are accepted."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = _fixed("spec.group", spec.get("group"), before.get("group"))
    names, named = spec.get("names") or {}, before.get("names") or {}
    conditions = (old.get("status") or {}).get("conditions") or ()
    if any(item.get("type") == "Established" and item.get("status") == "True" for item in conditions):
        errors += _fixed("spec.scope", spec.get("scope"), before.get("scope"))
        errors += _fixed("spec.names.kind", names.get("kind"), named.get("kind"))
    return errors + _fixed("spec.names.plural", names.get("plural"), named.get("plural"))


def _fixed(path: str, new: Any, old: Any) -> list[FieldError]:
    return [] if new == old else [invalid(path, new, "field is immutable")]
