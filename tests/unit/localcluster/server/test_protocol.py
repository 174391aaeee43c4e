"""Paths, options, forms, bodies, discovery: what stands between HTTP and the objects."""

from __future__ import annotations

import base64

import msgspec
import pytest

from fairlead.localcluster.server.discovery import Discovery, version_priority
from fairlead.localcluster.server.negotiate import negotiate, wants_discovery
from fairlead.localcluster.server.openapi import OpenApi
from fairlead.localcluster.server.protobuf import ProtobufError, read_protobuf
from fairlead.localcluster.server.registry import Registry
from fairlead.localcluster.server.requests import ListOptions, Route, parse_route, request_verb
from fairlead.localcluster.status import StatusError


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v1/pods", Route("", "v1", "pods")),
        ("/api/v1/namespaces", Route("", "v1", "namespaces")),
        ("/api/v1/namespaces/a", Route("", "v1", "namespaces", name="a")),
        ("/api/v1/namespaces/a/status", Route("", "v1", "namespaces", name="a", subresource="status")),
        ("/api/v1/namespaces/a/finalize", Route("", "v1", "namespaces", name="a", subresource="finalize")),
        ("/api/v1/namespaces/a/pods", Route("", "v1", "pods", "a")),
        ("/apis/apps/v1/namespaces/a/deployments/b", Route("apps", "v1", "deployments", "a", "b")),
        ("/apis/apps/v1/namespaces/a/deployments/b/scale", Route("apps", "v1", "deployments", "a", "b", "scale")),
        ("/api/v1/watch/pods", Route("", "v1", "pods", watch=True)),
        ("/apis/apps/v1", Route("apps", "v1")),
    ],
)
def test_routes(path: str, route: Route) -> None:
    assert parse_route(path) == route


def test_other_paths_are_no_routes() -> None:
    assert [parse_route(path) for path in ("/", "/api", "/apis", "/apis/apps", "/healthz")] == [None] * 5


@pytest.mark.parametrize(
    ("method", "path", "query", "verb"),
    [
        ("GET", "/api/v1/pods", {}, "list"),
        ("GET", "/api/v1/pods", {"watch": "true"}, "watch"),
        ("GET", "/api/v1/namespaces/a/pods/b", {}, "get"),
        ("DELETE", "/api/v1/namespaces/a/pods", {}, "deletecollection"),
        ("DELETE", "/api/v1/namespaces/a/pods/b", {}, "delete"),
        ("PATCH", "/api/v1/namespaces/a/pods/b", {}, "patch"),
    ],
)
def test_verbs(method: str, path: str, query: dict[str, str], verb: str) -> None:
    route = parse_route(path)
    assert route is not None
    assert request_verb(method, route, query) == verb


def test_forms() -> None:
    table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    assert negotiate(table).is_table
    assert negotiate("application/vnd.kubernetes.protobuf,application/json").kind == ""
    assert negotiate("").kind == ""
    assert negotiate("application/yaml").yaml
    with pytest.raises(StatusError, match="406: Not Acceptable"):
        negotiate("text/html")
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    assert wants_discovery(aggregated) == "v2"
    assert wants_discovery("application/json") == ""


def test_list_options_are_checked() -> None:
    assert ListOptions.parse({"limit": "5", "resourceVersion": "0"}, watch=False).version == 0
    for query in ({"resourceVersion": "x"}, {"limit": "x"}, {"resourceVersionMatch": "Exact"}):
        with pytest.raises(StatusError):
            ListOptions.parse(query, watch=False)


def test_version_priorities() -> None:
    versions = ["v1alpha1", "v2", "foo", "v1", "v1beta2", "v10", "v1beta1"]
    assert sorted(versions, key=version_priority, reverse=True) == [
        "v10",
        "v2",
        "v1",
        "v1beta2",
        "v1beta1",
        "v1alpha1",
        "foo",
    ]


def test_discovery_knows_groups_and_subresources() -> None:
    discovery = Discovery(Registry())
    group = discovery.group("autoscaling")
    assert group is not None
    assert group["preferredVersion"]["version"] == "v2"
    apps = discovery.resource_list("apps", "v1")
    assert apps is not None
    assert "deployments/scale" in [one["name"] for one in apps["resources"]]
    body, tag = discovery.aggregated("apis", "v2")
    assert msgspec.json.decode(body)["kind"] == "APIGroupDiscoveryList"
    assert discovery.aggregated("apis", "v2") == (body, tag)


def test_openapi_documents_hold_all_they_refer_to() -> None:
    openapi = OpenApi(Registry())
    for path in openapi.index()["paths"]:
        document = openapi.document(path)
        assert document is not None
        schemas = msgspec.json.decode(document)["components"]["schemas"]
        for text in document.decode().split('"$ref":"#/components/schemas/')[1:]:
            assert text.partition('"')[0] in schemas
    assert openapi.document("apis/nope/v1") is None


NAMESPACE = "azhzAAoPCgJ2MRIJTmFtZXNwYWNlEhwKFAoEZGVtbxIAGgAiACoAMgA4AEIAEgAaAgoAGgAiAA=="
"""What kubectl sends for ``create namespace demo``."""

DEPLOYMENT = (
    "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50ErgBCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEoYBCAISDAoKCgNhcHASA3dlYhps"
    "ChwKABIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEkwSLgoFbmdpbngSBW5naW54KgAyCgoAEAAYUCIAKgBCAGoAcgCAAQCIAQCQAQCiAQAaADIA"
    "QgBKAFIAWABgAGgAggEAigEAmgEAwgEAIgIKACgAOAAaDAgAEAAYACAAKAA4ABoAIgA="
)
"""And for ``create deployment web --image=nginx --replicas=2 --port=80``."""


def test_protobuf_as_kubectl_sends_it() -> None:
    obj = read_protobuf(base64.b64decode(NAMESPACE))
    assert (obj["apiVersion"], obj["kind"]) == ("v1", "Namespace")
    assert obj["metadata"]["name"] == "demo"
    spec = read_protobuf(base64.b64decode(DEPLOYMENT))["spec"]
    assert (spec["replicas"], spec["selector"]) == (2, {"matchLabels": {"app": "web"}})
    container = spec["template"]["spec"]["containers"][0]
    assert (container["image"], container["ports"][0]["containerPort"]) == ("nginx", 80)


@pytest.mark.parametrize("body", [b"", b"k8s", b"k8s\0\xff\xff\xff", b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Nonsense!"])
def test_broken_protobuf_is_refused(body: bytes) -> None:
    with pytest.raises(ProtobufError):
        read_protobuf(body)
