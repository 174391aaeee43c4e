from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conftest import Simulation

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, labels: {team: front}}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: NAME, labels: {app: web}}
spec: {containers: [{name: a, image: "IMAGE", ports: [{name: http, containerPort: 8080}]}]}
"""
BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
"""


def pod(name: str, image: str = "app:1") -> str:
    return POD.replace("NAME", name).replace("IMAGE", image)


def endpoints(simulation: Simulation) -> Any:
    return simulation.access.named("Endpoints")["web"].get("subsets")


def endpoint_slice(simulation: Simulation) -> dict[str, Any]:
    (found,) = simulation.access.list("discovery.k8s.io", "EndpointSlice")
    return found


async def test_a_service_without_pods_has_no_endpoints(simulation: Simulation) -> None:
    await simulation.apply(SERVICE)
    await simulation.settle()
    assert endpoints(simulation) is None
    found = endpoint_slice(simulation)
    assert (found["endpoints"], found["ports"]) == ([], [])
    assert found["metadata"]["generateName"] == "web-"
    assert found["metadata"]["labels"] == {
        "team": "front",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": "web",
    }


async def test_ready_pods_serve(simulation: Simulation) -> None:
    await simulation.apply(SERVICE)
    await simulation.apply(pod("one"))
    await simulation.apply(pod("two", "app:broken"))
    await simulation.settle()
    pods = simulation.access.named("Pod")
    one, two = (pods[name]["status"]["podIP"] for name in ("one", "two"))
    (subset,) = endpoints(simulation)
    assert [each["ip"] for each in subset["addresses"]] == [one]
    assert [each["ip"] for each in subset["notReadyAddresses"]] == [two]
    assert subset["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    found = endpoint_slice(simulation)
    assert [(each["addresses"], each["conditions"]["ready"]) for each in found["endpoints"]] == [
        ([one], True),
        ([two], False),
    ]


async def test_a_deleted_pod_and_one_that_lost_its_label_leave(simulation: Simulation) -> None:
    await simulation.apply(SERVICE)
    await simulation.apply(pod("one"))
    await simulation.apply(pod("two"))
    await simulation.settle()
    await simulation.access.delete("", "Pod", "default", "one")
    await simulation.access.edit("", "Pod", "two", lambda obj: obj["metadata"].update(labels={}))
    await simulation.settle()
    assert endpoints(simulation) is None
    assert endpoint_slice(simulation)["endpoints"] == []


async def test_a_deleted_service_takes_its_endpoints_along(simulation: Simulation) -> None:
    await simulation.apply(SERVICE)
    await simulation.settle()
    await simulation.access.delete("", "Service", "default", "web")
    await simulation.settle()
    assert simulation.access.named("Endpoints") == {}
    assert simulation.access.named("EndpointSlice", "discovery.k8s.io") == {}


async def test_a_load_balancer_gets_an_address(simulation: Simulation) -> None:
    await simulation.apply(SERVICE.replace("{selector", "{type: LoadBalancer, selector"))
    await simulation.settle()
    (ingress,) = simulation.access.named("Service")["web"]["status"]["loadBalancer"]["ingress"]
    assert ingress["ip"].startswith("172.18.255.")


async def test_a_service_without_selector_is_left_alone(simulation: Simulation) -> None:
    await simulation.apply("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}")
    await simulation.settle()
    assert simulation.access.named("Endpoints") == {}


async def test_a_budget_counts_healthy_pods(simulation: Simulation) -> None:
    await simulation.apply(BUDGET)
    for name in ("one", "two", "three"):
        await simulation.apply(pod(name, "app:broken" if name == "three" else "app:1"))
    await simulation.settle()
    found = simulation.access.named("PodDisruptionBudget", "policy")["web"]["status"]
    (condition,) = found.pop("conditions")
    assert (condition["type"], condition["status"], condition["reason"]) == (
        "DisruptionAllowed",
        "True",
        "SufficientPods",
    )
    assert found == {
        "currentHealthy": 2,
        "desiredHealthy": 1,
        "disruptionsAllowed": 1,
        "expectedPods": 3,
        "observedGeneration": 1,
    }
