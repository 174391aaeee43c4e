"""Who may do what: role-based access control, evaluated on the stored roles and bindings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.status import StatusError, forbidden
from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.localcluster.server.requests import UserInfo
    from fairlead.localcluster.storage import Change, Collection, Store

__all__ = ["Attributes", "Authorizer"]

_ROLES = "roles.rbac.authorization.k8s.io"
_CLUSTER_ROLES = "clusterroles.rbac.authorization.k8s.io"
_BINDINGS = "rolebindings.rbac.authorization.k8s.io"
_CLUSTER_BINDINGS = "clusterrolebindings.rbac.authorization.k8s.io"
_ALL = (_ROLES, _CLUSTER_ROLES, _BINDINGS, _CLUSTER_BINDINGS)

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attributes:
    """One question. ``path`` is set for paths that are no resources."""

    user: UserInfo
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    version: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Authorizer:
    """Answers from decoded roles and bindings, which are kept until one of them changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._decoded: dict[str, list[Manifest]] = {}
        store.hooks.append(self._forget)

    def _forget(self, collection: Collection, change: Change, obj: Manifest) -> None:
        self._decoded.pop(collection.name, None)

    def _objects(self, name: str) -> list[Manifest]:
        known = self._decoded.get(name)
        if known is None:
            known = [decode_body(stored.body) for stored in self._store.collection(name).scan()]
            self._decoded[name] = known
        return known

    def check(self, attributes: Attributes) -> None:
        """Raise the real server's 403 when the answer is no."""
        if not self.allowed(attributes):
            raise refusal(attributes)

    def allowed(self, attributes: Attributes) -> bool:
        return bool(self.reason(attributes))

    def reason(self, attributes: Attributes) -> str:
        """Why it is allowed; empty when it is not."""
        if attributes.user.is_admin:
            return " "
        for rules, why in self._granted(attributes.user, attributes.namespace):
            if any(_rule_allows(rule, attributes) for rule in rules):
                return why
        return ""

    def rules(self, user: UserInfo, namespace: str) -> list[Manifest]:
        """All rules that apply to a user in a namespace."""
        return [rule for rules, _ in self._granted(user, namespace) for rule in rules]

    def _granted(self, user: UserInfo, namespace: str) -> Iterator[tuple[list[Manifest], str]]:
        for binding in self._objects(_CLUSTER_BINDINGS):
            if subject := _bound(binding, user, ""):
                yield self._rules_of(binding, ""), _reason("ClusterRoleBinding", binding, subject)
        if not namespace:
            return
        for binding in self._objects(_BINDINGS):
            if binding["metadata"]["namespace"] == namespace and (subject := _bound(binding, user, namespace)):
                yield self._rules_of(binding, namespace), _reason("RoleBinding", binding, subject)

    def _rules_of(self, binding: Manifest, namespace: str) -> list[Manifest]:
        return self.role_rules(binding["roleRef"], namespace) or []

    def role_rules(self, reference: Manifest, namespace: str) -> list[Manifest] | None:
        """The rules of the role that a binding names; ``None`` when there is no such role."""
        namespaced = reference["kind"] == "Role"
        for role in self._objects(_ROLES if namespaced else _CLUSTER_ROLES):
            metadata = role["metadata"]
            if metadata["name"] == reference["name"] and (not namespaced or metadata["namespace"] == namespace):
                return role.get("rules") or []
        return None


def _bound(binding: Manifest, user: UserInfo, namespace: str) -> Manifest | None:
    for subject in binding.get("subjects") or []:
        kind, name = subject.get("kind"), subject.get("name")
        if kind == "User" and name in (user.name, "*"):
            return dict(subject)
        if kind == "Group" and name in user.groups:
            return dict(subject)
        if kind == "ServiceAccount":
            account = f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"
            if account == user.name:
                return dict(subject)
    return None


def _reason(kind: str, binding: Manifest, subject: Manifest) -> str:
    metadata, role = binding["metadata"], binding["roleRef"]
    name = f"{metadata['name']}/{metadata['namespace']}" if kind == "RoleBinding" else metadata["name"]
    who = f'{subject["kind"]} "{subject["name"]}"'
    if subject["kind"] == "ServiceAccount":
        who = f'ServiceAccount "{subject["name"]}/{subject.get("namespace") or metadata.get("namespace", "")}"'
    return f'RBAC: allowed by {kind} "{name}" of {role["kind"]} "{role["name"]}" to {who}'


def _rule_allows(rule: Manifest, asked: Attributes) -> bool:
    verbs = rule.get("verbs") or []
    if asked.verb not in verbs and "*" not in verbs:
        return False
    if asked.path:
        return any(_path_matches(path, asked.path) for path in rule.get("nonResourceURLs") or [])
    groups = rule.get("apiGroups") or []
    if asked.group not in groups and "*" not in groups:
        return False
    if not any(_resource_matches(one, asked) for one in rule.get("resources") or []):
        return False
    names = rule.get("resourceNames") or []
    return not names or asked.name in names


def _resource_matches(pattern: str, asked: Attributes) -> bool:
    if pattern in ("*", asked.full_resource):
        return True
    return bool(asked.subresource) and pattern == f"*/{asked.subresource}"


def _path_matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def refusal(asked: Attributes) -> StatusError:
    user = asked.user.name
    if asked.path:
        return forbidden("", "", "", f'User "{user}" cannot {asked.verb} path "{asked.path}"')
    text = f'User "{user}" cannot {asked.verb} resource "{asked.full_resource}" in API group "{asked.group}"'
    text += f' in the namespace "{asked.namespace}"' if asked.namespace else " at the cluster scope"
    return forbidden(asked.group, asked.resource, asked.name, text)
