"""Settings of the controllers, by concern. Flags and environment are parsed once, at the edge, into these values.

Names and defaults follow Flux's flags where there is one; where we differ the field says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ApplySettings",
    "AwsSettings",
    "AzureSettings",
    "CloudSettings",
    "LeaseSettings",
    "ReconcileSettings",
    "RetrySettings",
    "ScopeSettings",
    "Settings",
    "StorageSettings",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Where fetched content lives on this machine."""

    folder: Path
    """Holds the object store. It is a cache: whatever is lost is fetched again."""
    archives: Path | None = None
    """Root of the archives that others may download; ``None`` is ``artifacts`` in ``folder``. A cache as well."""
    address: str = ""
    """``HOST:PORT`` where archives are served; empty serves none, and ``:PORT`` serves on all interfaces. In a cluster
    the command line makes it Flux's ``:9090``; elsewhere several processes of one machine would want the same port."""
    advertised_address: str = ""
    """The host in ``status.artifact.url``; empty is the address where archives are served, with ``localhost`` for all
    interfaces, and when none are served the name that they would have in a cluster."""
    pod_address: str = ""
    """The address of the pod that we are. With it, the Service that the advertised address names leads here."""
    retention_seconds: float = 60.0
    """An archive that is no longer current stays for so long, for those who are downloading it."""
    retention_records: int = 2
    """So many archives of a source are kept at most, the current one among them."""
    digest_algorithm: str = "sha256"
    """Of archives: sha256, sha384 or sha512."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeSettings:
    """Which resources these controllers care for, and what those may refer to."""

    namespace: str | None = None
    """Only resources in this namespace; ``None`` means all namespaces."""
    label_selector: str = ""
    """Only resources whose labels match; shards of a big installation share the work by this."""
    config_label_selector: str = "reconcile.fluxcd.io/watch=Enabled"
    """Changes of ConfigMaps and Secrets with these labels wake the resources that use them."""
    no_cross_namespace_refs: bool = False
    """Refuse references to sources in other namespaces, as one does on clusters that tenants share."""
    no_remote_bases: bool = False
    """Refuse kustomizations that name files and repositories by URL: a build then needs nothing but its source."""
    local_repositories: bool = False
    """Whether ``file://`` repositories are read. Off in a cluster, where they would show the pod's own files."""
    default_service_account: str = ""
    """Who applies when a Kustomization names nobody; empty means the controllers' own account."""
    default_kubeconfig_service_account: str = ""
    """Whose token goes to another cluster when the ConfigMap of a Kustomization names nobody; an account in its own
    namespace. Empty means that each ConfigMap has to name one: the controllers' own identity is never lent."""
    sops_age_secret: str = ""
    """Secret in the runtime namespace with age keys for those who have no Secret of their own for decryption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """Pauses after failures of what has no interval of its own for that."""

    base_seconds: float = 0.75
    maximum_seconds: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileSettings:
    """How work is paced."""

    source_workers: int = 4
    """Sources that are reconciled at once; Git transports wait for servers most of the time."""
    workers: int = 20
    """Kustomizations that are reconciled at once. More than Flux's 4, for a worker waits for the API server and is
    never held by a health check; 20 keep it busy without flooding it."""
    build_workers: int = 1
    """Processes for larger builds, some forty megabytes each. One builds hundreds of Kustomizations in a second, more
    than an API server takes; more are for fleets of very large ones, and gain nothing beyond the number of cores."""
    dependency_interval: timedelta = timedelta(seconds=30)
    """Safety net for what waits for something else; the event that it waits for comes first, as a rule."""
    shortest_timeout: timedelta = timedelta(seconds=30)
    """A run gets at least this long, whatever its ``spec.timeout`` says. Flux's floor; tests have less patience."""
    interval_jitter: float = 0.05
    """Part of an interval by which runs are spread."""
    retry: RetrySettings = field(default_factory=RetrySettings)
    events_per_second: float = 50.0
    """Kubernetes Events that are written at most; bursts above wait, and a full queue drops the oldest."""
    strict_substitution: bool = True
    """A variable without value and default fails the build, as in Flux since 2.9."""
    drift_quiet_seconds: float = 0.01
    """Changes by others are collected for this long before they are repaired, so that one edit is one repair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplySettings:
    """How objects are written."""

    concurrency: int = 16
    """Dry runs and writes in flight for one Kustomization."""
    override_managers: tuple[str, ...] = ()
    """Field managers, beside kubectl's, whose fields are taken over."""
    custom_stage_kinds: tuple[str, ...] = ()
    """Kinds (``group/Kind``) that are applied before everything that has no stage of its own."""
    leave_flux_scale: bool = True
    """Leave the replicas of Flux's own source- and kustomize-controller to people, whatever Git says of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseSettings:
    """The times of leader election, in seconds; Flux's."""

    duration: float = 35.0
    renew_deadline: float = 30.0
    retry: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSettings:
    """The controllers' own identity in Azure, as its webhook for workload identities puts it into the environment."""

    authority_host: str = "https://login.microsoftonline.com"
    tenant_id: str = ""
    client_id: str = ""
    token_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings:
    """The controllers' own identity in AWS: a role for their token (as EKS sets it), or keys."""

    role_arn: str = ""
    token_file: Path | None = None
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    sts_endpoint: str = ""
    """The token service, for accounts' roles too; empty means that of the repository's region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudSettings:
    """Who the controllers are in clouds."""

    azure: AzureSettings = field(default_factory=AzureSettings)
    aws: AwsSettings = field(default_factory=AwsSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that ``fairlead run`` needs to know beside the cluster."""

    storage: StorageSettings
    scope: ScopeSettings = field(default_factory=ScopeSettings)
    reconcile: ReconcileSettings = field(default_factory=ReconcileSettings)
    apply: ApplySettings = field(default_factory=ApplySettings)
    runtime_namespace: str = "flux-system"
    """Where leases and the journal live."""
    stand_back: bool = True
    """Do nothing as long as Flux's own controllers are at work in the runtime namespace: they would fight."""
    leader_election: bool = False
    """Wait for a Lease before working; for more than one replica."""
    lease: LeaseSettings = field(default_factory=LeaseSettings)
    cloud: CloudSettings = field(default_factory=CloudSettings)
    events_address: str = ""
    """URL to which events are sent as well, as Flux's notification-controller takes them; empty sends none."""
    metrics_address: str = ""
    """``HOST:PORT`` for ``/metrics``; empty serves none, and ``:PORT`` serves on all interfaces, as with Flux."""
    health_address: str = ""
    """``HOST:PORT`` for ``/healthz`` and ``/readyz``; read in the same way."""
