from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fairlead.localcluster.controllers.images import full_name, never_pulls, tag_of

if TYPE_CHECKING:
    from .conftest import Simulation


def pod(simulation: Simulation, name: str = "one") -> dict[str, Any]:
    found = simulation.access.get("", "Pod", "default", name)
    assert found is not None
    return found


def manifest(spec: str, name: str = "one") -> str:
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def ready(obj: dict[str, Any]) -> tuple[str, str | None]:
    found = next(each for each in obj["status"]["conditions"] if each["type"] == "Ready")
    return found["status"], found.get("reason")


def state(obj: dict[str, Any], field: str = "containerStatuses") -> list[Any]:
    return [each["state"] for each in obj["status"][field]]


async def test_runs_and_is_ready(simulation: Simulation) -> None:
    await simulation.apply(manifest('{containers: [{name: a, image: "nginx:1"}]}'))
    await simulation.settle()
    found = pod(simulation)
    assert found["spec"]["nodeName"] == "local"
    assert found["status"]["phase"] == "Running"
    assert found["status"]["podIP"] == found["status"]["podIPs"][0]["ip"]
    assert found["status"]["qosClass"] == "BestEffort"
    assert ready(found) == ("True", None)
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    (container,) = found["status"]["containerStatuses"]
    assert container["ready"]
    assert container["image"] == "docker.io/library/nginx:1"
    assert container["containerID"].startswith("containerd://")
    reasons = [reason for _, reason, _ in simulation.access.events("Pod")]
    assert reasons == ["Scheduled", "Pulling", "Pulled", "Created", "Started"]


async def test_a_broken_image_never_pulls(simulation: Simulation) -> None:
    await simulation.apply(manifest('{containers: [{name: a, image: "app:broken-2"}, {name: b, image: "app:1"}]}'))
    await simulation.settle()
    found = pod(simulation)
    assert found["status"]["phase"] == "Pending"
    assert ready(found) == ("False", "ContainersNotReady")
    waiting = state(found)[0]["waiting"]
    assert waiting["reason"] == "ImagePullBackOff"
    assert waiting["message"].startswith(
        'Back-off pulling image "app:broken-2": ErrImagePull: rpc error: code = NotFound'
    )
    assert "running" in state(found)[1]
    warnings = [each for each in simulation.access.events("Pod") if each[0] == "Warning"]
    assert [message for _, reason, message in warnings if reason == "Failed"] == [
        'Failed to pull image "app:broken-2": rpc error: code = NotFound desc = failed to pull and unpack image '
        '"docker.io/library/app:broken-2": failed to resolve reference "docker.io/library/app:broken-2": '
        "docker.io/library/app:broken-2: not found",
        "Error: ErrImagePull",
        "Error: ImagePullBackOff",
    ]


async def test_a_better_image_heals_it(simulation: Simulation) -> None:
    await simulation.apply(manifest('{containers: [{name: a, image: "app:broken"}]}'))
    await simulation.settle()
    await simulation.access.edit("", "Pod", "one", lambda obj: obj["spec"]["containers"][0].update(image="app:2"))
    await simulation.settle()
    assert ready(pod(simulation)) == ("True", None)


async def test_a_changed_image_restarts_the_container(simulation: Simulation) -> None:
    await simulation.apply(manifest('{containers: [{name: a, image: "app:1"}]}'))
    await simulation.settle()
    await simulation.access.edit("", "Pod", "one", lambda obj: obj["spec"]["containers"][0].update(image="app:2"))
    await simulation.settle()
    (container,) = pod(simulation)["status"]["containerStatuses"]
    assert (container["restartCount"], container["image"]) == (1, "docker.io/library/app:2")
    assert container["lastState"]["terminated"]["reason"] == "Completed"


