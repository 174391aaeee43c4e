"""Who a resource is: group, version, kind, name, namespace; and which kinds have no namespace.

An empty namespace and ``default`` are one namespace; kinds that are known to be cluster-scoped have none, whatever is
written. Printed as kustomize prints it: ``Deployment.v1.apps/web.[noNs]``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = [
    "CLUSTER_SCOPED",
    "KNOWN_KINDS",
    "LEGACY_FIRST",
    "LEGACY_LAST",
    "NAMESPACED",
    "NO_NAMESPACE",
    "Gvk",
    "Identity",
    "gvk_order",
    "split_group_version",
]

NO_NAMESPACE: Final = "_non_namespaceable_"
"""The namespace, for comparisons, of kinds that have none."""

_FIRST: Final = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
]
_LAST: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")

# The kinds of Kubernetes 1.21 that are certainly without a namespace, and those that newer releases know as well.
CLUSTER_SCOPED: Final = frozenset(
    (api_version, kind)
    for api_versions, kinds in (
        ("v1", "ComponentStatus Namespace Node NodeProxyOptions PersistentVolume"),
        (
            "admissionregistration.k8s.io/v1 admissionregistration.k8s.io/v1beta1",
            "MutatingWebhookConfiguration ValidatingWebhookConfiguration "
            "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
        ),
        ("apiextensions.k8s.io/v1 apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"),
        ("apiregistration.k8s.io/v1 apiregistration.k8s.io/v1beta1", "APIService"),
        ("certificates.k8s.io/v1 certificates.k8s.io/v1beta1", "CertificateSigningRequest"),
        ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema PriorityLevelConfiguration"),
        ("networking.k8s.io/v1 networking.k8s.io/v1beta1", "IngressClass"),
        ("node.k8s.io/v1 node.k8s.io/v1beta1", "RuntimeClass"),
        ("policy/v1beta1", "PodSecurityPolicy"),
        ("rbac.authorization.k8s.io/v1 rbac.authorization.k8s.io/v1beta1", "ClusterRole ClusterRoleBinding"),
        ("scheduling.k8s.io/v1 scheduling.k8s.io/v1beta1", "PriorityClass"),
        ("storage.k8s.io/v1 storage.k8s.io/v1beta1", "CSIDriver CSINode StorageClass VolumeAttachment"),
    )
    for api_version in api_versions.split()
    for kind in kinds.split()
)

# The kinds of the same release that are certainly in a namespace.
NAMESPACED: Final = frozenset(
    (api_version, kind)
    for api_versions, kinds in (
        ("apps/v1", "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet"),
        ("autoscaling/v1", "HorizontalPodAutoscaler Scale"),
        ("autoscaling/v2beta1 autoscaling/v2beta2", "HorizontalPodAutoscaler"),
        ("batch/v1", "CronJob Job"),
        ("batch/v1beta1", "CronJob"),
        ("coordination.k8s.io/v1 coordination.k8s.io/v1beta1", "Lease"),
        ("discovery.k8s.io/v1 discovery.k8s.io/v1beta1", "EndpointSlice"),
        ("events.k8s.io/v1 events.k8s.io/v1beta1", "Event"),
        ("extensions/v1beta1 networking.k8s.io/v1beta1", "Ingress"),
        ("networking.k8s.io/v1", "Ingress NetworkPolicy"),
        ("policy/v1 policy/v1beta1", "PodDisruptionBudget"),
        ("rbac.authorization.k8s.io/v1 rbac.authorization.k8s.io/v1beta1", "Role RoleBinding"),
        ("storage.k8s.io/v1beta1", "CSIStorageCapacity"),
        (
            "v1",
            "ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodAttachOptions PodExecOptions "
            "PodPortForwardOptions PodProxyOptions PodTemplate ReplicationController ResourceQuota Secret Service "
            "ServiceAccount ServiceProxyOptions",
        ),
    )
    for api_version in api_versions.split()
    for kind in kinds.split()
)
KNOWN_KINDS: Final = CLUSTER_SCOPED | NAMESPACED


def split_group_version(api_version: str) -> tuple[str, str]:
    """Group and version; the group ends at the first slash, as kustomize splits it."""
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", api_version)


class Gvk(NamedTuple):
    """A kind, or a pattern for kinds where an empty part fits all."""

    group: str = ""
    version: str = ""
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.kind or '[noKind]'}.{self.version or '[noVer]'}.{self.group or '[noGrp]'}"

    def fits(self, group: str, version: str, kind: str) -> bool:
        """Whether this pattern selects the kind."""
        return (
            (not self.kind or self.kind == kind)
            and (not self.group or self.group == group)
            and (not self.version or self.version == version)
        )


class Identity(NamedTuple):
    """One name that a resource has or had."""

    group: str
    version: str
    kind: str
    name: str
    namespace: str = ""
    cluster_scoped: bool = False

    def __str__(self) -> str:
        return f"{self.gvk}/{self.name or '[noName]'}.{self.namespace or '[noNs]'}"

    @property
    def gvk(self) -> Gvk:
        return Gvk(self.group, self.version, self.kind)

    @property
    def effective_namespace(self) -> str:
        if self.cluster_scoped:
            return NO_NAMESPACE
        return self.namespace or "default"

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Equal for identities that are the same resource."""
        return (self.group, self.version, self.kind, self.name, self.effective_namespace)


_RANKS: Final = {
    **{kind: index - len(_FIRST) for index, kind in enumerate(_FIRST)},
    **{kind: index + 1 for index, kind in enumerate(_LAST)},
}
LEGACY_FIRST: Final = tuple(_FIRST)
LEGACY_LAST: Final = _LAST


def gvk_order(gvk: Gvk) -> tuple[int, str]:
    """The order in which kustomize keeps field specs."""
    return (_RANKS.get(gvk.kind, 0), f"{gvk.group or '~G'}_{gvk.version or '~V'}_{gvk.kind or '~K'}")
