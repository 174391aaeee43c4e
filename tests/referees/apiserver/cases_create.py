"""Objects to create: what a real API server fills in, and what it refuses with which words."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def obj(api: str, kind: str, name: str | None = "a", *, meta: Obj | None = None, **fields: Any) -> Obj:
    metadata = {**({"name": name} if name is not None else {}), **(meta or {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def core(kind: str, name: str | None = "a", *, meta: Obj | None = None, **fields: Any) -> Obj:
    return obj("v1", kind, name, meta=meta, **fields)


def container(**fields: Any) -> Obj:
    return {"name": "app", "image": "nginx:1.27", **fields}


def template(labels: Obj | None = None, **spec: Any) -> Obj:
    return {
        "metadata": {"labels": {"app": "a"} if labels is None else labels},
        "spec": {"containers": [container()], **spec},
    }


def deployment(name: str | None = "a", *, meta: Obj | None = None, pod: Obj | None = None, **spec: Any) -> Obj:
    full = {"selector": {"matchLabels": {"app": "a"}}, "template": template(**(pod or {})), **spec}
    return obj("apps/v1", "Deployment", name, meta=meta, spec={k: v for k, v in full.items() if v is not ...})


def workload(kind: str, **spec: Any) -> Obj:
    full = {"selector": {"matchLabels": {"app": "a"}}, "template": template(), **spec}
    return obj("apps/v1", kind, spec={k: v for k, v in full.items() if v is not ...})


def pod(name: str | None = "a", *, meta: Obj | None = None, **spec: Any) -> Obj:
    return core("Pod", name, meta=meta, spec={"containers": [container()], **spec})


def one(**fields: Any) -> Obj:
    """A pod with one container of these fields."""
    return pod(containers=[container(**fields)])


def job(**spec: Any) -> Obj:
    full = {"template": template(restartPolicy="Never"), **spec}
    return obj("batch/v1", "Job", spec={k: v for k, v in full.items() if v is not ...})


def cron(**spec: Any) -> Obj:
    full = {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": template(restartPolicy="Never")}}, **spec}
    return obj("batch/v1", "CronJob", spec={k: v for k, v in full.items() if v is not ...})


def service(name: str = "a", **spec: Any) -> Obj:
    return core("Service", name, spec={"ports": [{"port": 80}], "selector": {"app": "a"}, **spec})


def ingress(**spec: Any) -> Obj:
    return obj("networking.k8s.io/v1", "Ingress", spec=spec)


def path(**fields: Any) -> Obj:
    backend = {"service": {"name": "a", "port": {"number": 80}}}
    return {
        "rules": [
            {
                "host": "a.example",
                "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend, **fields}]},
            }
        ]
    }


def claim(**spec: Any) -> Obj:
    full = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return core("PersistentVolumeClaim", spec={k: v for k, v in full.items() if v is not ...})


def policy(**spec: Any) -> Obj:
    return obj("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}, **spec})


def scaler(**spec: Any) -> Obj:
    full = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}, "maxReplicas": 3, **spec}
    return obj("autoscaling/v2", "HorizontalPodAutoscaler", spec=full)


def budget(**spec: Any) -> Obj:
    return obj("policy/v1", "PodDisruptionBudget", spec={"selector": {"matchLabels": {"app": "a"}}, **spec})


def rbac(kind: str, **fields: Any) -> Obj:
    return obj("rbac.authorization.k8s.io/v1", kind, **fields)


def binding(kind: str = "RoleBinding", **fields: Any) -> Obj:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    subject = {"kind": "ServiceAccount", "name": "s", "namespace": "default"}
    return rbac(kind, **{"roleRef": role, "subjects": [subject], **fields})


def storage(**fields: Any) -> Obj:
    return obj("storage.k8s.io/v1", "StorageClass", **{"provisioner": "example.com/disk", **fields})


_SCHEMA = {"type": "object", "properties": {"spec": {"type": "object"}, "status": {"type": "object"}}}


def version(**fields: Any) -> Obj:
    full = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": _SCHEMA}, **fields}
    return {k: v for k, v in full.items() if v is not ...}


def definition(name: str = "widgets.example.com", **spec: Any) -> Obj:
    full = {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [version()],
        **spec,
    }
    return obj(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        name,
        spec={k: v for k, v in full.items() if v is not ...},
    )


def schema(**properties: Any) -> Obj:
    """A definition with these properties of ``spec``."""
    props = {"spec": {"type": "object", "properties": properties}}
    return definition(versions=[version(schema={"openAPIV3Schema": {"type": "object", "properties": props}})])


def root(**fields: Any) -> Obj:
    return definition(versions=[version(schema={"openAPIV3Schema": {"type": "object", **fields}})])


def webhook(kind: str = "ValidatingWebhookConfiguration", **fields: Any) -> Obj:
    hook = {
        "name": "a.example.com",
        "clientConfig": {"service": {"namespace": "default", "name": "a"}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        **fields,
    }
    return obj("admissionregistration.k8s.io/v1", kind, webhooks=[{k: v for k, v in hook.items() if v is not ...}])


def probe(**fields: Any) -> Obj:
    return one(livenessProbe={"httpGet": {"port": 80}, **fields})


def volumes(*items: Obj) -> Obj:
    return pod(volumes=list(items))


LONG = "a" * 64
CASES: dict[str, Obj] = {
    # names and metadata
    "no name": core("ConfigMap", None),
    "name upper case": core("ConfigMap", "Abc"),
    "name underscore": core("ConfigMap", "a_b"),
    "name too long": core("ConfigMap", "a" * 254),
    "name label kind upper": core("Namespace", "Abc"),
    "name label kind too long": core("Namespace", LONG),
    "namespace with dot": core("Namespace", "a.b"),
    "service name starts with digit": service("1a"),
    "service name with dot": service("a.b"),
    "role name with colon": rbac("Role", name="system:x") if False else rbac("Role", meta={"name": "system:x"}),
    "role name with slash": rbac("Role", meta={"name": "a/b"}),
    "role name with percent": rbac("Role", meta={"name": "a%b"}),
    "generate name": core("ConfigMap", None, meta={"generateName": "a-"}),
    "generate name bad": core("ConfigMap", None, meta={"generateName": "A_"}),
    "label key bad": core("ConfigMap", meta={"labels": {"a b": "x"}}),
    "label key two slashes": core("ConfigMap", meta={"labels": {"a/b/c": "x"}}),
    "label prefix bad": core("ConfigMap", meta={"labels": {"A_/b": "x"}}),
    "label key empty name": core("ConfigMap", meta={"labels": {"a/": "x"}}),
    "label key too long": core("ConfigMap", meta={"labels": {LONG: "x"}}),
    "label value bad": core("ConfigMap", meta={"labels": {"a": "-x"}}),
    "label value too long": core("ConfigMap", meta={"labels": {"a": LONG}}),
    "annotation key bad": core("ConfigMap", meta={"annotations": {"a b": "x"}}),
    "annotations too big": core("ConfigMap", meta={"annotations": {"a": "x" * 262145}}),
    "finalizer bad": core("ConfigMap", meta={"finalizers": ["a b"]}),
    "finalizer without domain": core("ConfigMap", meta={"finalizers": ["abc"]}),
    "finalizers good": core("ConfigMap", meta={"finalizers": ["example.com/x", "foregroundDeletion"]}),
    "owner without uid": core(
        "ConfigMap", meta={"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x"}]}
    ),
    "owner empty": core("ConfigMap", meta={"ownerReferences": [{}]}),
    "owner bad version": core(
        "ConfigMap", meta={"ownerReferences": [{"apiVersion": "a/b/c", "kind": "Pod", "name": "x", "uid": "1"}]}
    ),
    "owner event": core(
        "ConfigMap", meta={"ownerReferences": [{"apiVersion": "v1", "kind": "Event", "name": "x", "uid": "1"}]}
    ),
    "two controllers": core(
        "ConfigMap",
        meta={
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "1", "controller": True},
                {"apiVersion": "v1", "kind": "Pod", "name": "y", "uid": "2", "controller": True},
            ]
        },
    ),
    "namespace mismatch": core("ConfigMap", meta={"namespace": "other"}),
    "resource version on create": core("ConfigMap", meta={"resourceVersion": "1"}),
    "managed fields bad": core("ConfigMap", meta={"managedFields": [{"operation": "X"}]}),
    # config maps and secrets
    "config map": core("ConfigMap", data={"a": "b"}, binaryData={"c": "YQ=="}),
    "config map empty": core("ConfigMap"),
    "config map empty data": core("ConfigMap", data={}),
    "config map key bad": core("ConfigMap", data={"a/b": "x"}),
    "config map key dots": core("ConfigMap", data={"..": "x"}),
    "config map key dots 2": core("ConfigMap", data={"..a": "x"}),
    "config map key long": core("ConfigMap", data={"a" * 254: "x"}),
    "config map key twice": core("ConfigMap", data={"a": "x"}, binaryData={"a": "YQ=="}),
    "config map immutable": core("ConfigMap", data={"a": "x"}, immutable=True),
    "config map too big": core("ConfigMap", data={"a": "x" * (1024 * 1024 + 1)}),
    "secret": core("Secret", data={"a": "YQ=="}, stringData={"b": "c", "a": "new"}),
    "secret empty": core("Secret"),
    "secret key bad": core("Secret", data={"a b": "YQ=="}),
    "secret tls without key": core("Secret", type="kubernetes.io/tls", data={"tls.crt": "YQ=="}),
    "secret tls empty": core("Secret", type="kubernetes.io/tls"),
    "secret tls": core("Secret", type="kubernetes.io/tls", data={"tls.crt": "YQ==", "tls.key": "YQ=="}),
    "secret docker without": core("Secret", type="kubernetes.io/dockerconfigjson"),
    "secret docker bad": core("Secret", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": "YQ=="}),
    "secret basic auth empty": core("Secret", type="kubernetes.io/basic-auth"),
    "secret ssh empty": core("Secret", type="kubernetes.io/ssh-auth"),
    "secret account token": core("Secret", type="kubernetes.io/service-account-token"),
    # namespaces and accounts
    "namespace": core("Namespace", "space"),
    "namespace labelled": core("Namespace", "space", meta={"labels": {"a": "b"}}),
    "account": core("ServiceAccount", imagePullSecrets=[{"name": "x"}], automountServiceAccountToken=False),
    # services
    "service": service(),
    "service node port": service(type="NodePort"),
    "service load balancer": service(type="LoadBalancer"),
    "service external name": core("Service", spec={"type": "ExternalName", "externalName": "example.com"}),
    "service external name missing": core("Service", spec={"type": "ExternalName"}),
    "service headless": service(clusterIP="None"),
    "service no ports": core("Service", spec={"selector": {"a": "b"}}),
    "service headless no ports": core("Service", spec={"selector": {"a": "b"}, "clusterIP": "None"}),
    "service port zero": service(ports=[{"port": 0}]),
    "service port big": service(ports=[{"port": 70000}]),
    "service ports unnamed": service(ports=[{"port": 80}, {"port": 81}]),
    "service ports same name": service(ports=[{"name": "a", "port": 80}, {"name": "a", "port": 81}]),
    "service ports same number": service(ports=[{"name": "a", "port": 80}, {"name": "b", "port": 80}]),
    "service port name bad": service(ports=[{"name": "A_b", "port": 80}]),
    "service protocol bad": service(ports=[{"port": 80, "protocol": "HTTP"}]),
    "service target port name": service(ports=[{"port": 80, "targetPort": "http"}]),
    "service target port bad": service(ports=[{"port": 80, "targetPort": "HTTP_x"}]),
    "service target port long": service(ports=[{"port": 80, "targetPort": "abcdefghijklmnopq"}]),
    "service target port zero": service(ports=[{"port": 80, "targetPort": 99999}]),
    "service type bad": service(type="Foo"),
    "service affinity": service(sessionAffinity="ClientIP"),
    "service affinity bad": service(sessionAffinity="Foo"),
    "service selector bad": service(selector={"a b": "-"}),
    "service cluster ip bad": service(clusterIP="abc"),
    "service node port out of range": service(type="NodePort", ports=[{"port": 80, "nodePort": 80}]),
    "service node port on cluster ip": service(ports=[{"port": 80, "nodePort": 30080}]),
    "service external ip": service(externalIPs=["1.2.3.4"]),
    "service external ip bad": service(externalIPs=["abc"]),
    "service traffic policy on cluster ip": service(externalTrafficPolicy="Local"),
    "service app protocol": service(ports=[{"port": 80, "appProtocol": "kubernetes.io/h2c"}]),
    # pods
    "pod": pod(),
    "pod without spec": core("Pod"),
    "pod without containers": core("Pod", spec={}),
    "pod empty containers": pod(containers=[]),
    "container without name": pod(containers=[{"image": "x"}]),
    "container without image": pod(containers=[{"name": "x"}]),
    "container name bad": one(name="A_b"),
    "container names twice": pod(containers=[container(), container()]),
    "container image space": one(image=" nginx"),
    "image latest": one(image="nginx:latest"),
    "image without tag": one(image="registry.example:5000/nginx"),
    "image digest": one(image="nginx@sha256:" + "a" * 64),
    "pull policy bad": one(imagePullPolicy="Sometimes"),
    "resources": one(resources={"limits": {"cpu": "1000m", "memory": "1.5Gi"}, "requests": {"cpu": 0.1}}),
    "resources request over limit": one(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}),
    "resources bad name": one(resources={"limits": {"foo": "1"}}),
    "resources bad name 2": one(resources={"limits": {"a/b/c": "1"}}),
    "resources negative": one(resources={"limits": {"cpu": "-1"}}),
    "resources extended": one(resources={"limits": {"example.com/gpu": "1"}}),
    "resources extended request only": one(resources={"requests": {"example.com/gpu": "1"}}),
    "resources fraction of extended": one(resources={"limits": {"example.com/gpu": "0.5"}}),
    "resources small": one(resources={"requests": {"cpu": "1u", "memory": "100m"}}),
    "ports": one(ports=[{"containerPort": 80}, {"name": "https", "containerPort": 443, "protocol": "UDP"}]),
    "port missing": one(ports=[{"name": "a"}]),
    "port big": one(ports=[{"containerPort": 65536}]),
    "port name bad": one(ports=[{"name": "UPPER", "containerPort": 80}]),
    "port name long": one(ports=[{"name": "abcdefghijklmnopq", "containerPort": 80}]),
    "port name twice": one(ports=[{"name": "a", "containerPort": 80}, {"name": "a", "containerPort": 81}]),
    "port protocol bad": one(ports=[{"containerPort": 80, "protocol": "X"}]),
    "host port big": one(ports=[{"containerPort": 80, "hostPort": 70000}]),
    "host network": pod(hostNetwork=True, containers=[container(ports=[{"containerPort": 80}])]),
    "env": one(
        env=[
            {"name": "A", "value": "b"},
            {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        ]
    ),
    "env without name": one(env=[{"value": "b"}]),
    "env name bad": one(env=[{"name": "a=b"}]),
    "env two values": one(env=[{"name": "A", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
    "env empty source": one(env=[{"name": "A", "valueFrom": {}}]),
    "env field bad": one(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.foo"}}}]),
    "env key missing": one(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}]),
    "env config map name missing": one(env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"key": "s"}}}]),
    "env from": one(
        envFrom=[{"configMapRef": {"name": "a"}}, {"prefix": "X_", "secretRef": {"name": "b", "optional": True}}]
    ),
    "env from empty": one(envFrom=[{}]),
    "env from without name": one(envFrom=[{"configMapRef": {}}]),
    "probes": one(
        livenessProbe={"httpGet": {"port": 80}},
        readinessProbe={"tcpSocket": {"port": "http"}},
        startupProbe={"exec": {"command": ["true"]}},
    ),
    "probe grpc": one(livenessProbe={"grpc": {"port": 80}}),
    "probe empty": one(livenessProbe={}),
    "probe two handlers": one(livenessProbe={"httpGet": {"port": 80}, "exec": {"command": ["a"]}}),
    "probe no port": one(livenessProbe={"httpGet": {"path": "/"}}),
    "probe negative": probe(initialDelaySeconds=-1),
    "probe success threshold": probe(successThreshold=2),
    "probe exec empty": one(livenessProbe={"exec": {}}),
    "probe scheme": one(livenessProbe={"httpGet": {"port": 80, "scheme": "FTP"}}),
    "lifecycle": one(lifecycle={"preStop": {"exec": {"command": ["a"]}}, "postStart": {"httpGet": {"port": 80}}}),
    "security context": pod(
        securityContext={"runAsUser": 1000, "fsGroup": 2000, "runAsNonRoot": True},
        containers=[container(securityContext={"privileged": False, "capabilities": {"drop": ["ALL"]}})],
    ),
    "run as user negative": pod(securityContext={"runAsUser": -1}),
    "privileged without escalation": one(securityContext={"privileged": True, "allowPrivilegeEscalation": False}),
    "restart policy bad": pod(restartPolicy="Sometimes"),
    "dns policy bad": pod(dnsPolicy="Foo"),
    "dns none without config": pod(dnsPolicy="None"),
    "grace period negative": pod(terminationGracePeriodSeconds=-1),
    "account name": pod(serviceAccountName="x"),
    "account name bad": pod(serviceAccountName="X_"),
    "node selector bad": pod(nodeSelector={"a b": "c"}),
    "init containers": pod(initContainers=[container(name="init")]),
    "init container same name": pod(initContainers=[container()]),
    "sidecar": pod(initContainers=[container(name="init", restartPolicy="Always")]),
    "host aliases bad": pod(hostAliases=[{"ip": "x", "hostnames": ["a"]}]),
    "image pull secret empty": pod(imagePullSecrets=[{}]),
    "toleration": pod(tolerations=[{"key": "a", "operator": "Exists"}]),
    "toleration bad operator": pod(tolerations=[{"key": "a", "operator": "Foo"}]),
    "toleration exists with value": pod(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
    "active deadline zero": pod(activeDeadlineSeconds=0),
    "hostname bad": pod(hostname="A_"),
    "affinity": pod(
        affinity={
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}]
                }
            }
        }
    ),
    "affinity empty terms": pod(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}),
    "spread": pod(
        topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
    ),
    "spread bad": pod(topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "Foo"}]),
    "volumes": volumes(
        {"name": "a", "secret": {"secretName": "s"}},
        {"name": "b", "configMap": {"name": "c"}},
        {"name": "c"},
        {"name": "d", "emptyDir": {}},
        {"name": "e", "hostPath": {"path": "/x"}},
        {"name": "f", "persistentVolumeClaim": {"claimName": "p"}},
        {"name": "g", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"name": "h", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"configMap": {"name": "x"}}]}},
        {"name": "i", "csi": {"driver": "d"}},
        {"name": "j", "iscsi": {"targetPortal": "1.2.3.4", "iqn": "iqn.2001-04.com.example:x", "lun": 0}},
        {
            "name": "k",
            "ephemeral": {
                "volumeClaimTemplate": {
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
                }
            },
        },
    ),
    "volume without name": volumes({"emptyDir": {}}),
    "volume names twice": volumes({"name": "a"}, {"name": "a"}),
    "volume two sources": volumes({"name": "a", "emptyDir": {}, "secret": {"secretName": "s"}}),
    "volume secret without name": volumes({"name": "a", "secret": {}}),
    "volume config map without name": volumes({"name": "a", "configMap": {}}),
    "volume claim without name": volumes({"name": "a", "persistentVolumeClaim": {}}),
    "volume host path empty": volumes({"name": "a", "hostPath": {}}),
    "volume host path type": volumes({"name": "a", "hostPath": {"path": "/a", "type": "Foo"}}),
    "volume mode bad": volumes({"name": "a", "secret": {"secretName": "s", "defaultMode": 1000}}),
    "volume items bad": volumes({"name": "a", "configMap": {"name": "c", "items": [{"key": "", "path": "../x"}]}}),
    "volume name bad": volumes({"name": "A_"}),
    "mount unknown": one(volumeMounts=[{"name": "x", "mountPath": "/x"}]),
    "mount without path": pod(volumes=[{"name": "a"}], containers=[container(volumeMounts=[{"name": "a"}])]),
    "mount twice": pod(
        volumes=[{"name": "a"}],
        containers=[container(volumeMounts=[{"name": "a", "mountPath": "/x"}, {"name": "a", "mountPath": "/x"}])],
    ),
    "mount sub path up": pod(
        volumes=[{"name": "a"}],
        containers=[container(volumeMounts=[{"name": "a", "mountPath": "/x", "subPath": "../y"}])],
    ),
    # workloads
    "deployment": deployment(),
    "deployment without spec": obj("apps/v1", "Deployment"),
    "deployment without selector": deployment(selector=...),
    "deployment empty selector": deployment(selector={}),
    "deployment without template": deployment(template=...),
    "deployment selector mismatch": deployment(selector={"matchLabels": {"app": "b"}}),
    "deployment selector bad operator": deployment(selector={"matchExpressions": [{"key": "a", "operator": "Foo"}]}),
    "deployment selector in without values": deployment(
        selector={"matchExpressions": [{"key": "app", "operator": "In"}]}
    ),
    "deployment replicas negative": deployment(replicas=-1),
    "deployment replicas zero": deployment(replicas=0),
    "deployment recreate": deployment(strategy={"type": "Recreate"}),
    "deployment recreate with rolling": deployment(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
    "deployment strategy bad": deployment(strategy={"type": "Foo"}),
    "deployment surge zero": deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
    "deployment surge text": deployment(strategy={"rollingUpdate": {"maxSurge": "x"}}),
    "deployment unavailable over 100": deployment(strategy={"rollingUpdate": {"maxUnavailable": "150%"}}),
    "deployment progress deadline": deployment(progressDeadlineSeconds=5, minReadySeconds=10),
    "deployment min ready negative": deployment(minReadySeconds=-1),
    "deployment history negative": deployment(revisionHistoryLimit=-1),
    "deployment restart policy": deployment(pod={"restartPolicy": "Never"}),
    "deployment active deadline": deployment(pod={"activeDeadlineSeconds": 10}),
    "deployment template label bad": deployment(template=template({"app": "a", "b c": "-"})),
    "deployment name bad": deployment("A_"),
    "deployment empty container": deployment(pod={"containers": [{}]}),
    "replica set": workload("ReplicaSet"),
    "replica set selector mismatch": workload("ReplicaSet", selector={"matchLabels": {"x": "y"}}),
    "replica set without selector": workload("ReplicaSet", selector=...),
    "daemon set": workload("DaemonSet"),
    "daemon set on delete": workload("DaemonSet", updateStrategy={"type": "OnDelete"}),
    "daemon set strategy bad": workload("DaemonSet", updateStrategy={"type": "Foo"}),
    "daemon set selector mismatch": workload("DaemonSet", selector={"matchLabels": {"x": "y"}}),
    "daemon set surge and unavailable": workload(
        "DaemonSet", updateStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    ),
    "stateful set": workload("StatefulSet", serviceName="a"),
    "stateful set without service": workload("StatefulSet"),
    "stateful set claims": workload(
        "StatefulSet",
        serviceName="a",
        volumeClaimTemplates=[
            {
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }
        ],
    ),
    "stateful set on delete": workload("StatefulSet", updateStrategy={"type": "OnDelete"}),
    "stateful set rolling": workload("StatefulSet", updateStrategy={"type": "RollingUpdate"}),
    "stateful set policy bad": workload("StatefulSet", podManagementPolicy="Foo"),
    "stateful set strategy bad": workload("StatefulSet", updateStrategy={"type": "Foo"}),
    "stateful set selector mismatch": workload("StatefulSet", selector={"matchLabels": {"x": "y"}}),
    "stateful set replicas negative": workload("StatefulSet", replicas=-1),
    "controller": core("ReplicationController", spec={"template": template()}),
    "job": job(),
    "job restart always": job(template=template()),
    "job restart policy": job(template=template(restartPolicy="Always")),
    "job negative": job(parallelism=-1, completions=-1, backoffLimit=-1, activeDeadlineSeconds=-1),
    "job parallel": job(parallelism=3),
    "job indexed": job(completionMode="Indexed"),
    "job indexed with completions": job(completionMode="Indexed", completions=3),
    "job ttl negative": job(ttlSecondsAfterFinished=-1),
    "job selector": job(selector={"matchLabels": {"a": "b"}}),
    "job without template": job(template=...),
    "cron job": cron(),
    "cron job without schedule": cron(schedule=...),
    "cron job schedule bad": cron(schedule="x"),
    "cron job schedule bad field": cron(schedule="99 * * * *"),
    "cron job schedule macro": cron(schedule="@daily"),
    "cron job schedule tz": cron(schedule="TZ=UTC * * * * *"),
    "cron job zone bad": cron(timeZone="Mars/Base"),
    "cron job zone": cron(timeZone="Europe/Berlin"),
    "cron job policy bad": cron(concurrencyPolicy="Foo"),
    "cron job negative": cron(startingDeadlineSeconds=-1, successfulJobsHistoryLimit=-1, failedJobsHistoryLimit=-1),
    "cron job name long": {**cron(), "metadata": {"name": "a" * 53}},
    "cron job restart": cron(jobTemplate={"spec": {"template": template()}}),
    # network
    "ingress": ingress(**path()),
    "ingress empty": ingress(),
    "ingress default backend": ingress(defaultBackend={"service": {"name": "a", "port": {"name": "http"}}}),
    "ingress without path type": ingress(
        rules=[{"http": {"paths": [{"path": "/", "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]
    ),
    "ingress path type bad": ingress(**path(pathType="Foo")),
    "ingress path relative": ingress(**path(path="x")),
    "ingress path dots": ingress(**path(path="/a/../b")),
    "ingress backend empty": ingress(**path(backend={})),
    "ingress backend no port": ingress(**path(backend={"service": {"name": "a"}})),
    "ingress backend both ports": ingress(
        **path(backend={"service": {"name": "a", "port": {"name": "x", "number": 80}}})
    ),
    "ingress service name bad": ingress(**path(backend={"service": {"name": "A_", "port": {"number": 80}}})),
    "ingress host ip": ingress(rules=[{"host": "1.2.3.4"}]),
    "ingress host bad": ingress(rules=[{"host": "A_.x"}]),
    "ingress host wildcard": ingress(rules=[{"host": "*.example.com"}]),
    "ingress no paths": ingress(rules=[{"host": "a.example", "http": {"paths": []}}]),
    "ingress class bad": ingress(ingressClassName="A_", **path()),
    "ingress tls": ingress(tls=[{"hosts": ["a.example"], "secretName": "s"}], **path()),
    "ingress class": obj(
        "networking.k8s.io/v1",
        "IngressClass",
        spec={"controller": "example.com/x", "parameters": {"kind": "X", "name": "y"}},
    ),
    "ingress class controller bad": obj("networking.k8s.io/v1", "IngressClass", spec={"controller": "x"}),
    "policy": policy(),
    "policy egress": policy(egress=[{"ports": [{"port": 80}]}]),
    "policy ingress": policy(
        ingress=[{"from": [{"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}]
    ),
    "policy peer empty": policy(ingress=[{"from": [{}]}]),
    "policy peer both": policy(ingress=[{"from": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]}]),
    "policy cidr bad": policy(ingress=[{"from": [{"ipBlock": {"cidr": "x"}}]}]),
    "policy type bad": policy(policyTypes=["Foo"]),
    "policy port bad": policy(ingress=[{"ports": [{"port": 70000}]}]),
    # scaling and disruption
    "scaler": scaler(),
    "scaler v1": obj(
        "autoscaling/v1",
        "HorizontalPodAutoscaler",
        spec={"scaleTargetRef": {"kind": "Deployment", "name": "a"}, "maxReplicas": 3},
    ),
    "scaler behavior": scaler(behavior={"scaleDown": {"stabilizationWindowSeconds": 60}}),
    "scaler min over max": scaler(minReplicas=5),
    "scaler max zero": scaler(maxReplicas=0),
    "scaler min zero": scaler(minReplicas=0),
    "scaler without target": scaler(scaleTargetRef={}),
    "scaler metric bad": scaler(metrics=[{"type": "Foo"}]),
    "scaler resource without target": scaler(
        metrics=[{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}]
    ),
    "scaler memory": scaler(
        metrics=[
            {
                "type": "Resource",
                "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1000Mi"}},
            }
        ]
    ),
    "budget": budget(minAvailable=1),
    "budget percent": budget(maxUnavailable="50%"),
    "budget both": budget(minAvailable=1, maxUnavailable=1),
    "budget percent bad": budget(minAvailable="x%"),
    "budget over 100": budget(minAvailable="150%"),
    "budget negative": budget(minAvailable=-1),
    "budget neither": budget(),
    # storage
    "claim": claim(),
    "claim without modes": claim(accessModes=...),
    "claim mode bad": claim(accessModes=["Foo"]),
    "claim without size": claim(resources=...),
    "claim size zero": claim(resources={"requests": {"storage": "0"}}),
    "claim size negative": claim(resources={"requests": {"storage": "-1Gi"}}),
    "claim class": claim(storageClassName="fast"),
    "claim class empty": claim(storageClassName=""),
    "claim class bad": claim(storageClassName="A_"),
    "claim volume mode bad": claim(volumeMode="Foo"),
    "volume": core(
        "PersistentVolume",
        spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}},
    ),
    "volume without source": core(
        "PersistentVolume", spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    ),
    "volume empty": core("PersistentVolume", spec={}),
    "storage class": storage(),
    "storage class without provisioner": obj("storage.k8s.io/v1", "StorageClass"),
    "storage class reclaim bad": storage(reclaimPolicy="Foo"),
    "storage class binding bad": storage(volumeBindingMode="Foo"),
    "csi driver": obj("storage.k8s.io/v1", "CSIDriver", "d.example.com", spec={}),
    # access
    "role": rbac("Role", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
    "role empty": rbac("Role"),
    "role without verbs": rbac("Role", rules=[{"apiGroups": [""], "resources": ["pods"]}]),
    "role without groups": rbac("Role", rules=[{"resources": ["pods"], "verbs": ["get"]}]),
    "role without resources": rbac("Role", rules=[{"apiGroups": [""], "verbs": ["get"]}]),
    "role urls": rbac("Role", rules=[{"nonResourceURLs": ["/x"], "verbs": ["get"]}]),
    "cluster role urls": rbac("ClusterRole", rules=[{"nonResourceURLs": ["/x"], "verbs": ["get"]}]),
    "cluster role urls and resources": rbac(
        "ClusterRole", rules=[{"nonResourceURLs": ["/x"], "apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    ),
    "cluster role aggregated": rbac(
        "ClusterRole", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
    ),
    "cluster role aggregated empty": rbac("ClusterRole", aggregationRule={}),
    "binding": binding(),
    "binding without group": binding(roleRef={"kind": "Role", "name": "r"}),
    "binding user": binding(subjects=[{"kind": "User", "name": "u"}, {"kind": "Group", "name": "g"}]),
    "binding without role": rbac("RoleBinding"),
    "binding role kind bad": binding(roleRef={"kind": "Foo", "name": "r"}),
    "binding role group bad": binding(roleRef={"apiGroup": "x", "kind": "Role", "name": "r"}),
    "binding subject kind bad": binding(subjects=[{"kind": "Foo", "name": "u"}]),
    "binding subject without name": binding(subjects=[{"kind": "User"}]),
    "binding account without namespace": binding(
        "ClusterRoleBinding",
        roleRef={"kind": "ClusterRole", "name": "r"},
        subjects=[{"kind": "ServiceAccount", "name": "x"}],
    ),
    "cluster binding to role": binding("ClusterRoleBinding"),
    # classes, quotas, limits
    "priority class": obj("scheduling.k8s.io/v1", "PriorityClass", value=10),
    "priority class system": obj("scheduling.k8s.io/v1", "PriorityClass", "system-foo", value=10),
    "priority class too high": obj("scheduling.k8s.io/v1", "PriorityClass", value=2000000000),
    "quota": core("ResourceQuota", spec={"hard": {"pods": "10", "requests.cpu": "1000m"}}),
    "quota bad": core("ResourceQuota", spec={"hard": {"foo": "1"}}),
    "limit range": core(
        "LimitRange", spec={"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "100m"}}]}
    ),
    "limit range without type": core("LimitRange", spec={"limits": [{"max": {"cpu": "2"}}]}),
    "limit range min over max": core(
        "LimitRange", spec={"limits": [{"type": "Container", "max": {"cpu": "1"}, "min": {"cpu": "2"}}]}
    ),
    "lease": obj("coordination.k8s.io/v1", "Lease", spec={"holderIdentity": "a", "leaseDurationSeconds": 15}),
    "lease negative": obj("coordination.k8s.io/v1", "Lease", spec={"leaseDurationSeconds": 0}),
    "endpoints": core("Endpoints", subsets=[{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]),
    "endpoint slice": obj(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        addressType="IPv4",
        endpoints=[{"addresses": ["10.0.0.1"]}],
        ports=[{"port": 80}],
    ),
    "node": core("Node"),
    "event": core(
        "Event", involvedObject={"kind": "Pod", "name": "a", "namespace": "default"}, reason="R", message="m"
    ),
    "pod template": core("PodTemplate", template=template()),
    # webhooks
    "validating webhook": webhook(),
    "mutating webhook": webhook("MutatingWebhookConfiguration"),
    "webhook name bad": webhook(name="a"),
    "webhook without side effects": webhook(sideEffects=...),
    "webhook without versions": webhook(admissionReviewVersions=...),
    "webhook without config": webhook(clientConfig={}),
    "webhook http": webhook(clientConfig={"url": "http://x"}),
    "webhook policy bad": webhook(failurePolicy="Foo"),
    "webhook timeout": webhook(timeoutSeconds=100),
    "webhook empty": obj("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    "api service": obj(
        "apiregistration.k8s.io/v1",
        "APIService",
        "v1.example.com",
        spec={
            "group": "example.com",
            "version": "v1",
            "groupPriorityMinimum": 100,
            "versionPriority": 10,
            "service": {"namespace": "default", "name": "x"},
        },
    ),
    "api service name bad": obj(
        "apiregistration.k8s.io/v1",
        "APIService",
        "x",
        spec={"group": "example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10},
    ),
    # definitions
    "definition": definition(),
    "definition name bad": definition("foo"),
    "definition without group": definition(group=""),
    "definition scope bad": definition(scope="Foo"),
    "definition without scope": definition(scope=...),
    "definition names empty": definition(names={}),
    "definition kind bad": definition(names={"plural": "widgets", "kind": "_Widget"}),
    "definition plural upper": definition("Widgets.example.com", names={"plural": "Widgets", "kind": "Widget"}),
    "definition short name bad": definition(names={"plural": "widgets", "kind": "Widget", "shortNames": ["W_"]}),
    "definition kind is list kind": definition(names={"plural": "widgets", "kind": "Widget", "listKind": "Widget"}),
    "definition without versions": definition(versions=[]),
    "definition no storage": definition(versions=[version(storage=False)]),
    "definition two storage": definition(versions=[version(), version(name="v2")]),
    "definition version twice": definition(versions=[version(), version(storage=False)]),
    "definition version name bad": definition(versions=[version(name="V_1")]),
    "definition without schema": definition(versions=[version(schema=...)]),
    "definition empty schema": definition(versions=[version(schema={})]),
    "definition group k8s": definition("widgets.foo.k8s.io", group="foo.k8s.io"),
    "definition preserve": definition(preserveUnknownFields=True),
    "definition columns": definition(
        versions=[version(additionalPrinterColumns=[{"name": "A", "type": "string", "jsonPath": ".spec.a"}])]
    ),
    "definition column bad": definition(
        versions=[version(additionalPrinterColumns=[{"name": "", "type": "foo", "jsonPath": "x"}])]
    ),
    "definition subresources": definition(
        versions=[
            version(
                subresources={
                    "status": {},
                    "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
                }
            )
        ]
    ),
    "definition scale bad": definition(
        versions=[version(subresources={"scale": {"specReplicasPath": "x", "statusReplicasPath": ""}})]
    ),
    "definition webhook conversion": definition(conversion={"strategy": "Webhook"}),
    "definition conversion bad": definition(conversion={"strategy": "Foo"}),
    "schema root not object": definition(versions=[version(schema={"openAPIV3Schema": {"type": "string"}})]),
    "schema root without type": definition(
        versions=[version(schema={"openAPIV3Schema": {"properties": {"spec": {"type": "object"}}}})]
    ),
    "schema without type": schema(a={}),
    "schema type bad": schema(a={"type": "foo"}),
    "schema array without items": schema(a={"type": "array"}),
    "schema items list": schema(a={"type": "array", "items": [{"type": "string"}]}),
    "schema both properties": schema(
        a={"type": "object", "properties": {"x": {"type": "string"}}, "additionalProperties": {"type": "string"}}
    ),
    "schema additional false": schema(a={"type": "object", "additionalProperties": False}),
    "schema preserve": schema(a={"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
    "schema preserve false": schema(a={"type": "object", "x-kubernetes-preserve-unknown-fields": False}),
    "schema int or string": schema(a={"x-kubernetes-int-or-string": True}),
    "schema int or string with any of": schema(
        a={"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}
    ),
    "schema int or string with type": schema(a={"x-kubernetes-int-or-string": True, "type": "string"}),
    "schema embedded": schema(
        a={"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
    ),
    "schema embedded empty": schema(a={"type": "object", "x-kubernetes-embedded-resource": True}),
    "schema pattern bad": schema(a={"type": "string", "pattern": "("}),
    "schema default bad": schema(a={"type": "string", "default": 1}),
    "schema default not matching": schema(a={"type": "string", "default": "x", "enum": ["a"]}),
    "schema default pruned": schema(a={"type": "object", "default": {"x": 1}}),
    "schema default nested": schema(
        a={"type": "object", "default": {"x": 1}, "properties": {"x": {"type": "integer"}}}
    ),
    "schema list map": schema(
        a={
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}},
        }
    ),
    "schema list map key optional": schema(
        a={
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "properties": {"k": {"type": "string"}}},
        }
    ),
    "schema list map without keys": schema(
        a={
            "type": "array",
            "x-kubernetes-list-type": "map",
            "items": {"type": "object", "properties": {"k": {"type": "string"}}},
        }
    ),
    "schema list map unknown key": schema(
        a={
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["z"],
            "items": {"type": "object", "properties": {"k": {"type": "string"}}},
        }
    ),
    "schema list type bad": schema(a={"type": "array", "x-kubernetes-list-type": "foo", "items": {"type": "string"}}),
    "schema list set of maps": schema(
        a={"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "object"}}
    ),
    "schema map type bad": schema(a={"type": "object", "x-kubernetes-map-type": "foo"}),
    "schema unique items": schema(a={"type": "array", "uniqueItems": True, "items": {"type": "string"}}),
    "schema ref": schema(a={"$ref": "#/definitions/x"}),
    "schema metadata": root(properties={"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}),
    "schema metadata name": root(
        properties={"metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}}}}
    ),
    "schema junctor types": schema(a={"type": "object", "anyOf": [{"type": "object"}]}),
    "schema junctor properties": schema(
        a={
            "type": "object",
            "properties": {"x": {"type": "string"}},
            "anyOf": [{"required": ["x"]}, {"properties": {"y": {"minLength": 1}}}],
        }
    ),
    "schema cel": schema(a={"type": "integer", "x-kubernetes-validations": [{"rule": "self > 1"}]}),
    "schema nullable": schema(a={"type": "string", "nullable": True}),
    "schema enum null": schema(a={"type": "string", "enum": []}),
}
