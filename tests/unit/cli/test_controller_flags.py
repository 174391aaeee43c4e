"""The flags of controllers, as their Deployment has them."""

from __future__ import annotations

from pathlib import Path

from fairlead.cli.controller_flags import ControllerFlags, _flags, _runs
from fairlead.objects import yaml

DEPLOYMENT = Path(__file__).parents[3] / "deploy" / "deployment.yaml"


def test_the_installed_deployment_has_the_defaults() -> None:
    (params,) = _runs(yaml.load(DEPLOYMENT.read_text()))
    assert params["watch_namespace"] is None
    assert params["watch_all_namespaces"] is True
    assert _flags(params) == ControllerFlags("", False, False, leave_flux_scale=True)


def test_what_was_said_goes_before_what_was_read() -> None:
    read = ControllerFlags("keys", True, True, leave_flux_scale=False, label_selector="shard=one")
    said = ControllerFlags(sops_age_secret="", no_remote_bases=False)
    assert said.over(read) == ControllerFlags("", True, False, leave_flux_scale=False, label_selector="shard=one")


def test_containers_that_are_no_controllers() -> None:
    containers = [{"name": "proxy"}, {"name": "fairlead", "command": ["fairlead", "run", "--alongside-flux"]}]
    (params,) = _runs({"spec": {"template": {"spec": {"containers": containers}}}})
    assert _flags(params).leave_flux_scale is False
