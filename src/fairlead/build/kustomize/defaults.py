# ruff: noqa: E501 - a path is one word
"""Which fields of which kinds each transformer touches, as kustomize ships it: data, and nothing else.

One line is ``path | kinds``; a kind may carry ``group/`` and ``@version``. ``+`` in front makes the field when it is
missing. Kinds without group or version fit every group or version.
"""

from __future__ import annotations

from typing import Final

__all__ = ["FIELDS", "REFERENCES"]

FIELDS: Final = {
    "namePrefix": r"""
metadata/name | *
""",
    "nameSuffix": r"""
metadata/name | *
""",
    "namespace": r"""
+metadata/name | Namespace
+spec/service/namespace | apiregistration.k8s.io/APIService
spec/conversion/webhook/clientConfig/service/namespace | apiextensions.k8s.io/CustomResourceDefinition
""",
    "commonLabels": r"""
+spec/selector | Service@v1 ReplicationController@v1
+spec/selector/matchLabels | Deployment ReplicaSet DaemonSet apps/StatefulSet
spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels | apps/Deployment apps/StatefulSet
spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels | apps/Deployment apps/StatefulSet
spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels | apps/Deployment apps/StatefulSet
spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels | apps/Deployment apps/StatefulSet
spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels | apps/Deployment apps/StatefulSet
spec/selector/matchLabels | batch/Job policy/PodDisruptionBudget
spec/jobTemplate/spec/selector/matchLabels | batch/CronJob
spec/podSelector/matchLabels | networking.k8s.io/NetworkPolicy
spec/ingress/from/podSelector/matchLabels | networking.k8s.io/NetworkPolicy
spec/egress/to/podSelector/matchLabels | networking.k8s.io/NetworkPolicy
+metadata/labels | *
+spec/template/metadata/labels | ReplicationController@v1 Deployment ReplicaSet DaemonSet apps/StatefulSet batch/Job
+spec/volumeClaimTemplates[]/metadata/labels | apps/StatefulSet
+spec/jobTemplate/metadata/labels | batch/CronJob
+spec/jobTemplate/spec/template/metadata/labels | batch/CronJob
""",
    "templateLabels": r"""
+metadata/labels | *
+spec/template/metadata/labels | ReplicationController@v1 Deployment ReplicaSet DaemonSet apps/StatefulSet batch/Job
+spec/volumeClaimTemplates[]/metadata/labels | apps/StatefulSet
+spec/jobTemplate/metadata/labels | batch/CronJob
+spec/jobTemplate/spec/template/metadata/labels | batch/CronJob
""",
    "commonAnnotations": r"""
+metadata/annotations | *
+spec/template/metadata/annotations | ReplicationController@v1 Deployment ReplicaSet DaemonSet StatefulSet batch/Job
+spec/jobTemplate/metadata/annotations | batch/CronJob
+spec/jobTemplate/spec/template/metadata/annotations | batch/CronJob
""",
    "images": r"""
+spec/containers[]/image | *
+spec/initContainers[]/image | *
+spec/volumes[]/image/reference | *
+spec/template/spec/containers[]/image | *
+spec/template/spec/initContainers[]/image | *
+spec/template/spec/volumes[]/image/reference | *
""",
    "replicas": r"""
+spec/replicas | Deployment ReplicationController ReplicaSet StatefulSet
""",
    "varReference": r"""
spec/jobTemplate/spec/template/spec/containers/args | CronJob
spec/jobTemplate/spec/template/spec/containers/command | CronJob
spec/jobTemplate/spec/template/spec/containers/env/value | CronJob
spec/jobTemplate/spec/template/spec/containers/volumeMounts/mountPath | CronJob
spec/jobTemplate/spec/template/spec/initContainers/args | CronJob
spec/jobTemplate/spec/template/spec/initContainers/command | CronJob
spec/jobTemplate/spec/template/spec/initContainers/env/value | CronJob
spec/jobTemplate/spec/template/spec/initContainers/volumeMounts/mountPath | CronJob
spec/jobTemplate/spec/template/volumes/nfs/server | CronJob
spec/template/spec/containers/args | DaemonSet Deployment Job ReplicaSet StatefulSet
spec/template/spec/containers/command | DaemonSet Deployment Job ReplicaSet StatefulSet
spec/template/spec/containers/env/value | DaemonSet Deployment Job ReplicaSet StatefulSet
spec/template/spec/containers/volumeMounts/mountPath | DaemonSet Deployment Job ReplicaSet StatefulSet
spec/template/spec/initContainers/args | DaemonSet Deployment Job ReplicaSet StatefulSet
spec/template/spec/initContainers/command | DaemonSet Deployment Job ReplicaSet StatefulSet
spec/template/spec/initContainers/env/value | DaemonSet Deployment Job ReplicaSet StatefulSet
spec/template/spec/initContainers/volumeMounts/mountPath | DaemonSet Deployment Job ReplicaSet StatefulSet
spec/template/spec/volumes/nfs/server | DaemonSet Deployment Job ReplicaSet
spec/template/metadata/annotations | Deployment
spec/rules/host | Ingress
spec/tls/hosts | Ingress
spec/tls/secretName | Ingress
spec/containers/args | Pod
spec/containers/command | Pod
spec/containers/env/value | Pod
spec/containers/volumeMounts/mountPath | Pod
spec/initContainers/args | Pod
spec/initContainers/command | Pod
spec/initContainers/env/value | Pod
spec/initContainers/volumeMounts/mountPath | Pod
spec/volumes/nfs/server | Pod
spec/ports/port | Service
spec/ports/targetPort | Service
spec/volumeClaimTemplates/spec/nfs/server | StatefulSet
spec/nfs/server | PersistentVolume
metadata/labels | *
metadata/annotations | *
""",
}

