"""Defaults of deployments, jobs and autoscalers; see :mod:`fairlead.localcluster.builtin.defaults`."""

from __future__ import annotations

from typing import Final

from fairlead.localcluster.builtin.default_registry import Struct, fill, rule

__all__ = ["TEMPLATE_GENERATION"]

TEMPLATE_GENERATION: Final = "deprecated.daemonset.template.generation"


# ---- workloads


@rule("apps.v1.Deployment")
def _deployment(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec.setdefault("strategy", {})
    fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(strategy.setdefault("rollingUpdate", {}), maxUnavailable="25%", maxSurge="25%")


@rule("apps.v1.DaemonSet")
def _daemon_set(value: Struct) -> None:
    # A counter that old versions had in the spec; it is kept as an annotation.
    fill(value.setdefault("metadata", {}).setdefault("annotations", {}), **{TEMPLATE_GENERATION: "0"})
    spec = value.setdefault("spec", {})
    fill(spec, revisionHistoryLimit=10)
    strategy = spec.setdefault("updateStrategy", {})
    fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(strategy.setdefault("rollingUpdate", {}), maxUnavailable=1, maxSurge=0)


@rule("apps.v1.StatefulSet")
def _stateful_set(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    fill(spec, podManagementPolicy="OrderedReady", replicas=1, revisionHistoryLimit=10)
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        fill(strategy["rollingUpdate"], partition=0)
    fill(spec.setdefault("persistentVolumeClaimRetentionPolicy", {}), whenDeleted="Retain", whenScaled="Retain")
    for claim in spec.get("volumeClaimTemplates") or ():
        fill(claim, apiVersion="v1", kind="PersistentVolumeClaim")


@rule("apps.v1.ReplicaSet")
def _replica_set(value: Struct) -> None:
    fill(value.setdefault("spec", {}), replicas=1)


@rule("batch.v1.Job")
def _job(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    metadata = value.setdefault("metadata", {})
    if labels and not metadata.get("labels"):
        metadata["labels"] = (
            labels  # shared on purpose: what the server adds to the template's labels appears here, too
        )
    _job_spec(spec)
    fill(spec, manualSelector=False)


def _job_spec(spec: Struct) -> None:
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    fill(spec, parallelism=1, completionMode="NonIndexed", suspend=False)
    fill(spec, backoffLimit=6 if spec.get("backoffLimitPerIndex") is None else 2**31 - 1)
    fill(spec, podReplacementPolicy="Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed")


@rule("batch.v1.PodFailurePolicyOnPodConditionsPattern")
def _failure_pattern(value: Struct) -> None:
    fill(value, status="True")


@rule("batch.v1.CronJob")
def _cron_job(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    fill(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)


# ---- autoscaling


_SCALE_UP: Final = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_SCALE_DOWN: Final = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


@rule("autoscaling.v2.HorizontalPodAutoscaler")
def _autoscaler(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    fill(spec, minReplicas=1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        for field, rules in (("scaleUp", _SCALE_UP), ("scaleDown", _SCALE_DOWN)):
            given = {key: item for key, item in (behavior.get(field) or {}).items() if item is not None}
            behavior[field] = {**rules, **given}


@rule("autoscaling.v1.HorizontalPodAutoscaler")
def _autoscaler_v1(value: Struct) -> None:
    fill(value.setdefault("spec", {}), minReplicas=1)
