"""Fields that others may change."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.engine.drift import Managers
from fairlead.engine.ignore import IgnoreRule, IgnoreRules, payload, with_values_of, without_paths
from fairlead.errors import InvalidSpecError
from fairlead.objects.selector import Selector
from tests.unit.engine.builders import US, entry

MANAGERS = Managers()
REPLICAS = ("spec", "replicas")


def web(replicas: int, *entries: dict[str, Any], image: str = "w:1") -> dict[str, Any]:
    containers = [{"name": "web", "image": image}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "managedFields": list(entries)},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": containers}}},
    }


def test_paths_are_those_of_the_rules_that_match() -> None:
    rules = IgnoreRules(
        [
            IgnoreRule(("/spec/replicas",), Selector(kind="Deployment")),
            IgnoreRule(("/metadata/annotations/example.com~1x",)),
            IgnoreRule(("/data",), Selector(kind="ConfigMap")),
        ]
    )
    assert rules.paths_for(web(1)) == (REPLICAS, ("metadata", "annotations", "example.com/x"))


@pytest.mark.parametrize("path", ["", "spec/replicas", "/"])
def test_a_bad_path_is_named(path: str) -> None:
    with pytest.raises(InvalidSpecError, match="no JSON pointer"):
        IgnoreRules([IgnoreRule((path,))])


def test_paths_are_cut_out_of_copies() -> None:
    live = web(5)
    assert without_paths(live, [REPLICAS, ("spec", "none", "x")])["spec"].keys() == {"template"}
    assert live["spec"]["replicas"] == 5
    image = ("spec", "template", "spec", "containers", "0", "image")
    assert without_paths(live, [image])["spec"]["template"]["spec"]["containers"] == [{"name": "web"}]


def test_live_values_take_the_place_of_others() -> None:
    answer = web(1, image="w:2")
    kept = with_values_of(web(5), answer, [REPLICAS, ("spec", "none")])
    assert kept == web(5, image="w:2")
    assert answer["spec"]["replicas"] == 1
    without = without_paths(web(5), [REPLICAS])
    assert "replicas" not in with_values_of(without, answer, [REPLICAS])["spec"]


def test_a_field_without_another_owner_keeps_its_live_value() -> None:
    live = web(5, entry(US, {}), entry("hpa", {"f:spec": {"f:replicas": {}}}, "Update"))
    assert payload(web(1), live, web(1), [REPLICAS], MANAGERS)["spec"]["replicas"] == 5


def test_a_field_that_another_applies_is_left_to_it() -> None:
    live = web(5, entry(US, {}), entry("hpa", {"f:spec": {"f:replicas": {}}}))
    assert "replicas" not in payload(web(1), live, web(1), [REPLICAS], MANAGERS)["spec"]


def test_a_list_item_is_found_by_the_keys_of_the_entry() -> None:
    path = ("spec", "template", "spec", "containers", "0", "image")
    fields: dict[str, Any] = {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {"f:image": {}}}}}}
    }
    live = web(1, entry("updater", fields), image="w:2")
    sent = payload(web(1), live, web(1), [path], MANAGERS)
    assert sent["spec"]["template"]["spec"]["containers"] == [{"name": "web"}]
    kept = payload(web(1), web(1, image="w:2"), web(1), [path], MANAGERS)
    assert kept["spec"]["template"]["spec"]["containers"] == [{"name": "web", "image": "w:2"}]


def test_what_is_equal_is_sent_as_it_is() -> None:
    desired = web(1)
    assert payload(desired, web(1), web(1), [REPLICAS], MANAGERS) is desired