# The kind that is referred to, and the fields that hold its name.
REFERENCES: Final = {
    "Deployment": r"""
spec/scaleTargetRef/name | HorizontalPodAutoscaler
""",
    "ReplicationController": r"""
spec/scaleTargetRef/name | HorizontalPodAutoscaler
""",
    "ReplicaSet": r"""
spec/scaleTargetRef/name | HorizontalPodAutoscaler
""",
    "StatefulSet": r"""
spec/scaleTargetRef/name | HorizontalPodAutoscaler
""",
    "ConfigMap@v1": r"""
spec/volumes/configMap/name | Pod@v1
spec/containers/env/valueFrom/configMapKeyRef/name | Pod@v1
spec/initContainers/env/valueFrom/configMapKeyRef/name | Pod@v1
spec/containers/envFrom/configMapRef/name | Pod@v1
spec/initContainers/envFrom/configMapRef/name | Pod@v1
spec/volumes/projected/sources/configMap/name | Pod@v1
template/spec/volumes/configMap/name | PodTemplate
template/spec/containers/env/valueFrom/configMapKeyRef/name | PodTemplate
template/spec/initContainers/env/valueFrom/configMapKeyRef/name | PodTemplate
template/spec/containers/envFrom/configMapRef/name | PodTemplate
template/spec/initContainers/envFrom/configMapRef/name | PodTemplate
template/spec/volumes/projected/sources/configMap/name | PodTemplate
spec/template/spec/volumes/configMap/name | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/template/spec/containers/env/valueFrom/configMapKeyRef/name | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/template/spec/initContainers/env/valueFrom/configMapKeyRef/name | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/template/spec/containers/envFrom/configMapRef/name | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/template/spec/initContainers/envFrom/configMapRef/name | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/template/spec/volumes/projected/sources/configMap/name | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/jobTemplate/spec/template/spec/volumes/configMap/name | CronJob
spec/jobTemplate/spec/template/spec/volumes/projected/sources/configMap/name | CronJob
spec/jobTemplate/spec/template/spec/containers/env/valueFrom/configMapKeyRef/name | CronJob
spec/jobTemplate/spec/template/spec/initContainers/env/valueFrom/configMapKeyRef/name | CronJob
spec/jobTemplate/spec/template/spec/containers/envFrom/configMapRef/name | CronJob
spec/jobTemplate/spec/template/spec/initContainers/envFrom/configMapRef/name | CronJob
spec/configSource/configMap | Node
rules/resourceNames | Role ClusterRole
metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap | Ingress
""",
    "Secret@v1": r"""
spec/volumes/secret/secretName | Pod@v1
spec/containers/env/valueFrom/secretKeyRef/name | Pod@v1
spec/initContainers/env/valueFrom/secretKeyRef/name | Pod@v1
spec/containers/envFrom/secretRef/name | Pod@v1
spec/initContainers/envFrom/secretRef/name | Pod@v1
spec/imagePullSecrets/name | Pod@v1
spec/volumes/projected/sources/secret/name | Pod@v1
template/spec/volumes/secret/secretName | PodTemplate
template/spec/containers/env/valueFrom/secretKeyRef/name | PodTemplate
template/spec/initContainers/env/valueFrom/secretKeyRef/name | PodTemplate
template/spec/containers/envFrom/secretRef/name | PodTemplate
template/spec/initContainers/envFrom/secretRef/name | PodTemplate
template/spec/imagePullSecrets/name | PodTemplate
template/spec/volumes/projected/sources/secret/name | PodTemplate
spec/template/spec/volumes/secret/secretName | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/template/spec/containers/env/valueFrom/secretKeyRef/name | Deployment ReplicaSet DaemonSet StatefulSet Job serving.knative.dev/Service@v1
spec/template/spec/initContainers/env/valueFrom/secretKeyRef/name | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/template/spec/containers/envFrom/secretRef/name | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/template/spec/initContainers/envFrom/secretRef/name | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/template/spec/imagePullSecrets/name | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/template/spec/volumes/projected/sources/secret/name | Deployment ReplicaSet DaemonSet StatefulSet Job
spec/jobTemplate/spec/template/spec/volumes/secret/secretName | CronJob
spec/jobTemplate/spec/template/spec/volumes/projected/sources/secret/name | CronJob
spec/jobTemplate/spec/template/spec/containers/env/valueFrom/secretKeyRef/name | CronJob
spec/jobTemplate/spec/template/spec/initContainers/env/valueFrom/secretKeyRef/name | CronJob
spec/jobTemplate/spec/template/spec/containers/envFrom/secretRef/name | CronJob
spec/jobTemplate/spec/template/spec/initContainers/envFrom/secretRef/name | CronJob
spec/jobTemplate/spec/template/spec/imagePullSecrets/name | CronJob
spec/tls/secretName | Ingress Ingress
metadata/annotations/ingress.kubernetes.io\/auth-secret | Ingress
metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret | Ingress
metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret | Ingress
imagePullSecrets/name | ServiceAccount
parameters/secretName | StorageClass
parameters/adminSecretName | StorageClass
parameters/userSecretName | StorageClass
parameters/secretRef | StorageClass
rules/resourceNames | Role ClusterRole
spec/azureFile/secretName | PersistentVolume
""",
    "Service@v1": r"""
spec/serviceName | apps/StatefulSet
spec/rules/http/paths/backend/serviceName | Ingress
spec/backend/serviceName | Ingress
spec/rules/http/paths/backend/service/name | Ingress
spec/defaultBackend/service/name | Ingress
spec/service/name | apiregistration.k8s.io/APIService
webhooks/clientConfig/service | admissionregistration.k8s.io/ValidatingWebhookConfiguration admissionregistration.k8s.io/MutatingWebhookConfiguration
""",
    "rbac.authorization.k8s.io/Role": r"""
roleRef/name | rbac.authorization.k8s.io/RoleBinding
""",
    "rbac.authorization.k8s.io/ClusterRole": r"""
roleRef/name | rbac.authorization.k8s.io/RoleBinding rbac.authorization.k8s.io/ClusterRoleBinding
""",
    "ServiceAccount@v1": r"""
subjects | rbac.authorization.k8s.io/RoleBinding rbac.authorization.k8s.io/ClusterRoleBinding
spec/serviceAccountName | Pod
spec/template/spec/serviceAccountName | StatefulSet Deployment ReplicationController Job DaemonSet
spec/jobTemplate/spec/template/spec/serviceAccountName | CronJob
""",
    "PersistentVolumeClaim@v1": r"""
spec/volumes/persistentVolumeClaim/claimName | Pod
spec/template/spec/volumes/persistentVolumeClaim/claimName | StatefulSet Deployment ReplicationController Job DaemonSet
spec/jobTemplate/spec/template/spec/volumes/persistentVolumeClaim/claimName | CronJob
""",
    "PersistentVolume@v1": r"""
spec/volumeName | PersistentVolumeClaim
rules/resourceNames | ClusterRole
""",
    "storage.k8s.io/StorageClass@v1": r"""
spec/storageClassName | PersistentVolume PersistentVolumeClaim
spec/volumeClaimTemplates/spec/storageClassName | StatefulSet
""",
    "scheduling.k8s.io/PriorityClass@v1": r"""
spec/priorityClassName | Pod
spec/template/spec/priorityClassName | StatefulSet Deployment ReplicationController Job DaemonSet
spec/jobTemplate/spec/template/spec/priorityClassName | CronJob
""",
    "networking.k8s.io/v1/IngressClass@v1": r"""
spec/ingressClassName | Ingress
""",
    "admissionregistration.k8s.io/ValidatingAdmissionPolicy": r"""
spec/policyName | admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding
""",
}