async def test_a_failing_container_crashes_again_and_again(simulation: Simulation) -> None:
    await simulation.apply(manifest('{containers: [{name: a, image: "app:fail"}]}'))

    def restarted() -> bool:
        statuses = pod(simulation)["status"].get("containerStatuses") if "status" in pod(simulation) else None
        return bool(statuses and statuses[0]["restartCount"] >= 2)

    await simulation.access.until(restarted)
    found = pod(simulation)
    assert found["status"]["phase"] == "Running"
    assert state(found)[0]["waiting"]["reason"] == "CrashLoopBackOff"
    assert ready(found) == ("False", "ContainersNotReady")
    assert found["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1


@pytest.mark.parametrize(
    ("image", "phase", "reason"), [("app:1", "Succeeded", "PodCompleted"), ("app:fail", "Failed", "PodFailed")]
)
async def test_a_pod_that_ends(simulation: Simulation, image: str, phase: str, reason: str) -> None:
    await simulation.apply(manifest(f'{{restartPolicy: Never, containers: [{{name: a, image: "{image}"}}]}}'))
    await simulation.settle()
    assert pod(simulation)["status"]["phase"] == phase
    assert ready(pod(simulation)) == ("False", reason)


async def test_init_containers_run_first_and_in_order(simulation: Simulation) -> None:
    inits = '[{name: i, image: "app:1"}, {name: s, image: "app:1", restartPolicy: Always}, {name: j, image: "app:1"}]'
    await simulation.apply(manifest(f'{{initContainers: {inits}, containers: [{{name: a, image: "app:1"}}]}}'))
    seen: list[str] = []

    def watch() -> bool:
        status = pod(simulation).get("status") or {}
        done = [each["name"] for each in status.get("initContainerStatuses") or () if "terminated" in each["state"]]
        seen.append("".join(done))
        return bool(status.get("phase") == "Running")

    await simulation.access.until(watch)
    await simulation.settle()
    assert [each for index, each in enumerate(seen) if each not in seen[:index]] == ["", "i", "ij"]
    assert "running" in state(pod(simulation), "initContainerStatuses")[1]
    assert ready(pod(simulation)) == ("True", None)


async def test_a_broken_init_image_keeps_the_pod_out(simulation: Simulation) -> None:
    text = '{initContainers: [{name: i, image: "app:broken"}], containers: [{name: a, image: "app:1"}]}'
    await simulation.apply(manifest(text))
    await simulation.settle()
    found = pod(simulation)
    assert state(found, "initContainerStatuses")[0]["waiting"]["reason"] == "ImagePullBackOff"
    assert state(found)[0]["waiting"]["reason"] == "PodInitializing"
    assert found["status"]["phase"] == "Pending"


async def test_a_missing_config_map_is_named_and_waited_for(simulation: Simulation) -> None:
    source = "envFrom: [{configMapRef: {name: settings}}]"
    await simulation.apply(manifest(f'{{containers: [{{name: a, image: "app:1", {source}}}]}}'))
    await simulation.settle()
    waiting = state(pod(simulation))[0]["waiting"]
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'configmap "settings" not found'}
    assert ("Warning", "Failed", 'Error: configmap "settings" not found') in simulation.access.events("Pod")
    await simulation.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n")
    await simulation.settle()
    assert ready(pod(simulation)) == ("True", None)


async def test_a_missing_secret_to_mount_is_told_in_an_event(simulation: Simulation) -> None:
    text = '{volumes: [{name: v, secret: {secretName: keys}}], containers: [{name: a, image: "app:1"}]}'
    await simulation.apply(manifest(text))
    await simulation.settle()
    assert state(pod(simulation))[0]["waiting"]["reason"] == "ContainerCreating"
    message = 'MountVolume.SetUp failed for volume "v" : secret "keys" not found'
    assert ("Warning", "FailedMount", message) in simulation.access.events("Pod")
    await simulation.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n")
    await simulation.settle()
    assert ready(pod(simulation)) == ("True", None)


async def test_a_pod_that_fits_no_node_says_so(simulation: Simulation) -> None:
    await simulation.apply(manifest('{nodeSelector: {disk: fast}, containers: [{name: a, image: "app:1"}]}'))
    await simulation.settle()
    (condition,) = pod(simulation)["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "Unschedulable")
    assert [reason for _, reason, _ in simulation.access.events("Pod")] == ["FailedScheduling"]

    node = simulation.access.get("", "Node", "", "local")
    assert node is not None
    node["metadata"]["labels"]["disk"] = "fast"
    await simulation.access.update(node)
    await simulation.settle()
    assert ready(pod(simulation)) == ("True", None)


async def test_a_readiness_gate_holds_the_pod_back(simulation: Simulation) -> None:
    text = '{readinessGates: [{conditionType: example.com/live}], containers: [{name: a, image: "app:1"}]}'
    await simulation.apply(manifest(text))
    await simulation.settle()
    found = pod(simulation)
    assert ready(found) == ("False", "ReadinessGatesNotReady")
    found["status"]["conditions"].append({"type": "example.com/live", "status": "True"})
    await simulation.access.update_status(found)
    await simulation.settle()
    assert ready(pod(simulation)) == ("True", None)


async def test_a_deleted_pod_is_gone_soon_and_its_address_free(simulation: Simulation) -> None:
    await simulation.apply(manifest('{containers: [{name: a, image: "app:1"}]}'))
    await simulation.settle()
    await simulation.access.delete("", "Pod", "default", "one")
    await simulation.settle()
    assert simulation.access.named("Pod") == {}
    assert ("Normal", "Killing", "Stopping container a") in simulation.access.events("Pod")


async def test_idle_means_no_timers_and_no_writes(simulation: Simulation) -> None:
    await simulation.apply(manifest('{containers: [{name: a, image: "app:broken"}]}'))
    await simulation.settle()
    assert simulation.manager.context.queue.timers == 0


def test_images() -> None:
    assert full_name("nginx") == "docker.io/library/nginx:latest"
    assert full_name("team/app:1") == "docker.io/team/app:1"
    assert full_name("localhost:5000/app") == "localhost:5000/app:latest"
    assert full_name("ghcr.io/team/app@sha256:00") == "ghcr.io/team/app@sha256:00"
    assert tag_of("localhost:5000/app") == "latest"
    assert never_pulls("localhost:5000/app:broken")
    assert not never_pulls("broken/app:1")
