from __future__ import annotations

from datetime import UTC, datetime

from fairlead.localcluster.printers import cells, columns

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN = {"apiVersion": "example.com/v1", "kind": "Thing"} | {
    "metadata": {"name": "one", "creationTimestamp": "2025-12-31T23:59:00Z"}
}


def test_a_built_in_kind_has_the_columns_of_the_real_server() -> None:
    found = columns("apps", "v1", "Deployment")
    assert [each["name"] for each in found if each["priority"] == 0] == [
        "Name",
        "Ready",
        "Up-to-date",
        "Available",
        "Age",
    ]
    assert found[0] == {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}


def test_an_unknown_kind_has_a_name_and_an_age() -> None:
    assert [each["name"] for each in columns("example.com", "v1", "Thing")] == ["Name", "Age"]
    assert cells(PLAIN, NOW) == ["one", "60s"]


def test_a_custom_resource_without_columns_has_a_name_and_an_age() -> None:
    found = columns("example.com", "v1", "Thing", [])
    assert [(each["name"], each["type"]) for each in found] == [("Name", "string"), ("Age", "date")]
    assert cells(PLAIN, NOW, []) == ["one", "60s"]


def test_a_path_that_cannot_be_read_gives_an_empty_cell() -> None:
    assert cells(PLAIN, NOW, [{"name": "Bad", "type": "string", "jsonPath": ".spec["}]) == ["one", None]


def test_changing_the_answer_does_not_change_the_next_one() -> None:
    columns("", "v1", "Pod")[0]["name"] = "changed"
    assert columns("", "v1", "Pod")[0]["name"] == "Name"
