"""Flags of ``fairlead run`` that are more than a word."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from fairlead.cli.run import _settings, run
from fairlead.settings import LeaseSettings, RetrySettings

if TYPE_CHECKING:
    from fairlead.settings import Settings


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


def settings_of(*arguments: str) -> Settings:
    return _settings(run.make_context("run", list(arguments)).params, in_cluster=True)


def test_the_arguments_of_fluxs_deployments_are_understood() -> None:
    """As they stand in ``gotk-components.yaml`` and in the patches that its documentation names for tenants."""
    settings = settings_of(
        "--events-addr=http://notification-controller.flux-system.svc.cluster.local./",
        "--watch-all-namespaces=true",
        "--log-level=info",
        "--log-encoding=json",
        "--enable-leader-election",
        "--no-cross-namespace-refs=true",
        "--no-remote-bases=true",
        "--default-service-account=default",
        "--leader-election-lease-duration=1m",
        "--leader-election-renew-deadline=50s",
        "--leader-election-retry-period=10s",
        "--requeue-dependency=5s",
        "--min-retry-delay=250ms",
        "--max-retry-delay=5m",
        "--concurrent=8",
        "--storage-path=/data",
        "--storage-addr=:9091",
        "--storage-adv-addr=source-controller.flux-system.svc.cluster.local.",
        "--artifact-retention-ttl=2m",
        "--artifact-retention-records=5",
        "--artifact-digest-algo=sha512",
    )
    storage = settings.storage
    assert (storage.archives, storage.address) == (Path("/data"), ":9091")
    assert storage.advertised_address == "source-controller.flux-system.svc.cluster.local."
    assert (storage.retention_seconds, storage.retention_records, storage.digest_algorithm) == (120, 5, "sha512")
    assert settings.leader_election
    assert settings.scope.namespace is None
    assert settings.scope.no_cross_namespace_refs
    assert settings.scope.no_remote_bases
    assert settings.lease == LeaseSettings(duration=60, renew_deadline=50, retry=10)
    assert settings.reconcile.dependency_interval == timedelta(seconds=5)
    assert settings.reconcile.retry == RetrySettings(base_seconds=0.25, maximum_seconds=300)


def test_switches_can_be_turned_off_and_spans_be_seconds() -> None:
    settings = settings_of(
        "--watch-all-namespaces=false", "--no-remote-bases=false", "--no-cross-namespace-refs", "--max-retry-delay", "9"
    )
    assert settings.scope.namespace == "flux-system"
    assert not settings.scope.no_remote_bases
    assert settings.scope.no_cross_namespace_refs
    assert settings.reconcile.retry.maximum_seconds == 9
    assert settings_of("--watch-all-namespaces=false", "--watch-namespace=apps").scope.namespace == "apps"
    assert settings_of() == settings_of("--watch-all-namespaces", "--no-remote-bases", "false")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--requeue-dependency=soon"], "'soon' is no time span"),
        (["--requeue-dependency=0"], "must be more than 0"),
        (["--requeue-dependency=-3s"], "must be more than 0"),
        (["--min-retry-delay=1h"], "--max-retry-delay must not be less"),
        (["--leader-election-lease-duration=30.5s"], "must be more than --leader-election-renew-deadline"),
        (["--artifact-digest-algo=blake3"], "'blake3' is not supported here; use one of sha256, sha384, sha512"),
        (["--artifact-retention-records=0"], "0 is not in the range"),
        (["--storage-addr=9090"], "'9090' is no .HOST.:PORT"),
        (["--storage-addr=:99999"], "':99999' is no .HOST.:PORT"),
        (["--no-remote-bases=perhaps"], "is not a valid boolean"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        settings_of(*arguments)


def test_archives_are_served_in_a_cluster_and_elsewhere_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes of one machine would want the same port."""
    monkeypatch.setenv("POD_IP", "10.1.2.3")

    def storage(*arguments: str, in_cluster: bool) -> tuple[str, str, str]:
        found = _settings(run.make_context("run", list(arguments)).params, in_cluster=in_cluster).storage
        return found.address, found.advertised_address, found.pod_address

    service = "fairlead.flux-system.svc.cluster.local."
    assert storage(in_cluster=True) == (":9090", service, "10.1.2.3")
    assert storage("--storage-addr=off", in_cluster=True) == ("", service, "10.1.2.3")
    assert storage(in_cluster=False) == ("", "", "")
    assert storage("--storage-addr=127.0.0.1:0", in_cluster=False) == ("127.0.0.1:0", "", "")
