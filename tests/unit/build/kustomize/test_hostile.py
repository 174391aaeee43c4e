"""Input that means harm, or is broken at random: an error of ours, soon, and nothing else."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.build.kustomize import KustomizeOptions, build, render
from fairlead.build.kustomize.regex import compile_pattern
from fairlead.errors import BuildError
from fairlead.objects.yaml import dump
from tests.unit.build.kustomize.support import CONFIG_MAP, DEPLOYMENT, failure, tree

ONE = "resources: [r.yaml]\n"
COPIES = "".join(f"  - {{op: copy, from: '', path: /a{i}}}\n" for i in range(60))
DOUBLINGS = "".join(
    f"- source: {{kind: ConfigMap, fieldPath: data}}\n"
    f"  targets: [{{select: {{kind: ConfigMap}}, fieldPaths: [data.k{i}], options: {{create: true}}}}]\n"
    for i in range(60)
)
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "files",
    [
        {"kustomization.yaml": ONE, "r.yaml": CONFIG_MAP + BOMB},
        {"kustomization.yaml": BOMB},
        {"kustomization.yaml": ONE, "r.yaml": CONFIG_MAP + "x: " + "[" * 100_000},
        {"kustomization.yaml": ONE, "r.yaml": CONFIG_MAP + "x: '" + "y" * 40_000_000 + "'"},
        {
            "kustomization.yaml": "resources: [a]\n",
            "a/kustomization.yaml": "resources: [../b]\n",
            "b/kustomization.yaml": "resources: [../a]\n",
        },
        {"kustomization.yaml": "resources: [../../../etc/passwd]\n"},
        {"kustomization.yaml": "resources: [/etc]\n"},
        {
            "kustomization.yaml": ONE
            + "patches:\n- target: {kind: ConfigMap}\n  patch: |\n  "
            + COPIES.replace("\n", "\n  "),
            "r.yaml": CONFIG_MAP,
        },
        {"kustomization.yaml": ONE + "replacements:\n" + DOUBLINGS, "r.yaml": CONFIG_MAP},
        {"kustomization.yaml": b"\xff\xfe\x00"},
        {"kustomization.yaml": b"a: \x00"},
        {"kustomization.yaml": ONE, "r.yaml": CONFIG_MAP + "x: .inf\n"},
        {"kustomization.yaml": ONE, "r.yaml": CONFIG_MAP + "x: {1: a}\n"},
        {"kustomization.yaml": ONE, "r.yaml": "&a [*a]\n"},
    ],
    ids=lambda files: next(iter(str(text)[:25] for path, text in reversed(files.items()))),
)
def test_ends_in_an_error_soon(files: dict[str, str | bytes]) -> None:
    assert failure(files)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("pattern", ["(a+)+b", "(a*)*b", "(a|a)*b", "a*a*a*a*a*a*b", "(a{1,20}){1,20}b"])
def test_patterns_cost_time_linear_in_the_text(pattern: str) -> None:
    assert not compile_pattern(pattern, whole=True).fits("a" * 250)
    assert compile_pattern(pattern, whole=False).fits("xx" + "a" * 9 + "b")


@given(
    st.from_regex(r"[ab]{0,6}", fullmatch=True),
    st.sampled_from(["(a|b)*", "(a+b?)+", "((a|b)c?)*b", "^(ab)+$", "(?i)(AB)*"]),
)
def test_simulated_patterns_agree_with_the_usual_engine(text: str, pattern: str) -> None:
    import re

    assert compile_pattern(pattern, whole=True).fits(text) == (re.fullmatch(pattern, text) is not None)


def outcome(files: dict[str, bytes]) -> str:
    """The text, or the error; anything but an error of ours fails the test."""
    try:
        found = build(tree(files), "", KustomizeOptions(root_only=False))
        assert isinstance(found.objects, list)
        return render(found)
    except BuildError as error:
        return str(error)


PIECES = [
    *"{}[]:'\"\n\t#&*!|>%@`\\~-",
    "- ",
    "---\n",
    "<<: ",
    "null",
    "$patch: delete\n",
    "\x00",
    "*a",
    "&a ",
    "kind: List\n",
    "$(X)",
]
START = {
    "kustomization.yaml": "resources: [r.yaml]\nnamePrefix: p-\n"
    "patches:\n- path: p.yaml\n- target: {kind: Deployment}\n"
    "  patch: |\n    - {op: add, path: /spec/x, value: 1}\nimages: [{name: nginx, newTag: '2'}]\n"
    "replacements:\n- source: {kind: Deployment}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.mode]}]\n"
    "configMapGenerator: [{name: g, literals: [a=b]}]\nlabels: [{pairs: {a: b}, includeSelectors: true}]\n",
    "r.yaml": DEPLOYMENT + "---\n" + CONFIG_MAP,
    "p.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
    "spec: {template: {spec: {containers: [{name: main, args: [x]}]}}}\n",
}


@settings(max_examples=300, deadline=2000, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(START)), st.integers(0, 600), st.integers(0, 12), st.sampled_from(PIECES)),
        max_size=4,
    )
)
def test_random_edits(edits: list[tuple[str, int, int, str]]) -> None:
    files = dict(START)
    for path, at, length, piece in edits:
        text = files[path]
        at %= len(text) + 1
        files[path] = text[:at] + piece + text[at + length :]
    outcome({path: text.encode() for path, text in files.items()})


names = st.sampled_from(
    ["a", "b", "metadata", "spec", "name", "containers", "kind", "items", "image", "$patch", "data", "1"]
)
scalars: Any = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(string.printable, max_size=8)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)


@settings(max_examples=150, deadline=2000, suppress_health_check=list(HealthCheck))
@given(
    spec=values,
    patch=values,
    fields=st.dictionaries(
        st.sampled_from(
            [
                "labels",
                "images",
                "patches",
                "replacements",
                "vars",
                "resources",
                "namespace",
                "replicas",
                "components",
                "configMapGenerator",
                "openapi",
                "sortOptions",
                "transformers",
            ]
        ),
        values,
        max_size=2,
    ),
)
def test_random_structures(spec: Any, patch: Any, fields: dict[str, Any]) -> None:
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    try:
        files = {
            "kustomization.yaml": dump({"resources": ["r.yaml"], "patches": [{"path": "p.yaml"}], **fields}),
            "r.yaml": dump({**head, "spec": spec}),
            "p.yaml": dump({**head, "spec": patch}),
        }
    except TypeError:
        return
    outcome({path: text.encode(errors="replace") for path, text in files.items()})
