"""``fairlead run``: the controllers, in the foreground, until SIGTERM or an interrupt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.flux_flags import span, switch
from fairlead.cli.storage import storage_options

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fairlead.settings import Settings

__all__ = ["run"]


def _kinds(_: click.Context, __: click.Parameter, said: tuple[str, ...]) -> tuple[str, ...]:
    """Each ``GROUP/KIND``, or ``KIND`` of the core group; several in one text, as Flux takes them, or in several."""
    kinds = tuple(kind.strip() for text in said for kind in text.split(",") if kind.strip())
    for kind in kinds:
        if kind.count("/") > 1 or kind.endswith("/"):
            raise click.BadParameter(f"'{kind}' is no GROUP/KIND, such as 'batch/Job'")
    return kinds


@click.command()
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Path of the kubeconfig file.")
@click.option("--context", help="Name of the kubeconfig's context.")
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for fetched repositories; it is a cache.  [default: a folder of the user's cache]",
)
@storage_options
@click.option("--watch-namespace", help="Only resources in this namespace.")
@click.option(
    "--watch-label-selector",
    default="",
    help="Only Kustomizations and sources with these labels; what they read from or depend on may have others.",
)
@switch("--watch-all-namespaces", default=True, help="With =false only resources in flux-system.")
@switch("--no-cross-namespace-refs", help="Refuse sources in other namespaces.")
@switch("--no-remote-bases", help="Refuse kustomizations with URLs in them.")
@click.option("--default-service-account", default="", help="Who applies when a Kustomization names nobody.")
@click.option(
    "--default-kubeconfig-service-account",
    default="",
    help="Whose token goes to another cluster when the ConfigMap for it names nobody.",
)
@click.option(
    "--sops-age-secret",
    default="",
    metavar="NAME",
    help="Secret in flux-system with age keys for Kustomizations that have none for decryption.",
)
@click.option(
    "--watch-configs-label-selector",
    help="Changes of ConfigMaps and Secrets with these labels wake their users.  [default: Flux's]",
)
@click.option(
    "--local-repositories/--no-local-repositories", default=None, help="Whether to read file:// repositories."
)
@click.option("--concurrent", type=click.IntRange(min=1), help="Kustomizations that are reconciled at once.")
@click.option(
    "--build-workers",
    type=click.IntRange(min=0),
    help="Processes for larger builds (default 1); 0 builds all in this process.",
)
@click.option("--interval-jitter-percentage", type=click.IntRange(0, 99), help="By how much runs are spread.")
@click.option("--override-manager", multiple=True, help="Field manager whose fields are taken over.")
@click.option(
    "--custom-apply-stage-kinds",
    multiple=True,
    metavar="GROUP/KIND[,…]",
    callback=_kinds,
    help="Kinds with a stage of their own.",
)
@click.option(
    "--metrics-address",
    "--metrics-addr",
    default="",
    metavar="[HOST]:PORT",
    help="Serve /metrics and the probes here; without HOST on all interfaces.",
)
@click.option("--health-address", "--health-addr", default="", metavar="[HOST]:PORT", help="Serve the probes here.")
@click.option("--alongside-flux", is_flag=True, help="Work although Flux's own controllers do, too.")
@click.option(
    "--leave-flux-scale/--apply-flux-scale",
    default=None,
    help="Whether replicas of Flux's source- and kustomize-controller in Git are left out.  "
    "[default: unless --alongside-flux]",
)
@switch("--leader-elect", "--enable-leader-election", help="Work only while holding the Lease; for several replicas.")
@span("--leader-election-lease-duration", help="How long a Lease lasts.  [default: 35s]")
@span("--leader-election-renew-deadline", help="Give up when it was not renewed so long.  [default: 30s]")
@span("--leader-election-retry-period", help="Between attempts to get or renew it.  [default: 5s]")
@span(
    "--requeue-dependency",
    help="Look again after this, should what a run waits for come unnoticed.  [default: 30s]",
)
@span("--min-retry-delay", help="First pause after a failure of a server; it doubles.  [default: 750ms]")
@span("--max-retry-delay", help="Longest such pause.  [default: 15m]")
@click.option("--events-addr", default="", metavar="URL", help="Send events here, too: Flux's notification-controller.")
@click.option(
    "--log-level", type=click.Choice(["trace", "debug", "info", "warning", "error"]), default="info", show_default=True
)
@click.option("--log-encoding", type=click.Choice(["text", "json"]), default="text", show_default=True)
def run(kubeconfig: Path | None, context: str | None, log_level: str, log_encoding: str, **flags: Any) -> None:
    """Run the controllers against the cluster of the usual kubeconfig rules, or the one they run in."""
    import asyncio
    import socket
    from functools import partial

    from fairlead.cli.logs import set_up_logging
    from fairlead.controllers.manager import run as run_controllers
    from fairlead.kube.config import load_config
    from fairlead.runtime import allocation, garbage

    set_up_logging(log_level, log_encoding)
    config = load_config(kubeconfig, context, os.environ)
    settings = _settings(flags, in_cluster=config.context == "in-cluster")
    allocation.tune()
    garbage.tune()
    asyncio.run(_until_told(partial(run_controllers, settings, config, identity=socket.gethostname())))


async def _until_told(controllers: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """End cleanly at the first signal, and at once at the second."""
    import asyncio
    import signal

    work = asyncio.ensure_future(controllers())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        return


def _settings(flags: dict[str, Any], *, in_cluster: bool) -> Settings:
    """The flags as settings; what was not said keeps its default."""
    from datetime import timedelta

    from fairlead.api.names import DEFAULT_NAMESPACE
    from fairlead.cli.environment import cloud_settings
    from fairlead.cli.storage import storage_settings
    from fairlead.settings import (
        ApplySettings,
        LeaseSettings,
        ReconcileSettings,
        RetrySettings,
        ScopeSettings,
        Settings,
    )

    def said(**names: str) -> dict[str, Any]:
        return {field: flags[flag] for field, flag in names.items() if flags[flag] is not None}

    if not flags["watch_all_namespaces"]:
        flags = flags | {"watch_namespace": flags["watch_namespace"] or DEFAULT_NAMESPACE}
    local = flags["local_repositories"]
    pace = said(workers="concurrent", build_workers="build_workers")
    if flags["interval_jitter_percentage"] is not None:
        pace["interval_jitter"] = flags["interval_jitter_percentage"] / 100
    if flags["requeue_dependency"] is not None:
        pace["dependency_interval"] = timedelta(seconds=flags["requeue_dependency"])
    retry = RetrySettings(**said(base_seconds="min_retry_delay", maximum_seconds="max_retry_delay"))
    if retry.base_seconds > retry.maximum_seconds:
        raise click.UsageError("--max-retry-delay must not be less than --min-retry-delay")
    scope = said(
        namespace="watch_namespace",
        label_selector="watch_label_selector",
        no_cross_namespace_refs="no_cross_namespace_refs",
        no_remote_bases="no_remote_bases",
        default_service_account="default_service_account",
        default_kubeconfig_service_account="default_kubeconfig_service_account",
        sops_age_secret="sops_age_secret",  # noqa: S106 - the name of a flag
        config_label_selector="watch_configs_label_selector",
    )
    apply = said(override_managers="override_manager", custom_stage_kinds="custom_apply_stage_kinds")
    left = flags["leave_flux_scale"]
    apply["leave_flux_scale"] = not flags["alongside_flux"] if left is None else left
    lease = said(
        duration="leader_election_lease_duration",
        renew_deadline="leader_election_renew_deadline",
        retry="leader_election_retry_period",
    )
    times = LeaseSettings(**lease)
    if not int(times.duration) > times.renew_deadline > 1.2 * times.retry > 0:
        raise click.UsageError(
            "--leader-election-lease-duration must be more than --leader-election-renew-deadline, "
            "and that more than 1.2 times --leader-election-retry-period"
        )
    return Settings(
        storage=storage_settings(flags, _state_folder(flags["state_dir"]), os.environ, in_cluster=in_cluster),
        scope=ScopeSettings(local_repositories=not in_cluster if local is None else local, **scope),
        reconcile=ReconcileSettings(retry=retry, **pace),
        apply=ApplySettings(**apply),
        stand_back=not flags["alongside_flux"],
        leader_election=flags["leader_elect"],
        lease=times,
        cloud=cloud_settings(os.environ),
        events_address=flags["events_addr"],
        metrics_address=flags["metrics_address"],
        health_address=flags["health_address"],
    )


def _state_folder(said: object) -> Path:
    if isinstance(said, Path):
        return said
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "fairlead"
