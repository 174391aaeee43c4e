"""Validation of objects by the rules that the API server has in code, for creates and for changes.

One table says which functions judge a kind; every kind's metadata are judged alike. What is covered is what users meet:
names, labels, required fields, selectors, ports, images, quantities, immutable fields, RBAC, definitions. Types and
enums of built-in kinds are :mod:`fairlead.localcluster.schema.decode`'s, custom resources are judged by their schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fairlead.localcluster.builtin import (
    check_access,
    check_cluster,
    check_core,
    check_definitions,
    check_network,
    check_pods,
    check_storage,
    check_workloads,
    names,
)
from fairlead.objects.ref import GroupVersionKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.localcluster.schema.field_errors import FieldError

    Check = Callable[[dict[str, Any]], list[FieldError]]
    ChangeCheck = Callable[[dict[str, Any], dict[str, Any]], list[FieldError]]
    NameCheck = Callable[[str], list[str]]

__all__ = ["validate_builtin"]


class _Checks(NamedTuple):
    """How one kind is judged."""

    check: Check | None = None
    change: ChangeCheck | None = None
    name: NameCheck = names.dns_subdomain
    create: Check | None = None


_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_BINDING: Final = _Checks(check_access.check_binding, check_access.check_binding_change, names.path_segment)
_CHECKS: Final[dict[tuple[str, str], _Checks]] = {
    ("", "ConfigMap"): _Checks(check_core.check_config_map, check_core.check_config_map_change),
    ("", "LimitRange"): _Checks(check_core.check_limit_range),
    ("", "Namespace"): _Checks(name=names.dns_label),
    ("", "PersistentVolume"): _Checks(check_storage.check_volume, check_storage.check_volume_change),
    ("", "PersistentVolumeClaim"): _Checks(check_storage.check_claim, check_storage.check_claim_change),
    ("", "Pod"): _Checks(check_pods.check_pod, check_pods.check_pod_change),
    ("", "ResourceQuota"): _Checks(check_core.check_quota),
    ("", "Secret"): _Checks(check_core.check_secret, check_core.check_secret_change),
    ("", "Service"): _Checks(check_core.check_service, check_core.check_service_change, names.service_label),
    ("apps", "DaemonSet"): _Checks(check_workloads.check_daemon_set, check_workloads.check_selector_change),
    ("apps", "Deployment"): _Checks(check_workloads.check_deployment, check_workloads.check_selector_change),
    ("apps", "ReplicaSet"): _Checks(check_workloads.check_replica_set, check_workloads.check_selector_change),
    ("apps", "StatefulSet"): _Checks(check_workloads.check_stateful_set, check_workloads.check_stateful_set_change),
    ("batch", "CronJob"): _Checks(check_workloads.check_cron_job),
    ("batch", "Job"): _Checks(check_workloads.check_job, check_workloads.check_job_change),
    ("autoscaling", "HorizontalPodAutoscaler"): _Checks(check_cluster.check_autoscaler),
    ("policy", "PodDisruptionBudget"): _Checks(check_cluster.check_budget),
    ("networking.k8s.io", "Ingress"): _Checks(check_network.check_ingress),
    ("networking.k8s.io", "IngressClass"): _Checks(
        check_network.check_ingress_class, check_network.check_ingress_class_change
    ),
    ("networking.k8s.io", "NetworkPolicy"): _Checks(check_network.check_network_policy),
    ("storage.k8s.io", "StorageClass"): _Checks(
        check_storage.check_storage_class, check_storage.check_storage_class_change
    ),
    ("scheduling.k8s.io", "PriorityClass"): _Checks(
        check_cluster.check_priority_class, check_cluster.check_priority_class_change
    ),
    ("coordination.k8s.io", "Lease"): _Checks(check_cluster.check_lease),
    (_RBAC, "Role"): _Checks(check_access.check_role, name=names.path_segment),
    (_RBAC, "ClusterRole"): _Checks(check_access.check_cluster_role, name=names.path_segment),
    (_RBAC, "RoleBinding"): _BINDING,
    (_RBAC, "ClusterRoleBinding"): _BINDING,
    (_ADMISSION, "ValidatingWebhookConfiguration"): _Checks(check_cluster.check_webhooks),
    (_ADMISSION, "MutatingWebhookConfiguration"): _Checks(check_cluster.check_webhooks),
    ("apiregistration.k8s.io", "APIService"): _Checks(check_cluster.check_api_service),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _Checks(
        check_definitions.check_definition,
        check_definitions.check_definition_change,
        create=check_definitions.check_new_definition,
    ),
}
_OTHER: Final = _Checks()


def validate_builtin(new: dict[str, Any], old: dict[str, Any] | None = None) -> list[FieldError]:
    """What is wrong with a new object, or with a new state of ``old``; an empty list when nothing is.

    Objects are decoded, defaulted and prepared. Custom resources may be given, too: their metadata are judged.
    """
    checks = _CHECKS.get(GroupVersionKind.of(new).group_kind, _OTHER)
    errors = names.metadata(new, checks.name, old)
    if old is None and checks.create is not None:
        errors += checks.create(new)
    if checks.check is not None:
        errors += checks.check(new)
    if old is not None and checks.change is not None:
        errors += checks.change(new, old)
    return errors
