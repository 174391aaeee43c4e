from __future__ import annotations

import pytest

from fairlead.localcluster.server.registry import Registry
from fairlead.localcluster.server.selectors import parse_label_selector, select
from fairlead.localcluster.status import StatusError
from fairlead.localcluster.storage import Stored

LABELS = {"app": "web", "tier": "front", "n": "5"}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("app=web", True),
        ("app==db", False),
        ("app!=web", False),
        ("other!=x", True),
        ("app in (web, db)", True),
        ("app notin (web,db)", False),
        ("other notin (x)", True),
        ("tier", True),
        ("!tier", False),
        ("n>4", True),
        ("n<4", False),
        ("app=web,tier=back", False),
        ("", True),
    ],
)
def test_label_selectors(selector: str, matches: bool) -> None:
    assert all(term.matches(LABELS) for term in parse_label_selector(selector)) is matches


@pytest.mark.parametrize("selector", ["a b", "=x", "a in", "a in (b", "!", ",", "a=b,", "a=b c=d", "-a=b", "a=-b"])
def test_wrong_selectors_are_refused(selector: str) -> None:
    with pytest.raises(ValueError, match=r"expected|Invalid value"):
        parse_label_selector(selector)


def pod(name: str, node: str) -> Stored:
    body = f'"metadata":{{"name":"{name}"}},"spec":{{"nodeName":"{node}"}}}}'
    return Stored("default", name, 1, body.encode())


def test_field_selectors() -> None:
    pods = Registry().find("", "v1", "pods")
    assert pods is not None
    chosen = select(pods, "", "", "spec.nodeName=one,metadata.name!=b")
    assert [one.name for one in (pod("a", "one"), pod("b", "one"), pod("c", "two")) if chosen.matches(one)] == ["a"]
    with pytest.raises(StatusError, match=r"field label not supported: spec\.nope"):
        select(pods, "", "", "spec.nope=x")
