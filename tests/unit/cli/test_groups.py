"""A wrong word gets an answer that helps."""

from __future__ import annotations

import pytest

from fairlead.cli.main import invoke


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["gte"], "✗ no such command 'gte'; did you mean 'get'? (see 'fairlead --help')"),
        (["get", "kss"], "✗ no such command 'kss'; did you mean 'ks'? (see 'fairlead get --help')"),
        (["get", "hr"], "✗ HelmRelease: Fairlead does not handle this kind yet (see 'fairlead get --help')"),
        (["suspend", "source", "oci", "x"], "✗ OCIRepository: Fairlead does not handle this kind yet"),
        (["get", "ks", "-w", "-o", "json"], "✗ --watch prints a table; leave --output out"),
        (["get", "ks", "--as-group", "admins"], "✗ --as-group needs --as"),
    ],
)
def test_hints(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(arguments) == 2
    assert capsys.readouterr().err.startswith(text)


def test_a_group_alone_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["get"]) == 2
    assert capsys.readouterr().err.startswith("Usage: fairlead get ")
