from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.localcluster.printers.jsonpath import JSONPathError, parse

DOCUMENT: dict[str, Any] = {
    "metadata": {"name": "web", "labels": {"app.kubernetes.io/name": "shop"}},
    "spec": {"ports": [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}], "hosts": ["a", "b", "c"]},
    "status": {"conditions": [{"type": "Stalled", "status": "False"}, {"type": "Ready", "status": "True"}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".metadata.name", ["web"]),
        ("metadata.name", ["web"]),
        ("$.metadata.name", ["web"]),
        (r".metadata.labels.app\.kubernetes\.io/name", ["shop"]),
        (".metadata.labels['app.kubernetes.io/name']", ["shop"]),
        (r".metadata.labels['app\.kubernetes\.io/name']", ["shop"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type == 'Ready')].status", ["True"]),
        ('.status.conditions[?(@.type!="Ready")].type', ["Stalled"]),
        ('.status.conditions[?(@.type=="a==b")].status', []),
        (".spec.ports[?(@.port>100)].name", ["https"]),
        (".spec.ports[?(@.name)].port", [80, 443]),
        (".spec.ports[?(@.name>5)].port", []),
        (".spec.ports[*].port", [80, 443]),
        (".spec.ports.*.port", [80, 443]),
        (".spec.hosts[0]", ["a"]),
        (".spec.hosts[-1]", ["c"]),
        (".spec.hosts[-1:]", ["c"]),
        (".spec.hosts[0:2]", ["a", "b"]),
        (".spec.hosts[::2]", ["a", "c"]),
        (".spec.hosts[0,2]", ["a", "c"]),
        (".spec.hosts[7]", []),
        ("..port", [80, 443]),
        (".spec.missing.deeper", []),
        (".metadata.name.deeper", []),
    ],
)
def test_what_a_path_finds(path: str, found: list[Any]) -> None:
    assert parse(path).find(DOCUMENT) == found


@pytest.mark.parametrize("path", [".spec.hosts[", ".spec.hosts[x]", ".spec.hosts[1:x]", ".a]b"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(JSONPathError):
        parse(path)


@given(st.text(alphabet=".[]()?@'\"\\ab=*:,1-$ ", max_size=20))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        path = parse(text)
    except JSONPathError:
        return
    path.find(DOCUMENT)
