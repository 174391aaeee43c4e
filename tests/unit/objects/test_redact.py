"""No secret's value in anything that is shown."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fairlead.objects.diff import diff_manifests
from fairlead.objects.redact import Redactor, mask, mask_changes


def secret(**values: str) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "data": data}


def test_masked_secret_keeps_its_keys() -> None:
    shown = mask({**secret(user="admin"), "stringData": {"password": "hunter2"}})
    assert shown["data"] == {"user": "***"}
    assert shown["stringData"] == {"password": "***"}


def test_last_applied_annotation_is_masked_too() -> None:
    key = "kubectl.kubernetes.io/last-applied-configuration"
    noted = secret()
    noted["metadata"]["annotations"] = {key: '{"data":{"a":"aHVudGVyMg=="}}', "other": "x"}
    assert mask(noted)["metadata"]["annotations"] == {key: "***", "other": "x"}


def test_other_kinds_are_shown() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
    assert mask(config) == config


def test_changes_of_a_secret_say_that_they_differ() -> None:
    old, new = secret(a="one", b="same", c="gone"), secret(a="two", b="same", d="new")
    changes = mask_changes(new, diff_manifests(old, new))
    assert [change.path for change in changes] == ["data.a", "data.c", "data.d"]
    text = repr(changes)
    assert "(before)" in text
    for value in ("one", "two", "gone", "new"):
        assert base64.b64encode(value.encode()).decode() not in text


def test_whole_data_that_appears_is_masked() -> None:
    changes = mask_changes(secret(), diff_manifests({"kind": "Secret"}, secret(a="hunter2")))
    assert base64.b64encode(b"hunter2").decode() not in repr(changes)


def test_server_messages_about_a_secret_lose_what_they_quote() -> None:
    about = {**secret(), "data": {"pin": 1234}}
    redactor = Redactor()
    for message in (
        'Secret "s" is invalid: data[pin]: Invalid value: "hunter2": bad',
        'failed to create typed patch object: .data.pin: expected string, got &value.x{Value:"hunter2"}',
        "failed to create typed patch object: .data.pin: expected string, got &value.valueUnstructured{Value:1234}",
        "json: cannot unmarshal number 1234 into Go struct field Secret.data of type []uint8",
    ):
        shown = redactor.text(message, about=about)
        assert "hunter2" not in shown
        assert "1234" not in shown
        assert "pin" in shown or "Secret.data" in shown


def test_messages_about_others_lose_known_values_only() -> None:
    redactor = Redactor.of([secret(password="hunter2")], values=["v4r"])
    assert redactor.text('env: Invalid value: "hunter2": x, v4r, v4rs, aHVudGVyMg==') == (
        'env: Invalid value: "***": x, ***, v4rs, ***'
    )


def test_repr_says_nothing() -> None:
    assert "hunter2" not in repr(Redactor(["hunter2"]))


@given(st.text(min_size=4, max_size=20).filter(lambda text: text.strip() and "*" not in text), st.text(max_size=20))
def test_a_known_value_never_survives(value: str, around: str) -> None:
    assert value not in Redactor([value]).text(f"{around}{value}{around}").replace("***", "")
