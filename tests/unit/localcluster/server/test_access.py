"""Who may do what, and who somebody is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fairlead.localcluster.server.authn import Authenticator
from fairlead.localcluster.server.authz import Attributes
from fairlead.localcluster.server.requests import UserInfo
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from tests.unit.localcluster.server.conftest import Cluster

RBAC = "rbac.authorization.k8s.io/v1"
ROBOT = UserInfo("system:serviceaccount:default:robot", ("system:serviceaccounts", "system:authenticated"))


def role(kind: str, name: str, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"apiVersion": RBAC, "kind": kind, "metadata": {"name": name, **more}, "rules": list(rules)}


def binding(kind: str, role_kind: str, name: str, subject: dict[str, str]) -> dict[str, Any]:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": name}
    return {"apiVersion": RBAC, "kind": kind, "metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}


ACCOUNT = {"kind": "ServiceAccount", "name": "robot", "namespace": "default"}
READ = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}


def test_a_role_counts_in_its_namespace_only(cluster: Cluster) -> None:
    cluster.create(role("Role", "r", READ))
    cluster.create(binding("RoleBinding", "Role", "r", ACCOUNT))
    allowed = cluster.core.authorizer.allowed
    assert allowed(Attributes(ROBOT, "get", "", "configmaps", namespace="default"))
    assert not allowed(Attributes(ROBOT, "get", "", "configmaps", namespace="kube-system"))
    assert not allowed(Attributes(ROBOT, "list", "", "configmaps", namespace="default"))
    assert not allowed(Attributes(ROBOT, "get", "", "configmaps"))


def test_rules_change_at_once(cluster: Cluster) -> None:
    asked = Attributes(ROBOT, "get", "", "configmaps")
    assert not cluster.core.authorizer.allowed(asked)
    cluster.create(role("ClusterRole", "r", READ))
    cluster.create(binding("ClusterRoleBinding", "ClusterRole", "r", ACCOUNT))
    assert cluster.core.authorizer.allowed(asked)


def test_names_subresources_and_stars(cluster: Cluster) -> None:
    rules = (
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"], "verbs": ["*"]},
        {"apiGroups": ["apps"], "resources": ["deployments/scale", "*/status"], "verbs": ["update"]},
    )
    cluster.create(role("ClusterRole", "r", *rules))
    cluster.create(binding("ClusterRoleBinding", "ClusterRole", "r", {"kind": "Group", "name": "people"}))
    user = UserInfo("ann", ("people",))
    allowed = cluster.core.authorizer.allowed
    assert allowed(Attributes(user, "get", "", "secrets", name="one"))
    assert not allowed(Attributes(user, "get", "", "secrets", name="two"))
    assert allowed(Attributes(user, "update", "apps", "deployments", "scale"))
    assert allowed(Attributes(user, "update", "apps", "daemonsets", "status"))
    assert not allowed(Attributes(user, "update", "apps", "deployments"))


def test_refusal_says_who_what_and_where(cluster: Cluster) -> None:
    with pytest.raises(StatusError) as refused:
        cluster.core.authorizer.check(Attributes(ROBOT, "list", "apps", "deployments", namespace="x"))
    assert refused.value.code == 403
    assert refused.value.message == (
        'deployments.apps is forbidden: User "system:serviceaccount:default:robot" cannot list resource "deployments" '
        'in API group "apps" in the namespace "x"'
    )


def test_aggregated_roles_follow_their_parts(cluster: Cluster) -> None:
    cluster.create(role("ClusterRole", "extra", READ, labels={"rbac.authorization.k8s.io/aggregate-to-view": "true"}))
    cluster.housekeeping.drain()
    view = cluster.get("ClusterRole", "view", group="rbac.authorization.k8s.io")
    assert view is not None
    assert READ in view["rules"]


def test_tokens_live_as_long_as_their_account(cluster: Cluster) -> None:
    account = cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}})
    token, _ = cluster.tokens.issue(account, [], 600)
    user = cluster.tokens.user(token)
    assert user is not None
    assert user.name == "system:serviceaccount:default:robot"
    assert "system:serviceaccounts:default" in user.groups
    assert cluster.tokens.user(token[:-4] + "AAAA") is None
    assert cluster.tokens.user("nonsense") is None
    expired, _ = cluster.tokens.issue(account, [], -1)
    assert cluster.tokens.user(expired) is None
    cluster.store.remove("serviceaccounts", "default/robot", account)
    assert cluster.tokens.user(token) is None


def test_impersonation_asks_for_each_part() -> None:
    wanted = UserInfo("system:serviceaccount:a:b", ("system:serviceaccounts", "people", "system:authenticated"))
    asked = list(Authenticator.impersonation_checks(UserInfo("ann"), wanted))
    assert [(one.resource, one.namespace, one.name) for one in asked] == [
        ("serviceaccounts", "a", "b"),
        ("groups", "", "people"),
    ]
