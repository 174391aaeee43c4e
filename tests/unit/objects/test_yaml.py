from __future__ import annotations

import json
import math
import string
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.objects import yaml

GO = Path(__file__).resolve().parents[4] / "shared" / "reference" / "yaml-go.json"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("n", False),
        ("0777", 511),
        ("0o17", 15),
        ("0b11", 3),
        ("1_000", 1000),
        ("1e3", 1000),
        ("089", 89),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("18446744073709551616", 18446744073709551616.0),
        ("1e400", "1e400"),
        ("!!binary aGk=", "hi"),
        ("!foo 5", "5"),
        ('!!int "5"', 5),
        ("=", "="),
        ("", None),
    ],
)
def test_scalars_mean_what_go_reads(text: str, value: Any) -> None:
    found = yaml.load(f"v: {text}")["v"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.skipif(not GO.is_file(), reason="../shared/reference is not here")
def test_everything_recorded_from_go() -> None:
    for text, expected in json.loads(GO.read_text()).items():
        if isinstance(expected, str) or text == "a: 1\na: 2" or text.startswith("1: a\ntrue"):
            with pytest.raises(yaml.YamlError):
                yaml.load(text)  # Go's error, or an equal key, which is an error here
        else:
            found = yaml.load(text)
            assert found == expected or math.isclose(float(found["v"]), expected["v"]), text


def test_documents_that_are_empty_are_dropped() -> None:
    assert yaml.load_all("---\n---\na: 1\n---\n# no\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]


def test_merge_keys_and_aliases_are_expanded() -> None:
    assert yaml.load("a: &a {x: 1, z: 1}\nb: {<<: *a, z: 2}\n")["b"] == {"x": 1, "z": 2}
    value = yaml.load("a: &a [1]\nb: *a\n")
    value["a"].append(2)
    assert value["b"] == [1]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: [\n", 3, "did not find"),
        ("a: 1\nb: 2\na: 3\n", 3, 'mapping key "a" already defined at line 1'),
        ("a: *x\n", 1, "unknown anchor 'x' referenced"),
        ("v: .inf\n", 1, "cannot be written as JSON"),
        ("? [a]\n: b\n", 1, "cannot be a key"),
    ],
)
def test_errors_name_file_and_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(yaml.YamlError, match=r"some\.yaml") as caught:
        yaml.load(text, file="some.yaml")
    assert problem in str(caught.value)
    assert abs(caught.value.line - line) <= 1


def test_hostile_text_is_refused() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    )
    for text in (bomb, "[" * 100_000, "a: '" + "x" * 40_000_000, "{" * 300 + "}" * 300):
        with pytest.raises(yaml.YamlError):
            yaml.load(text)


@pytest.mark.parametrize(
    "trap",
    [
        "y",
        "n",
        "yes",
        "on",
        "null",
        "~",
        "1",
        "1e3",
        "0o7",
        "089",
        "1_0",
        "12:30:45",
        "2024-01-01",
        "0x1",
        ".5",
        "+1",
        "=",
        "<<",
    ],
)
def test_texts_come_back_as_texts(trap: str) -> None:
    assert yaml.load(yaml.dump({"v": trap, "l": [trap]})) == {"v": trap, "l": [trap]}


def test_long_texts_wrap_after_column_80() -> None:
    text = yaml.dump({"key": "word " * 30 + "end"})
    assert text.splitlines()[0] == "key: " + " ".join(["word"] * 16)
    assert text.splitlines()[1].startswith("  word")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "x\ny\n"}, "a: |\n  x\n  y\n"),
        ({"a": "x\ny"}, "a: |-\n  x\n  y\n"),
        ({"a": "x\n\n"}, "a: |+\n  x\n\n"),
        ({"a": " x\n"}, "a: |2\n   x\n"),
        ({"a": "x \ny"}, 'a: "x \\ny"\n'),
        ({"a": "it's: so"}, "a: 'it''s: so'\n"),
        ({"a": "\t\U0001f600"}, 'a: "\\t\\U0001F600"\n'),
        ({"a": {}, "b": [], "c": None}, "a: {}\nb: []\nc: null\n"),
        ({"a": [{"b": 1, "c": [1]}, [2]]}, "a:\n- b: 1\n  c:\n  - 1\n- - 2\n"),
        ({"a": 123456789.125, "b": 1e-7, "c": 1e20, "d": -0.0}, "a: 1.23456789125e+08\nb: 1e-07\nc: 1e+20\nd: 0\n"),
        ({"k" * 129: 1}, "? " + "k" * 129 + "\n: 1\n"),
    ],
)
def test_writing(value: Any, text: str) -> None:
    assert yaml.dump(value) == text


def test_keys_are_in_natural_order() -> None:
    keys = ["a10", "a9", "alpha", "Alpha", "a-b", "a_b", "aB", "9", "10", "kind", "apiVersion"]
    expected = ["9", "10", "Alpha", "a-b", "a_b", "a9", "a10", "aB", "alpha", "apiVersion", "kind"]
    assert list(yaml.load(yaml.dump(dict.fromkeys(keys, 1)))) == expected
    assert yaml.dump({"b": 1, "a": 2}, sort_keys=False) == "b: 1\na: 2\n"


texts = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufeff\u2028\u2029") | st.just("\n")
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e15, 1e15) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)


@given(values)
def test_what_is_written_reads_as_it_was(value: Any) -> None:
    assert yaml.load(yaml.dump({"v": value})) == {"v": value}


@given(st.text(string.printable, max_size=60))
def test_reading_raises_nothing_but_its_own_error(text: str) -> None:
    with suppress(yaml.YamlError):
        yaml.load_all(text)
