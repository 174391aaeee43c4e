"""Validation of roles and their bindings."""

from __future__ import annotations

from typing import Any, Final

from fairlead.localcluster.builtin.names import dns_label, problems
from fairlead.localcluster.merge.values import equal
from fairlead.localcluster.schema.field_errors import FieldError, invalid, not_supported, required

__all__ = ["check_binding", "check_binding_change", "check_cluster_role", "check_role"]

Struct = dict[str, Any]
_GROUP: Final = "rbac.authorization.k8s.io"
_SUBJECTS: Final = ("ServiceAccount", "User", "Group")


def check_role(new: Struct) -> list[FieldError]:
    return _rules(new, namespaced=True)


def check_cluster_role(new: Struct) -> list[FieldError]:
    errors = _rules(new, namespaced=False)
    aggregation = new.get("aggregationRule")
    if aggregation is not None and not aggregation.get("clusterRoleSelectors"):
        text = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        errors.append(required("aggregationRule.clusterRoleSelectors", text))
    return errors


def _rules(new: Struct, *, namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, rule in enumerate(new.get("rules") or ()):
        errors += _rule(f"rules[{index}]", rule, namespaced=namespaced)
    return errors


def _rule(path: str, rule: Struct, *, namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    if not rule.get("verbs"):
        errors.append(required(f"{path}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        if namespaced:
            errors.append(
                invalid(f"{path}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs")
            )
        if any(rule.get(field) for field in ("apiGroups", "resources", "resourceNames")):
            text = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(invalid(f"{path}.nonResourceURLs", urls, text))
        return errors
    if not rule.get("apiGroups"):
        errors.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return errors


def check_binding(new: Struct) -> list[FieldError]:
    """A RoleBinding or a ClusterRoleBinding, which binds cluster roles alone and no account without namespace."""
    of_cluster = new.get("kind") == "ClusterRoleBinding"
    role = new.get("roleRef") or {}
    kinds = ("ClusterRole",) if of_cluster else ("Role", "ClusterRole")
    errors: list[FieldError] = []
    if role.get("apiGroup") != _GROUP:
        errors.append(not_supported("roleRef.apiGroup", role.get("apiGroup") or "", (_GROUP,)))
    if role.get("kind") not in kinds:
        errors.append(not_supported("roleRef.kind", role.get("kind") or "", kinds))
    if not role.get("name"):
        errors.append(required("roleRef.name"))
    for index, subject in enumerate(new.get("subjects") or ()):
        errors += _subject(f"subjects[{index}]", subject, of_cluster=of_cluster)
    return errors


def _subject(path: str, subject: Struct, *, of_cluster: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    kind, name, group = subject.get("kind") or "", subject.get("name") or "", subject.get("apiGroup") or ""
    if not name:
        errors.append(required(f"{path}.name"))
    if kind == "ServiceAccount":
        if name:
            errors += problems(f"{path}.name", name, dns_label)
        if group:
            errors.append(not_supported(f"{path}.apiGroup", group, ("",)))
        if of_cluster and not subject.get("namespace"):
            errors.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != _GROUP:
            errors.append(not_supported(f"{path}.apiGroup", group, (_GROUP,)))
    else:
        errors.append(not_supported(f"{path}.kind", kind, _SUBJECTS))
    return errors


def check_binding_change(new: Struct, old: Struct) -> list[FieldError]:
    role = new.get("roleRef") or {}
    if equal(role, old.get("roleRef")):
        return []
    shown = {"APIGroup": role.get("apiGroup"), "Kind": role.get("kind"), "Name": role.get("name")}
    return [invalid("roleRef", shown, "cannot change roleRef")]
