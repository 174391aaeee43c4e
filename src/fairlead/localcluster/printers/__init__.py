"""What ``kubectl get`` shows: the columns of every kind and the cells of every object.

The columns were read from a real server (1.35) and are kept as data; the cells are computed here the way that server
does it. Custom resources follow the ``additionalPrinterColumns`` of their definition.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fairlead.localcluster.printers import cluster, network, pods, policy, storage, workloads
from fairlead.localcluster.printers.custom import custom_cells, custom_columns
from fairlead.objects.ref import join_api_version, split_api_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from fairlead.localcluster.printers.text import Manifest

__all__ = ["cells", "columns"]

_NAME = {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}
_AGE = {"name": "Age", "type": "string", "format": "", "description": "", "priority": 0}

_CELLS: Final[dict[str, Callable[[Manifest, datetime], list[Any]]]] = {
    "admissionregistration.k8s.io/MutatingWebhookConfiguration": policy.webhook_cells,
    "admissionregistration.k8s.io/ValidatingAdmissionPolicy": policy.admission_policy_cells,
    "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding": policy.admission_binding_cells,
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration": policy.webhook_cells,
    "apiextensions.k8s.io/CustomResourceDefinition": cluster.created_at_cells,
    "apiregistration.k8s.io/APIService": cluster.api_service_cells,
    "apps/ControllerRevision": workloads.controller_revision_cells,
    "apps/DaemonSet": workloads.daemon_set_cells,
    "apps/Deployment": workloads.deployment_cells,
    "apps/ReplicaSet": workloads.replica_set_cells,
    "apps/StatefulSet": workloads.stateful_set_cells,
    "autoscaling/HorizontalPodAutoscaler": policy.autoscaler_cells,
    "batch/CronJob": workloads.cron_job_cells,
    "batch/Job": workloads.job_cells,
    "certificates.k8s.io/CertificateSigningRequest": cluster.signing_request_cells,
    "coordination.k8s.io/Lease": cluster.lease_cells,
    "discovery.k8s.io/EndpointSlice": network.endpoint_slice_cells,
    "events.k8s.io/Event": cluster.event_cells,
    "flowcontrol.apiserver.k8s.io/FlowSchema": policy.flow_schema_cells,
    "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration": policy.priority_level_cells,
    "networking.k8s.io/IPAddress": network.ip_address_cells,
    "networking.k8s.io/Ingress": network.ingress_cells,
    "networking.k8s.io/IngressClass": network.ingress_class_cells,
    "networking.k8s.io/NetworkPolicy": network.network_policy_cells,
    "networking.k8s.io/ServiceCIDR": network.service_cidr_cells,
    "node.k8s.io/RuntimeClass": cluster.runtime_class_cells,
    "policy/PodDisruptionBudget": workloads.disruption_budget_cells,
    "rbac.authorization.k8s.io/ClusterRole": cluster.created_at_cells,
    "rbac.authorization.k8s.io/ClusterRoleBinding": policy.binding_cells,
    "rbac.authorization.k8s.io/Role": cluster.created_at_cells,
    "rbac.authorization.k8s.io/RoleBinding": policy.binding_cells,
    "resource.k8s.io/ResourceClaim": policy.resource_claim_cells,
    "resource.k8s.io/ResourceSlice": policy.resource_slice_cells,
    "scheduling.k8s.io/PriorityClass": cluster.priority_class_cells,
    "storage.k8s.io/CSIDriver": storage.csi_driver_cells,
    "storage.k8s.io/CSINode": storage.csi_node_cells,
    "storage.k8s.io/CSIStorageCapacity": cluster.created_at_cells,
    "storage.k8s.io/StorageClass": storage.storage_class_cells,
    "storage.k8s.io/VolumeAttachment": storage.attachment_cells,
    "storage.k8s.io/VolumeAttributesClass": storage.attributes_class_cells,
    "ComponentStatus": cluster.component_status_cells,
    "ConfigMap": cluster.config_map_cells,
    "Endpoints": network.endpoints_cells,
    "Event": cluster.event_cells,
    "LimitRange": cluster.created_at_cells,
    "Namespace": cluster.namespace_cells,
    "Node": cluster.node_cells,
    "PersistentVolume": storage.volume_cells,
    "PersistentVolumeClaim": storage.claim_cells,
    "Pod": pods.pod_cells,
    "PodTemplate": workloads.pod_template_cells,
    "ReplicationController": workloads.replication_controller_cells,
    "ResourceQuota": cluster.quota_cells,
    "Secret": cluster.secret_cells,
    "Service": network.service_cells,
}


def columns(group: str, version: str, kind: str, crd_columns: Sequence[Manifest] | None = None) -> list[Manifest]:
    """``columnDefinitions`` of a Table.

    ``crd_columns`` are the ``additionalPrinterColumns`` of a custom resource's version (an empty list means it has
    none); ``None`` says that the kind is built in. A built-in kind that is not listed here has a name and an age.
    """
    if crd_columns is not None:
        return [dict(_NAME), *custom_columns(crd_columns)]
    known = _tables().get(f"{join_api_version(group, version)}/{kind}")
    if known is None:
        return [dict(_NAME), dict(_AGE)]
    return [
        {"name": name, "type": kind_of_value, "format": form, "description": "", "priority": priority}
        for name, kind_of_value, form, priority in known
    ]


def cells(obj: Manifest, now: datetime, crd_columns: Sequence[Manifest] | None = None) -> list[Any]:
    """``cells`` of an object's row, one for each of its kind's columns, with ages as of ``now``."""
    if crd_columns is not None:
        return [obj["metadata"]["name"], *custom_cells(obj, now, crd_columns)]
    group, _ = split_api_version(obj["apiVersion"])
    printer = _CELLS.get(f"{group}/{obj['kind']}" if group else obj["kind"], cluster.plain_cells)
    return printer(obj, now)


@cache
def _tables() -> dict[str, list[tuple[str, str, str, int]]]:
    path = Path(__file__).parent.parent / "data" / "tables.json"
    tables: dict[str, list[tuple[str, str, str, int]]] = json.loads(path.read_text(encoding="utf-8"))
    return tables
