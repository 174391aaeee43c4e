"""Flags of ``fairlead run`` that are more than a word."""

from __future__ import annotations

import click
import pytest

from fairlead.cli.run import _settings, run


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        ([], ()),
        (["batch/Job"], ("batch/Job",)),
        (
            ["rbac.authorization.k8s.io/Role,example.com/Widget, Secret"],
            ("rbac.authorization.k8s.io/Role", "example.com/Widget", "Secret"),
        ),
        (["batch/Job", "/Secret,"], ("batch/Job", "/Secret")),
    ],
)
def test_kinds_with_a_stage_of_their_own(arguments: list[str], kinds: tuple[str, ...]) -> None:
    flags = [word for argument in arguments for word in ("--custom-apply-stage-kinds", argument)]
    assert run.make_context("run", flags).params["custom_apply_stage_kinds"] == kinds


@pytest.mark.parametrize("wrong", ["batch/v1/Job", "batch/"])
def test_a_stage_that_makes_no_sense(wrong: str) -> None:
    with pytest.raises(click.BadParameter, match=f"'{wrong}' is no GROUP/KIND"):
        run.make_context("run", ["--custom-apply-stage-kinds", wrong])


@pytest.mark.parametrize(
    ("arguments", "stand_back", "leave"),
    [
        ([], True, True),
        (["--alongside-flux"], False, False),
        (["--alongside-flux", "--leave-flux-scale"], False, True),
        (["--apply-flux-scale"], True, False),
    ],
)
def test_who_works_beside_flux_applies_its_replicas(arguments: list[str], stand_back: bool, leave: bool) -> None:
    settings = _settings(run.make_context("run", arguments).params, in_cluster=True)
    assert (settings.stand_back, settings.apply.leave_flux_scale) == (stand_back, leave)
