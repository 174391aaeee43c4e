"""Selectors of rules."""

from __future__ import annotations

import pytest

from fairlead.errors import InvalidSpecError
from fairlead.objects.selector import Selector, parse_label_selector

WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web", "size": "5"}, "annotations": {"a": "b"}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("app", True),
        ("!app", False),
        ("!other", True),
        ("app=web", True),
        ("app==web,size=5", True),
        ("app != web", False),
        ("other!=x", True),
        ("app in (web, api)", True),
        ("app in (api),size=5", False),
        ("app notin (api,db)", True),
        ("size>4", True),
        ("size<5", False),
        ("app>4", False),
        ("missing>4", False),
    ],
)
def test_label_expressions(text: str, expected: bool) -> None:
    assert parse_label_selector(text)(WEB["metadata"]["labels"]) is expected  # type: ignore[index]


@pytest.mark.parametrize("text", ["a in", "a in (b", "a b", "="])
def test_bad_expressions(text: str) -> None:
    with pytest.raises(InvalidSpecError, match="cannot be read"):
        parse_label_selector(text)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (Selector(), True),
        (Selector(kind="Deployment"), True),
        (Selector(kind="Deploy"), False),
        (Selector(kind="Deploy.*|StatefulSet"), True),
        (Selector(group="apps", version="v1", name="we.", namespace="shop"), True),
        (Selector(namespace="sho"), False),
        (Selector(label_selector="app=web", annotation_selector="a=b"), True),
        (Selector(annotation_selector="a=c"), False),
    ],
)
def test_selectors(selector: Selector, expected: bool) -> None:
    assert selector.matcher()(WEB) is expected


def test_a_bad_pattern_is_named() -> None:
    with pytest.raises(InvalidSpecError, match=r"selector name '\(' is no regular expression"):
        Selector(name="(").matcher()
