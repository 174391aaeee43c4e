"""Changes of stored objects: what may not change, and how the server says so. Each is a merge patch of an object."""

from __future__ import annotations

from typing import Any

from tests.referees.apiserver.cases_create import (
    binding,
    budget,
    claim,
    container,
    core,
    cron,
    definition,
    deployment,
    ingress,
    job,
    obj,
    path,
    pod,
    policy,
    rbac,
    scaler,
    service,
    storage,
    version,
    workload,
)

Obj = dict[str, Any]
POD = {"containers": [container()]}


def spec(**fields: Any) -> Obj:
    return {"spec": fields}


def meta(**fields: Any) -> Obj:
    return {"metadata": fields}


CASES: dict[str, tuple[Obj, Obj]] = {
    "deployment selector": (
        deployment(),
        spec(selector={"matchLabels": {"x": "y"}}, template={"metadata": {"labels": {"x": "y"}}}),
    ),
    "deployment selector mismatch": (deployment(), spec(selector={"matchLabels": {"x": "y"}})),
    "deployment image": (deployment(), spec(template={"spec": {"containers": [container(image="nginx:2")]}})),
    "deployment replicas": (deployment(), spec(replicas=3)),
    "deployment replicas negative": (deployment(), spec(replicas=-3)),
    "deployment label": (deployment(), meta(labels={"a": "b"})),
    "deployment annotation": (deployment(), meta(annotations={"a": "b"})),
    "deployment status ignored": (deployment(), {"status": {"replicas": 3}}),
    "deployment nothing": (deployment(), {}),
    "deployment strategy": (deployment(), spec(strategy={"type": "Recreate", "rollingUpdate": None})),
    "replica set selector": (
        workload("ReplicaSet"),
        spec(selector={"matchLabels": {"x": "y"}}, template={"metadata": {"labels": {"x": "y"}}}),
    ),
    "daemon set selector": (
        workload("DaemonSet"),
        spec(selector={"matchLabels": {"x": "y"}}, template={"metadata": {"labels": {"x": "y"}}}),
    ),
    "daemon set image": (workload("DaemonSet"), spec(template={"spec": {"containers": [container(image="nginx:2")]}})),
    "stateful set service": (workload("StatefulSet", serviceName="a"), spec(serviceName="b")),
    "stateful set selector": (
        workload("StatefulSet"),
        spec(selector={"matchLabels": {"x": "y"}}, template={"metadata": {"labels": {"x": "y"}}}),
    ),
    "stateful set claims": (
        workload("StatefulSet"),
        spec(
            volumeClaimTemplates=[
                {
                    "metadata": {"name": "d"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                }
            ]
        ),
    ),
    "stateful set policy": (workload("StatefulSet"), spec(podManagementPolicy="Parallel")),
    "stateful set image": (
        workload("StatefulSet"),
        spec(replicas=2, template={"spec": {"containers": [container(image="nginx:2")]}}),
    ),
    "stateful set history": (workload("StatefulSet"), spec(revisionHistoryLimit=2)),
    "job template": (job(), spec(template={"spec": {"containers": [container(image="nginx:2")]}})),
    "job parallelism": (job(), spec(parallelism=2)),
    "job completions": (job(), spec(completions=2)),
    "job selector": (job(), spec(selector={"matchLabels": {"x": "y"}})),
    "job backoff": (job(), spec(backoffLimit=2)),
    "job suspend": (job(), spec(suspend=True)),
    "job completion mode": (job(), spec(completionMode="Indexed")),
    "cron job schedule": (cron(), spec(schedule="0 0 * * *")),
    "service cluster ip": (service(), spec(clusterIP="10.0.0.77", clusterIPs=["10.0.0.77"])),
    "service cluster ip empty": (service(), spec(clusterIP=None, clusterIPs=None)),
    "service to headless": (service(), spec(clusterIP="None", clusterIPs=["None"])),
    "service to external name": (
        service(),
        spec(type="ExternalName", externalName="a.example", clusterIP="", clusterIPs=None),
    ),
    "service to node port": (service(), spec(type="NodePort")),
    "service ports": (service(), spec(ports=[{"port": 81}])),
    "service selector": (service(), spec(selector={"app": None, "x": "y"})),
    "config map immutable": (core("ConfigMap", data={"a": "b"}, immutable=True), {"data": {"a": "c"}}),
    "config map immutable off": (core("ConfigMap", data={"a": "b"}, immutable=True), {"immutable": False}),
    "config map immutable label": (core("ConfigMap", data={"a": "b"}, immutable=True), meta(labels={"x": "y"})),
    "config map make immutable": (core("ConfigMap", data={"a": "b"}), {"immutable": True, "data": {"a": "c"}}),
    "secret type": (core("Secret", data={"a": "YQ=="}), {"type": "example.com/x"}),
    "secret immutable": (core("Secret", data={"a": "YQ=="}, immutable=True), {"data": {"a": "Yg=="}}),
    "secret string data": (core("Secret", data={"a": "YQ=="}), {"stringData": {"a": "new", "b": "c"}}),
    "claim size": (claim(), spec(resources={"requests": {"storage": "2Gi"}})),
    "claim mode": (claim(), spec(accessModes=["ReadWriteMany"])),
    "claim class": (claim(storageClassName="a"), spec(storageClassName="b")),
    "claim volume": (claim(), spec(volumeName="v")),
    "claim label": (claim(), meta(labels={"a": "b"})),
    "volume source": (
        core(
            "PersistentVolume",
            spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}},
        ),
        spec(hostPath={"path": "/y"}),
    ),
    "volume reclaim": (
        core(
            "PersistentVolume",
            spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}},
        ),
        spec(persistentVolumeReclaimPolicy="Delete"),
    ),
    "storage class provisioner": (storage(), {"provisioner": "x.example/y"}),
    "storage class parameters": (storage(), {"parameters": {"a": "b"}}),
    "storage class reclaim": (storage(), {"reclaimPolicy": "Retain"}),
    "storage class expansion": (storage(), {"allowVolumeExpansion": True}),
    "storage class binding": (storage(), {"volumeBindingMode": "WaitForFirstConsumer"}),
    "role binding role": (binding(), {"roleRef": {"name": "other"}}),
    "role binding subjects": (binding(), {"subjects": [{"kind": "User", "name": "u"}]}),
    "role rules": (rbac("Role", rules=[]), {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
    "pod image": (pod(), spec(containers=[container(image="nginx:2")])),
    "pod env": (pod(), spec(containers=[container(env=[{"name": "A", "value": "b"}])])),
    "pod label": (pod(), meta(labels={"a": "b"})),
    "pod add container": (pod(), spec(containers=[container(), container(name="b")])),
    "pod node": (pod(), spec(nodeName="n")),
    "pod restart policy": (pod(), spec(restartPolicy="Never")),
    "pod tolerations": (pod(), spec(tolerations=[{"key": "x", "operator": "Exists"}])),
    "pod deadline": (pod(), spec(activeDeadlineSeconds=5)),
    "pod account": (pod(), spec(serviceAccountName="x")),
    "namespace label": (core("Namespace", "space"), meta(labels={"a": "b"})),
    "namespace name label": (core("Namespace", "space"), meta(labels={"kubernetes.io/metadata.name": "x"})),
    "namespace finalizers": (core("Namespace", "space"), spec(finalizers=[])),
    "ingress": (ingress(**path()), spec(ingressClassName="x")),
    "ingress empty": (ingress(**path()), spec(rules=None)),
    "policy": (policy(), spec(policyTypes=["Egress"])),
    "scaler": (scaler(), spec(maxReplicas=0)),
    "scaler max": (scaler(), spec(maxReplicas=7)),
    "budget": (budget(minAvailable=1), spec(minAvailable=2)),
    "budget selector": (budget(minAvailable=1), spec(selector={"matchLabels": {"x": "y"}})),
    "priority class value": (obj("scheduling.k8s.io/v1", "PriorityClass", value=10), {"value": 20}),
    "priority class description": (obj("scheduling.k8s.io/v1", "PriorityClass", value=10), {"description": "x"}),
    "ingress class controller": (
        obj("networking.k8s.io/v1", "IngressClass", spec={"controller": "example.com/x"}),
        spec(controller="example.com/y"),
    ),
    "name": (core("ConfigMap"), meta(name="b")),
    "namespace": (core("ConfigMap"), meta(namespace="other")),
    "uid": (core("ConfigMap"), meta(uid="x")),
    "creation": (core("ConfigMap"), meta(creationTimestamp="2001-01-01T00:00:00Z")),
    "resource version": (core("ConfigMap"), meta(resourceVersion="1")),
    "resource version text": (core("ConfigMap"), meta(resourceVersion="x")),
    "generation": (deployment(), meta(generation=7)),
    "finalizer": (core("ConfigMap"), meta(finalizers=["example.com/x"])),
    "owner": (core("ConfigMap"), meta(ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "1"}])),
    "definition scope": (definition(), spec(scope="Cluster")),
    "definition kind": (definition(), spec(names={"kind": "Gadget", "listKind": "GadgetList", "singular": "gadget"})),
    "definition plural": (definition(), spec(names={"plural": "gadgets"})),
    "definition group": (definition(), spec(group="x.example.com")),
    "definition drop stored version": (definition(), spec(versions=[version(name="v2")])),
    "definition add version": (definition(), spec(versions=[version(), version(name="v2", storage=False)])),
    "definition schema": (definition(), spec(versions=[version(schema={"openAPIV3Schema": {"type": "object"}})])),
}
