"""What is done to a built object before it is applied: flattening, checks, normalisation."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import BuildError
from fairlead.objects.manifest import collect, digest, has_mark, normalise, with_metadata


def config_map(name: str, namespace: str = "shop", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


class TestCollect:
    def test_opens_lists_and_leaves_out_what_is_no_object(self) -> None:
        nested = {"apiVersion": "v1", "kind": "List", "items": [config_map("b"), None]}
        documents = [
            None,
            "text",
            {"note": "no object"},
            config_map("a"),
            {**nested, "items": [nested, config_map("c")]},
        ]
        assert [item["metadata"]["name"] for item in collect(documents)] == ["a", "b", "c"]

    def test_leaves_out_kustomizes_own_files(self) -> None:
        own = [
            {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"},
            {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"},
        ]
        assert collect(own) == []

    def test_keeps_fluxs_kustomizations(self) -> None:
        flux = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "apps"}}
        assert collect([flux]) == [flux]

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            ({"apiVersion": "v1", "metadata": {"name": "a"}}, "app.yaml: object 'a' has no kind"),
            ({"kind": "Secret", "metadata": {"name": "a"}}, "app.yaml: Secret 'a' has no apiVersion"),
            ({"apiVersion": "v1", "kind": "Secret"}, "app.yaml: Secret has no metadata.name"),
            ({"apiVersion": "v1", "kind": "Secret", "metadata": None}, "app.yaml: Secret has no metadata.name"),
            (
                {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": 7}},
                "app.yaml: Secret 7 has no metadata.name",
            ),
            ({"apiVersion": "v1", "kind": ["x"], "metadata": {"name": "a"}}, "app.yaml: object 'a' has no kind"),
            ({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}}, "metadata.generateName"),
        ],
    )
    def test_names_file_and_field_of_a_broken_object(self, document: dict[str, Any], message: str) -> None:
        with pytest.raises(BuildError, match=message.replace("[", r"\[")):
            collect([document], ["app.yaml"])

    def test_names_both_files_of_a_duplicate(self) -> None:
        with pytest.raises(BuildError) as caught:
            collect(
                [config_map("a"), config_map("a", "other"), config_map("a")], ["one.yaml", "two.yaml", "three.yaml"]
            )
        assert str(caught.value) == (
            "three.yaml: ConfigMap/shop/a is defined more than once (first in one.yaml); keep one of them"
        )

    def test_versions_do_not_make_objects_different(self) -> None:
        autoscalers = [
            {"apiVersion": f"autoscaling/{version}", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}}
            for version in ("v1", "v2")
        ]
        with pytest.raises(BuildError, match="more than once"):
            collect(autoscalers)

    def test_reports_all_problems_at_once(self) -> None:
        with pytest.raises(BuildError, match=r"no kind.*; .*no metadata.name"):
            collect([{"apiVersion": "v1"}, {"apiVersion": "v1", "kind": "Pod"}])


class TestNormalise:
    def test_secret_texts_become_base64_and_win_over_data(self) -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "data": {"a": base64.b64encode(b"old").decode(), "b": "b3RoZXI=\n"},
            "stringData": {"a": "new", "c": ""},
        }
        result = normalise(secret)
        assert result["data"] == {"a": base64.b64encode(b"new").decode(), "b": "b3RoZXI=", "c": ""}
        assert "stringData" not in result
        assert "stringData" in secret, "the input stays as it was"

    @pytest.mark.parametrize(
        ("field", "value", "hint"),
        [
            ("data", "hunter2!", "stringData"),
            ("data", "ENC[AES256_GCM,hunter2]", "spec.decryption"),
            ("data", 5551234, "base64 text"),
            ("stringData", 5551234, "must be a text"),
        ],
    )
    def test_a_bad_secret_is_named_without_its_value(self, field: str, value: object, hint: str) -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": "n"},
            field: {"key": value},
        }
        with pytest.raises(BuildError) as caught:
            normalise(secret)
        assert f"Secret/n/s: {field}.key" in str(caught.value)
        assert hint in str(caught.value)
        assert str(value) not in str(caught.value)

    def test_fills_protocols(self) -> None:
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]},
        }
        assert [port["protocol"] for port in normalise(service)["spec"]["ports"]] == ["TCP", "UDP"]
        spec = {"containers": [{"name": "a", "ports": [{"containerPort": 1}]}, {"name": "b"}], "initContainers": None}
        job = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": spec}}}
        cron = {"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"jobTemplate": job}}
        for result in (
            normalise(job)["spec"]["template"]["spec"],
            normalise(cron)["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        ):
            assert result["containers"][0]["ports"] == [{"containerPort": 1, "protocol": "TCP"}]

    def test_drops_status_but_keeps_that_of_definitions(self) -> None:
        assert "status" not in normalise({"apiVersion": "example.com/v1", "kind": "Thing", "status": {"x": 1}})
        crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "status": {"x": 1}}
        assert normalise(crd)["status"] == {"x": 1}

    def test_drops_what_only_a_server_sets(self) -> None:
        meta: dict[str, Any] = {
            "name": "a",
            "uid": "1",
            "resourceVersion": "2",
            "creationTimestamp": None,
            "managedFields": [],
        }
        assert normalise({"apiVersion": "v1", "kind": "Pod", "metadata": meta})["metadata"] == {"name": "a"}

    def test_drops_notes_of_kubectl_and_of_older_flux(self) -> None:
        notes = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "fluxcd.io/sync-checksum": "1"}
        labels = {"fluxcd.io/sync-gc-mark": "sha256.1", "app": "web"}
        meta = {"name": "a", "annotations": notes, "labels": labels}
        assert normalise({"apiVersion": "v1", "kind": "Pod", "metadata": meta})["metadata"] == {
            "name": "a",
            "labels": {"app": "web"},
        }

    def test_nulls_vanish_from_built_in_kinds_only(self) -> None:
        pod = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"labels": None}, "data": {"a": None}, "x": None}
        assert normalise(pod) == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"a": ""}}
        custom = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {}, "spec": {"a": None}}
        assert normalise(custom)["spec"] == {"a": None}

    def test_drops_a_placeholder_for_a_webhooks_certificate(self) -> None:
        def crd(bundle: str) -> dict[str, Any]:
            config = {"caBundle": bundle, "url": "https://hook"}
            return {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {},
                "spec": {"conversion": {"webhook": {"clientConfig": config}}},
            }

        assert normalise(crd("Cg=="))["spec"]["conversion"]["webhook"]["clientConfig"] == {"url": "https://hook"}
        real = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n...").decode()
        assert normalise(crd(real)) == crd(real)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["ports", "data", "labels", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)
manifests = st.fixed_dictionaries(
    {
        "apiVersion": st.sampled_from(["v1", "apps/v1", "example.com/v1"]),
        "kind": st.sampled_from(["Service", "Deployment", "ConfigMap", "Thing"]),
    },
    optional={"metadata": json_values, "spec": json_values, "status": json_values, "data": json_values},
)


@given(manifests)
def test_normalising_twice_is_normalising_once(manifest: dict[str, Any]) -> None:
    before = json.dumps(manifest)
    once = normalise(manifest)
    assert normalise(once) == once
    assert json.dumps(manifest) == before


def test_marks_are_found_in_labels_and_annotations_whatever_the_case() -> None:
    assert has_mark({"metadata": {"labels": {"k": "Disabled"}}}, "k", "disabled")
    assert has_mark({"metadata": {"annotations": {"k": "DISABLED"}}}, "k", "disabled")
    assert not has_mark({"metadata": {"annotations": None}}, "k", "disabled")
    assert not has_mark({}, "k", "disabled")


def test_metadata_is_overridden_in_a_copy() -> None:
    manifest = config_map("a")
    manifest["metadata"]["labels"] = {"x": "1", "y": "1"}
    changed = with_metadata(manifest, labels={"y": "2"}, annotations={"z": "3"})
    assert changed["metadata"]["labels"] == {"x": "1", "y": "2"}
    assert changed["metadata"]["annotations"] == {"z": "3"}
    assert manifest["metadata"]["labels"] == {"x": "1", "y": "1"}


@given(manifests)
def test_a_digest_does_not_depend_on_the_order_of_keys(manifest: dict[str, Any]) -> None:
    assert digest(manifest) == digest(dict(reversed(list(manifest.items()))))
    assert digest(manifest) != digest({**manifest, "more": 1})
