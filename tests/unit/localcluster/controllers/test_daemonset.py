from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conftest import Simulation

AGENT = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "agent:1"}]}
"""


def status(simulation: Simulation) -> dict[str, Any]:
    found = simulation.access.get("apps", "DaemonSet", "default", "agent")
    assert found is not None
    result: dict[str, Any] = found["status"]
    return result


async def test_one_pod_on_the_node(simulation: Simulation) -> None:
    await simulation.apply(AGENT)
    await simulation.settle()
    (pod,) = simulation.access.named("Pod").values()
    assert pod["spec"]["nodeName"] == "local"
    assert status(simulation) == {
        "currentNumberScheduled": 1,
        "desiredNumberScheduled": 1,
        "numberAvailable": 1,
        "numberMisscheduled": 0,
        "numberReady": 1,
        "observedGeneration": 1,
        "updatedNumberScheduled": 1,
    }


async def test_a_new_template_replaces_it(simulation: Simulation) -> None:
    await simulation.apply(AGENT)
    await simulation.settle()

    def change(obj: dict[str, Any]) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = "agent:2"

    await simulation.access.edit("apps", "DaemonSet", "agent", change)
    await simulation.settle()
    (pod,) = simulation.access.named("Pod").values()
    assert pod["spec"]["containers"][0]["image"] == "agent:2"
    assert status(simulation)["updatedNumberScheduled"] == 1
    assert len(simulation.access.named("ControllerRevision", "apps")) == 2


async def test_none_where_the_node_does_not_fit(simulation: Simulation) -> None:
    text = AGENT.replace("containers:", "nodeSelector: {disk: fast}, containers:")
    await simulation.apply(text)
    await simulation.settle()
    assert simulation.access.named("Pod") == {}
    assert status(simulation)["desiredNumberScheduled"] == 0
