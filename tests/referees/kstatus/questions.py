"""Makes the questions for the referee: objects of every built-in kind with a rule, and of others, in many states.

``python questions.py | go run . > answers.jsonl`` asks them anew.
"""

from __future__ import annotations

import json
import random
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

EACH = 60
Parts = tuple[dict[str, Any], dict[str, Any]]
dice = random.Random(6)

CONDITIONS = {
    "Available": ["MinimumReplicasAvailable", "MinimumReplicasUnavailable"],
    "Complete": ["CompletionsReached"],
    "Established": ["Installing", "InitialNamesAccepted", "NotAccepted"],
    "Failed": ["BackoffLimitExceeded", "DeadlineExceeded"],
    "NamesAccepted": ["NoConflicts", "ListKindConflict"],
    "PodScheduled": ["Unschedulable", "SchedulerError"],
    "Progressing": ["NewReplicaSetAvailable", "ReplicaSetUpdated", "ProgressDeadlineExceeded"],
    "Ready": ["Done", "Waiting", ""],
    "Reconciling": ["Progressing"],
    "ReplicaFailure": ["FailedCreate"],
    "Stalled": ["Broken"],
}


def condition(kind: str) -> dict[str, str]:
    found = {"type": kind, "status": dice.choice(["True", "True", "False", "Unknown"])}
    found["reason"] = dice.choice(CONDITIONS[kind])
    if dice.random() < 0.7:
        found["message"] = dice.choice(["all is well", "it is on its way", ""])
    return found


def counts(*names: str) -> dict[str, int]:
    """Mostly all the same number, as where things go well; some missing, some behind, some ahead."""
    usual = dice.choice([0, 1, 2, 3])
    values = {name: usual if dice.random() < 0.85 else dice.choice([0, 1, 2, 3]) for name in names}
    return {name: value for name, value in values.items() if dice.random() < 0.95}


def conditions(*kinds: str) -> list[dict[str, str]]:
    found = [condition(kind) for kind in kinds if dice.random() < 0.75]
    dice.shuffle(found)
    return found


