"""Nobody grants what they do not have themselves: the check on roles and bindings that users write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.server.authz import Attributes
from fairlead.localcluster.status import forbidden, not_found

if TYPE_CHECKING:
    from fairlead.localcluster.server.authz import Authorizer
    from fairlead.localcluster.server.registry import Resource
    from fairlead.localcluster.server.requests import UserInfo

__all__ = ["EscalationCheck"]

Manifest = dict[str, Any]

_GROUP = "rbac.authorization.k8s.io"
_ROLES = ("Role", "ClusterRole")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_PLURALS = {"Role": "roles", "ClusterRole": "clusterroles"}
_EVERYTHING: list[Manifest] = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
]


class EscalationCheck:
    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def check(self, resource: Resource, obj: Manifest, live: Manifest | None, user: UserInfo) -> None:
        """Refuse a role or a binding (new, or changed from ``live``) that gives more than its writer has.

        The verbs ``escalate`` on roles and ``bind`` on the bound role lift the check, as in the real server.
        """
        if resource.group != _GROUP or user.is_admin:
            return
        namespace, name = obj["metadata"].get("namespace") or "", obj["metadata"].get("name") or ""
        if resource.kind in _ROLES:
            if live is not None and live.get("rules") == obj.get("rules"):
                return
            verb, plural, role = "escalate", resource.plural, name
            rules = [*(obj.get("rules") or []), *(_EVERYTHING if obj.get("aggregationRule") else [])]
        elif resource.kind in _BINDINGS:
            reference = obj["roleRef"]
            verb, plural, role = "bind", _PLURALS.get(reference["kind"], ""), reference["name"]
            found = self._authorizer.role_rules(reference, namespace)
            if found is None:
                raise not_found(_GROUP, resource.plural, role)
            rules = found
        else:
            return
        if self._authorizer.allowed(Attributes(user, verb, _GROUP, plural, namespace=namespace, name=role)):
            return
        missing = _missing(rules, self._authorizer.rules(user, namespace))
        if missing:
            groups = " ".join(json.dumps(group) for group in user.groups)
            text = (
                f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n'
            )
            raise forbidden(_GROUP, resource.plural, name, text + "\n".join(missing))


def _missing(rules: list[Manifest], held: list[Manifest]) -> list[str]:
    """What of some rules is not covered by others, one line for each resource or path, as the real server prints it."""
    lines: list[str] = []
    for rule in rules:
        for path in rule.get("nonResourceURLs") or []:
            verbs = [verb for verb in rule["verbs"] if not any(_covers_path(one, path, verb) for one in held)]
            if verbs:
                lines.append(f"{{NonResourceURLs:{_list([path])}, Verbs:{_list(verbs)}}}")
        for group in rule.get("apiGroups") or []:
            for resource in rule.get("resources") or []:
                lines += _missing_resource(rule, group, resource, held)
    return list(dict.fromkeys(lines))


def _missing_resource(rule: Manifest, group: str, resource: str, held: list[Manifest]) -> list[str]:
    lines = []
    for name in rule.get("resourceNames") or [""]:
        verbs = [v for v in rule["verbs"] if not any(_covers(one, group, resource, name, v) for one in held)]
        if verbs:
            names = f", ResourceNames:{_list([name])}" if name else ""
            lines.append(f"{{APIGroups:{_list([group])}, Resources:{_list([resource])}{names}, Verbs:{_list(verbs)}}}")
    return lines


def _list(values: list[str]) -> str:
    return f"[{' '.join(json.dumps(value) for value in values)}]"


def _covers(rule: Manifest, group: str, resource: str, name: str, verb: str) -> bool:
    resources = rule.get("resources") or []
    subresource = resource.partition("/")[2]
    return (
        _has(rule.get("verbs"), verb)
        and _has(rule.get("apiGroups"), group)
        and (_has(resources, resource) or bool(subresource and f"*/{subresource}" in resources))
        and (not rule.get("resourceNames") or name in rule["resourceNames"])
    )


def _covers_path(rule: Manifest, path: str, verb: str) -> bool:
    urls = rule.get("nonResourceURLs") or []
    return _has(rule.get("verbs"), verb) and any(
        url in ("*", path) or (url.endswith("*") and path.startswith(url[:-1])) for url in urls
    )


def _has(values: list[str] | None, wanted: str) -> bool:
    return values is not None and ("*" in values or wanted in values)
