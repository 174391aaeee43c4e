"""Decoding built-in kinds: wrong types in Go's words, unknown fields, the normal form of values."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.localcluster.schema.decode import DecodeError, decode, strict_error
from fairlead.localcluster.schema.schemaset import builtin_schema

DEPLOYMENT = builtin_schema("apps", "v1", "Deployment")
SECRET = builtin_schema("", "v1", "Secret")


def deployment(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "x", **(container or {})}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {"template": template, **spec},
    }


HANDLED = 'Deployment in version "v1" cannot be handled as a Deployment: '
STRUCT = "Go struct field"
CONTAINER = "spec.template.spec.containers"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            deployment(replicas="1"),
            f"json: cannot unmarshal string into {STRUCT} DeploymentSpec.spec.replicas of type int32",
        ),
        (
            deployment(replicas=1.5),
            f"json: cannot unmarshal number 1.5 into {STRUCT} DeploymentSpec.spec.replicas of type int32",
        ),
        (
            deployment(replicas=2**31),
            f"json: cannot unmarshal number 2147483648 into {STRUCT} DeploymentSpec.spec.replicas of type int32",
        ),
        (
            deployment({"image": 1}),
            f"json: cannot unmarshal number into {STRUCT} Container.{CONTAINER}.image of type string",
        ),
        (
            deployment({"env": {}}),
            f"json: cannot unmarshal object into {STRUCT} Container.{CONTAINER}.env of type []v1.EnvVar",
        ),
        (
            deployment({"env": [{"name": "a", "value": True}]}),
            f"json: cannot unmarshal bool into {STRUCT} EnvVar.{CONTAINER}.env.value of type string",
        ),
        (
            deployment({"livenessProbe": {"httpGet": {"port": 1.5}}}),
            f"json: cannot unmarshal number 1.5 into {STRUCT} HTTPGetAction.{CONTAINER}.livenessProbe"
            ".ProbeHandler.httpGet.port of type int32",
        ),
        (
            deployment({"resources": {"limits": {"cpu": "x"}}}),
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            {**deployment(), "metadata": {"labels": {"a": 1}}},
            f"json: cannot unmarshal number into {STRUCT} ObjectMeta.metadata.labels of type string",
        ),
        (
            {**deployment(), "metadata": "x"},
            f"json: cannot unmarshal string into {STRUCT} Deployment.metadata of type v1.ObjectMeta",
        ),
        (
            {**deployment(), "metadata": {"creationTimestamp": "x"}},
            'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
        ),
    ],
)
def test_a_wrong_type_is_told_in_the_server_s_words(body: dict[str, Any], text: str) -> None:
    assert DEPLOYMENT is not None
    with pytest.raises(DecodeError) as refused:
        decode(body, DEPLOYMENT)
    assert str(refused.value) == HANDLED + text


def test_bad_base64_is_told_with_its_place() -> None:
    assert SECRET is not None
    with pytest.raises(DecodeError, match="illegal base64 data at input byte 2"):
        decode({"apiVersion": "v1", "kind": "Secret", "data": {"a": "YQ!!"}}, SECRET)


def test_unknown_fields_vanish_and_are_named() -> None:
    assert DEPLOYMENT is not None
    body = deployment({"foo": 1, "env": [{"name": "a", "worth": 2}]}, bar=1)
    decoded, problems = decode(body, DEPLOYMENT)
    assert "bar" not in decoded["spec"]
    assert strict_error(problems) == (
        f'strict decoding error: unknown field "{CONTAINER}[0].foo", unknown field "{CONTAINER}[0].env[0].worth", '
        'unknown field "spec.bar"'
    )


def test_empty_values_take_the_form_that_go_prints() -> None:
    assert DEPLOYMENT is not None
    body = deployment(
        {"image": "", "args": [], "stdin": False, "resources": None, "securityContext": {}}, paused=False, replicas=0
    )
    decoded, _ = decode(body, DEPLOYMENT)
    container = decoded["spec"]["template"]["spec"]["containers"][0]
    assert container == {"name": "x", "resources": {}, "securityContext": {}}
    assert "paused" not in decoded["spec"]
    assert decoded["spec"]["replicas"] == 0
    assert decoded["spec"]["selector"] is None
    assert decoded["status"] == {}


def test_decoding_shares_nothing_that_defaults_may_fill() -> None:
    assert DEPLOYMENT is not None
    body = deployment()
    first, _ = decode(body, DEPLOYMENT)
    first["spec"]["strategy"]["type"] = "x"
    second, _ = decode(body, DEPLOYMENT)
    assert second["spec"]["strategy"] == {}


def test_decoding_twice_changes_nothing() -> None:
    assert DEPLOYMENT is not None
    once, _ = decode(deployment({"resources": {"limits": {"cpu": "1000m"}}}), DEPLOYMENT)
    assert decode(once, DEPLOYMENT)[0] == once
