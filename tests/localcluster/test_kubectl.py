"""Stock kubectl against the local cluster: what people type every day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.localcluster.conftest import Kubectl

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1.25", ports: [{containerPort: 80}]}
"""

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.NS.example.com}
spec:
  group: NS.example.com
  scope: Namespaced
  names: {plural: boats, singular: boat, kind: Boat, shortNames: [bt]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: Length, type: integer, jsonPath: .spec.length}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [length]
            properties:
              length: {type: integer, minimum: 1, description: In meters.}
              flag: {type: string, default: none}
"""


def rows(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


def test_apply_then_unchanged_then_configured(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", text=DEPLOYMENT) == "deployment.apps/web created"
    assert kubectl("apply", "-f", "-", text=DEPLOYMENT) == "deployment.apps/web unchanged"
    changed = DEPLOYMENT.replace("nginx:1.25", "nginx:1.26")
    assert kubectl("apply", "-f", "-", text=changed) == "deployment.apps/web configured"
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl("get", "deployment", "web", "-o", image) == "nginx:1.26"


def test_server_side_apply_and_its_conflict(kubectl: Kubectl) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    assert kubectl(*apply, text=DEPLOYMENT) == "deployment.apps/web serverside-applied"
    kubectl("scale", "deployment", "web", "--replicas=3")
    output = kubectl.fails(*apply, text=DEPLOYMENT)
    assert 'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale"' in output
    assert ".spec.replicas" in output
    kubectl(*apply, "--force-conflicts", text=DEPLOYMENT)
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "2"


def test_deployment_becomes_ready(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=nginx", "--replicas=2")
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment", "web", "--timeout=60s")
    assert rows(kubectl("get", "deployment", "web"))[1][:4] == ["web", "2/2", "2", "2"]
    assert len(rows(kubectl("get", "pods", "-l", "app=web", "--no-headers"))) == 2
    kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
    assert "ScalingReplicaSet" in kubectl("describe", "deployment", "web")
    assert "Scaled up replica set" in kubectl("events")


def test_broken_image_never_pulls(kubectl: Kubectl) -> None:
    kubectl("run", "sick", "--image=example.com/app:broken")
    kubectl(
        "wait",
        "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff",
        "pod/sick",
        "--timeout=60s",
    )
    assert "ImagePullBackOff" in kubectl("get", "pod", "sick")


def test_create_expose_label_annotate_patch(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=nginx", "--port=80")
    assert kubectl("expose", "deployment", "web", "--port=80") == "service/web exposed"
    assert rows(kubectl("get", "service", "web"))[1][1] == "ClusterIP"
    assert kubectl("label", "deployment", "web", "tier=front") == "deployment.apps/web labeled"
    assert kubectl("annotate", "deployment", "web", "note=x") == "deployment.apps/web annotated"
    patches = (
        ("strategic", '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","image":"nginx:2"}]}}}}'),
        ("merge", '{"metadata":{"labels":{"tier":null}}}'),
        ("json", '[{"op":"replace","path":"/spec/replicas","value":0}]'),
    )
    for kind, patch in patches:
        assert kubectl("patch", "deployment", "web", f"--type={kind}", "-p", patch) == "deployment.apps/web patched"
    live = json.loads(kubectl("get", "deployment", "web", "-o", "json"))
    assert live["spec"]["replicas"] == 0
    assert live["metadata"]["labels"] == {"app": "web"}
    assert [one["image"] for one in live["spec"]["template"]["spec"]["containers"]] == ["nginx:2"]


def test_configuration_and_secrets(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "settings", "--from-literal=a=b")
    kubectl("create", "secret", "generic", "keys", "--from-literal=token=abc")
    assert kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.a}") == "b"
    assert kubectl("get", "secret", "keys", "-o", "jsonpath={.data.token}") == "YWJj"
    assert rows(kubectl("get", "secret", "keys"))[1][:3] == ["keys", "Opaque", "1"]


def test_edit(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("create", "configmap", "settings", "--from-literal=a=old")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/a: old/a: new/" "$1"\n')
    editor.chmod(0o755)
    assert kubectl("edit", "configmap", "settings", env={"EDITOR": str(editor)}) == "configmap/settings edited"
    assert kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.a}") == "new"


def test_delete_waits_for_finalizers(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "held", "--from-literal=a=b")
    kubectl("patch", "configmap", "held", "-p", '{"metadata":{"finalizers":["example.com/hold"]}}')
    assert "timed out" in kubectl.fails("delete", "configmap", "held", "--timeout=1s")
    kubectl("patch", "configmap", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert "NotFound" in kubectl.fails("get", "configmap", "held")


def test_delete_cascades(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=nginx")
    kubectl("rollout", "status", "deployment", "web", "--timeout=60s")
    kubectl("delete", "deployment", "web", "--cascade=foreground", "--timeout=60s")
    assert kubectl("get", "replicasets,pods") == f"No resources found in {kubectl.namespace} namespace."


def test_namespace_deletion_takes_everything(kubectl: Kubectl) -> None:
    name = f"{kubectl.namespace}-x"
    kubectl("create", "namespace", name)
    kubectl("create", "configmap", "a", "--from-literal=a=b", "-n", name)
    kubectl("delete", "namespace", name, "--timeout=60s")
    assert "NotFound" in kubectl.fails("get", "namespace", name)
    assert f'namespaces "{name}" not found' in kubectl.fails("create", "configmap", "b", "-n", name)


def test_custom_resource(kubectl: Kubectl) -> None:
    group = f"{kubectl.namespace}.example.com"
    kubectl("apply", "-f", "-", text=DEFINITION.replace("NS", kubectl.namespace))
    kubectl("wait", "--for=condition=Established", f"crd/boats.{group}", "--timeout=60s")
    boat = f"apiVersion: {group}/v1\nkind: Boat\nmetadata: {{name: ada}}\nspec: {{length: 7}}\n"
    assert kubectl("apply", "-f", "-", text=boat) == f"boat.{group}/ada created"
    assert rows(kubectl("get", f"boats.{group}")) == [["NAME", "LENGTH"], ["ada", "7"]]
    assert kubectl("get", f"boat.{group}", "ada", "-o", "jsonpath={.spec.flag}") == "none"
    assert "In meters." in kubectl("explain", "boats.spec.length", f"--api-version={group}/v1")
    wrong = kubectl.fails("apply", "-f", "-", text=boat.replace("length: 7", "length: 0"))
    assert "spec.length in body should be greater than or equal to 1" in wrong
    unknown = kubectl.fails("apply", "-f", "-", text=boat.replace("length: 7", "length: 7, sail: big"))
    assert 'unknown field "spec.sail"' in unknown
    assert f"{group}/v1" in kubectl("api-resources", f"--api-group={group}")
    kubectl("delete", "crd", f"boats.{group}", "--timeout=60s")
    assert "the server doesn't have a resource type" in kubectl.fails("get", f"boats.{group}")


def test_discovery_and_explain(kubectl: Kubectl) -> None:
    listed = kubectl("api-resources", "-o", "wide")
    for line in ("deployments", "customresourcedefinitions", "leases", "horizontalpodautoscalers"):
        assert line in listed
    assert "apps/v1" in kubectl("api-versions").splitlines()
    assert "replicas\t<integer>" in kubectl("explain", "deployment.spec")
    assert "Server Version: v1.35" in kubectl("version")
    assert kubectl("get", "--raw", "/readyz") == "ok"


def test_access_rules_and_impersonation(kubectl: Kubectl) -> None:
    robot = f"system:serviceaccount:{kubectl.namespace}:robot"
    kubectl("create", "serviceaccount", "robot")
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=configmaps")
    kubectl("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={kubectl.namespace}:robot")
    assert kubectl("auth", "can-i", "list", "configmaps", "--as", robot) == "yes"
    assert kubectl.run("auth", "can-i", "delete", "configmaps", "--as", robot)[1] == "no"
    assert "kube-root-ca.crt" in kubectl("get", "configmaps", "--as", robot)
    refused = kubectl.fails("get", "secrets", "--as", robot)
    assert f'User "{robot}" cannot list resource "secrets" in API group ""' in refused
    assert robot in kubectl("auth", "whoami", "--as", robot)


def test_token_of_a_service_account(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("create", "serviceaccount", "robot")
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    config["users"][0]["user"] = {"token": kubectl("create", "token", "robot")}
    (tmp_path / "robot").write_text(json.dumps(config))
    robot = type(kubectl)(tmp_path / "robot", kubectl.namespace)
    assert f"system:serviceaccount:{kubectl.namespace}:robot" in robot("auth", "whoami")
    assert "is forbidden" in robot.fails("get", "pods")
    config["users"][0]["user"] = {"token": "nonsense"}
    (tmp_path / "robot").write_text(json.dumps(config))
    assert "Unauthorized" in robot.fails("get", "pods")


def test_dry_run_and_diff_change_nothing(kubectl: Kubectl) -> None:
    output = kubectl("apply", "-f", "-", "--dry-run=server", text=DEPLOYMENT)
    assert output == "deployment.apps/web created (server dry run)"
    assert "NotFound" in kubectl.fails("get", "deployment", "web")
    kubectl("apply", "-f", "-", text=DEPLOYMENT)
    code, output = kubectl.run("diff", "-f", "-", text=DEPLOYMENT.replace("replicas: 2", "replicas: 4"))
    assert code == 1
    assert "+  replicas: 4" in output
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "2"


def test_watch_prints_changes(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "a", "--from-literal=a=b")
    kubectl("wait", "--for=jsonpath={.data.a}=b", "configmap/a", "--timeout=60s")
    code, output = kubectl.run("get", "configmap", "a", "--watch", "--request-timeout=1s")
    assert rows(output)[:2] == [["NAME", "DATA", "AGE"], rows(output)[1]], (code, output)
    assert rows(output)[1][:2] == ["a", "1"]


def test_errors_are_the_usual_ones(kubectl: Kubectl) -> None:
    assert 'configmaps "x" not found' in kubectl.fails("get", "configmap", "x")
    assert "the server doesn't have a resource type" in kubectl.fails("get", "nopes")
    bad = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A_1}\n"
    assert "a lowercase RFC 1123 subdomain" in kubectl.fails("apply", "-f", "-", text=bad)
    unknown = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nbogus: 1\n"
    assert 'strict decoding error: unknown field "bogus"' in kubectl.fails("apply", "-f", "-", text=unknown)
    kind = "apiVersion: nope.example.com/v1\nkind: Nope\nmetadata: {name: a}\n"
    assert 'no matches for kind "Nope"' in kubectl.fails("apply", "-f", "-", text=kind)