def deployment() -> Parts:
    status: dict[str, Any] = counts("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    spec: dict[str, Any] = counts("replicas") if dice.random() < 0.3 else {"replicas": status.get("replicas", 1)}
    if dice.random() < 0.6:
        spec["progressDeadlineSeconds"] = dice.choice([600, 2**31 - 1])
    if dice.random() < 0.1:
        spec["paused"] = True
    status["conditions"] = conditions("Progressing", "Available")
    return spec, status


def replica_set() -> Parts:
    status: dict[str, Any] = counts("replicas", "fullyLabeledReplicas", "availableReplicas", "readyReplicas")
    status["conditions"] = conditions("ReplicaFailure") if dice.random() < 0.3 else []
    return counts("replicas") if dice.random() < 0.3 else {"replicas": status.get("replicas", 1)}, status


def stateful_set() -> Parts:
    status: dict[str, Any] = counts("replicas", "readyReplicas", "currentReplicas", "updatedReplicas")
    status |= {"currentRevision": "a", "updateRevision": dice.choice(["a", "a", "b"])}
    spec: dict[str, Any] = counts("replicas") if dice.random() < 0.3 else {"replicas": status.get("replicas", 1)}
    match dice.choice(["", "", "OnDelete", "RollingUpdate", "partition", "partition"]):
        case "partition":
            spec["updateStrategy"] = {
                "type": "RollingUpdate",
                "rollingUpdate": {"partition": dice.choice([0, 1, 2, 5, -1])},
            }
        case "":
            pass
        case strategy:
            spec["updateStrategy"] = {"type": strategy}
    return spec, status


def daemon_set() -> Parts:
    names = ("currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady")
    return {}, counts("desiredNumberScheduled", *names)


def pod() -> Parts:
    waiting = {"waiting": {"reason": dice.choice(["CrashLoopBackOff", "ImagePullBackOff"])}}
    containers = [
        {"name": name, "state": dice.choice([waiting, {"running": {}}, {"terminated": {"exitCode": 1}}])}
        for name in ("web", "side")
    ]
    phase = dice.choice(["Pending", "Running", "Running", "Running", "Succeeded", "Failed", "Unknown", "", None])
    status: dict[str, Any] = {"conditions": conditions("Ready", "PodScheduled")}
    if dice.random() < 0.7:
        status["containerStatuses"] = containers
    if dice.random() < 0.2:
        status["initContainerStatuses"] = containers
    return {"containers": []}, status if phase is None else status | {"phase": phase}


def job() -> Parts:
    spec: dict[str, Any] = {name: dice.choice([1, 2]) for name in ("completions", "parallelism") if dice.random() < 0.5}
    if dice.random() < 0.2:
        spec["suspend"] = True
    status: dict[str, Any] = counts("succeeded", "active", "failed")
    if dice.random() < 0.6:
        status["startTime"] = "2026-01-01T00:00:00Z"
    status["conditions"] = conditions("Complete", "Failed") if dice.random() < 0.6 else []
    return spec, status


def claim() -> Parts:
    phase = dice.choice(["Pending", "Bound", "Lost", "", None])
    return {}, {} if phase is None else {"phase": phase}


def service() -> Parts:
    spec = {"type": dice.choice(["ClusterIP", "LoadBalancer", "LoadBalancer", "NodePort", "ExternalName"])}
    address = dice.choice(["10.0.0.1", "None", "", None])
    return spec if address is None else spec | {"clusterIP": address}, {"loadBalancer": {}}


def definition() -> Parts:
    return {}, {"conditions": conditions("NamesAccepted", "Established")}


def custom() -> Parts:
    return {}, {"conditions": conditions("Ready")} if dice.random() < 0.9 else {}


def budget() -> Parts:
    return {"minAvailable": 1}, counts("currentHealthy", "desiredHealthy", "expectedPods", "disruptionsAllowed")


KINDS: dict[str, Callable[[], Parts]] = {
    "apps/v1 Deployment": deployment,
    "extensions/v1beta1 Deployment": deployment,
    "apps/v1 ReplicaSet": replica_set,
    "extensions/v1beta1 ReplicaSet": replica_set,
    "apps/v1 StatefulSet": stateful_set,
    "apps/v1 DaemonSet": daemon_set,
    "extensions/v1beta1 DaemonSet": daemon_set,
    "v1 Pod": pod,
    "batch/v1 Job": job,
    "batch/v1 CronJob": custom,
    "v1 PersistentVolumeClaim": claim,
    "v1 Service": service,
    "policy/v1 PodDisruptionBudget": budget,
    "apiextensions.k8s.io/v1 CustomResourceDefinition": definition,
    "example.com/v1 Widget": custom,
    "kustomize.toolkit.fluxcd.io/v1 Kustomization": custom,
    "v1 ReplicationController": replica_set,
    "v1 Node": custom,
}
PLAIN = (
    "v1 ConfigMap",
    "v1 Secret",
    "v1 ServiceAccount",
    "v1 Namespace",
    "v1 PersistentVolume",
    "v1 ResourceQuota",
    "v1 LimitRange",
    "v1 Endpoints",
    "networking.k8s.io/v1 Ingress",
    "networking.k8s.io/v1 IngressClass",
    "networking.k8s.io/v1 NetworkPolicy",
    "rbac.authorization.k8s.io/v1 ClusterRole",
    "rbac.authorization.k8s.io/v1 RoleBinding",
    "storage.k8s.io/v1 StorageClass",
    "autoscaling/v2 HorizontalPodAutoscaler",
    "apiregistration.k8s.io/v1 APIService",
    "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration",
    "scheduling.k8s.io/v1 PriorityClass",
    "coordination.k8s.io/v1 Lease",
    "discovery.k8s.io/v1 EndpointSlice",
)


def question(kind: str, make: Callable[[], Parts]) -> dict[str, Any]:
    api_version, name = kind.split()
    spec, status = make()
    # Long past, or far in the future: an answer must not hang on the day of the asking.
    created = dice.choice(["2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z"])
    metadata: dict[str, Any] = {"name": "a", "namespace": "b", "creationTimestamp": created}
    if dice.random() < 0.9:
        metadata["generation"] = dice.choice([1, 2])
        if dice.random() < 0.9:
            status["observedGeneration"] = metadata["generation"] if dice.random() < 0.93 else 3
    if dice.random() < 0.04:
        metadata["deletionTimestamp"] = created
    if dice.random() < 0.1:
        status["conditions"] = status.get("conditions", []) + conditions("Reconciling", "Stalled")
    found = {"apiVersion": api_version, "kind": name, "metadata": metadata, "spec": spec}
    return found | {"status": status} if dice.random() < 0.96 else found


def main() -> None:
    for kind, make in KINDS.items():
        for _ in range(EACH):
            sys.stdout.write(json.dumps(question(kind, make), separators=(",", ":")) + "\n")
    for kind in PLAIN:
        for _ in range(10):
            sys.stdout.write(json.dumps(question(kind, custom), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
