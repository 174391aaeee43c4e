"""Kustomization of ``kustomize.toolkit.fluxcd.io/v1``: a folder of a source, built and kept applied to a cluster."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from fairlead.api.meta import (
    Condition,
    Duration,
    LocalObjectReference,
    ObjectMeta,
    SecretKeyReference,
    Selector,
    Timestamp,
    Wire,
)
from fairlead.api.names import KUSTOMIZE_API_VERSION

__all__ = [
    "CommonMetadata",
    "CrossNamespaceSourceReference",
    "Decryption",
    "DependencyReference",
    "HealthCheckExpression",
    "HistoryEntry",
    "IgnoreRule",
    "Image",
    "Inventory",
    "InventoryEntry",
    "KubeConfigReference",
    "Kustomization",
    "KustomizationSpec",
    "KustomizationStatus",
    "ObjectKindReference",
    "Patch",
    "PostBuild",
    "SubstituteReference",
]

Int64 = Annotated[int, Meta(extra_json_schema={"format": "int64"})]


class CrossNamespaceSourceReference(Wire, frozen=True, kw_only=True):
    """The source whose content is built."""

    api_version: str | None = None
    """API version of the source."""
    kind: Literal["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"]
    """Kind of the source."""
    name: str
    """Name of the source."""
    namespace: str | None = None
    """Namespace of the source; that of the Kustomization by default."""


class DependencyReference(Wire, frozen=True, kw_only=True):
    """Another Kustomization that has to be ready first."""

    name: str
    """Name of the Kustomization."""
    namespace: str | None = None
    """Namespace of it; that of this Kustomization by default."""
    ready_expr: str | None = None
    """CEL expression over 'self' and 'dep' that says when the dependency is ready, in place of the built-in rule."""


class ObjectKindReference(Wire, frozen=True, kw_only=True):
    """An object whose health is waited for."""

    api_version: str | None = None
    """API version of the object; apps/v1 by default."""
    kind: str
    """Kind of the object."""
    name: str
    """Name of the object."""
    namespace: str | None = None
    """Namespace of the object."""


class HealthCheckExpression(Wire, frozen=True, kw_only=True):
    """When objects of a kind of one's own are healthy, in CEL over the object's fields."""

    api_version: str
    """API version of the kind."""
    kind: str | None = None
    """The kind; all kinds of the group when empty."""
    current: str
    """True when the object is as desired."""
    in_progress: str | None = None
    """True when the object is on its way."""
    failed: str | None = None
    """True when the object has failed."""


class Patch(Wire, frozen=True, kw_only=True):
    """A strategic-merge or JSON 6902 patch and what it applies to."""

    patch: str
    """The patch, in YAML: an object, or a list of operations."""
    target: Selector | None = None
    """The objects to patch; by default the one that the patch names."""


class Image(Wire, frozen=True, kw_only=True):
    """A replacement of an image in all workloads."""

    name: str
    """The image's name in the manifests, without a tag."""
    new_name: str | None = None
    """The name to put in its place."""
    new_tag: str | None = None
    """The tag to put in place of the tag or digest."""
    digest: str | None = None
    """The digest to put in place of the tag or digest; wins over newTag."""


class SubstituteReference(Wire, frozen=True, kw_only=True):
    """An object whose data become variables."""

    kind: Literal["Secret", "ConfigMap"]
    """Kind of the object."""
    name: Annotated[str, Meta(min_length=1, max_length=253)]
    """Name of the object, in the namespace of the Kustomization."""
    optional: bool | None = False
    """Do not fail when the object does not exist."""


class PostBuild(Wire, frozen=True, kw_only=True):
    """What happens to the manifests after the build."""

    substitute: dict[str, str] | None = None
    """Values of variables that are written ${name} in the manifests; they win over those of substituteFrom."""
    substitute_from: list[SubstituteReference] | None = None
    """ConfigMaps and Secrets with values of variables; later ones win."""
    substitute_strategy: Literal["WithVariables", "Always"] | None = None
    """Whether to substitute only when there are variables (WithVariables, the default) or always."""


class Decryption(Wire, frozen=True, kw_only=True):
    """How encrypted manifests are read."""

    provider: Literal["sops"]
    """The tool that encrypted them."""
    service_account_name: str | None = None
    """ServiceAccount used to authenticate with a key service, in the same namespace."""
    secret_ref: LocalObjectReference | None = None
    """Secret with the private keys."""


class KubeConfigReference(Wire, frozen=True, kw_only=True):
    """The cluster to apply to, when it is another one."""

    config_map_ref: LocalObjectReference | None = None
    """ConfigMap with 'provider', 'address', 'ca.crt', 'audiences', 'serviceAccountName'."""
    secret_ref: SecretKeyReference | None = None
    """Secret with a kubeconfig under 'value' or 'value.yaml', or the key that is given here."""


class CommonMetadata(Wire, frozen=True, kw_only=True):
    """Labels and annotations for every object."""

    annotations: dict[str, str] | None = None
    """Annotations to set."""
    labels: dict[str, str] | None = None
    """Labels to set."""


class IgnoreRule(Wire, frozen=True, kw_only=True):
    """Fields that others may change."""

    paths: Annotated[list[str], Meta(min_length=1)]
    """JSON pointers to the fields."""
    target: Selector | None = None
    """The objects that the rule is about; all by default."""


class KustomizationSpec(Wire, frozen=True, kw_only=True):
    """What a person asks for."""

    common_metadata: CommonMetadata | None = None
    """Labels and annotations that every object gets; they override those of the manifests."""
    depends_on: list[DependencyReference] | None = None
    """Kustomizations that have to be ready before this one is applied."""
    decryption: Decryption | None = None
    """How to decrypt manifests before they are applied."""
    interval: Duration
    """How often the state is checked when no event tells of a change."""
    retry_interval: Duration | None = None
    """When to try again after a failure; the interval by default."""
    kube_config: KubeConfigReference | None = None
    """The cluster to apply to; that of the controller by default."""
    path: str | None = None
    """Folder with the manifests or the kustomization.yaml, relative to the root of the source."""
    post_build: PostBuild | None = None
    """Substitution of variables in the manifests after the build."""
    prune: bool
    """Delete what is no longer in the source."""
    deletion_policy: Literal["MirrorPrune", "Delete", "WaitForTermination", "Orphan"] | None = None
    """
    What happens to the objects when the Kustomization is deleted: as prune says (MirrorPrune, the default), they are
    deleted (Delete), deleted and waited for (WaitForTermination), or left (Orphan).
    """
    health_checks: list[ObjectKindReference] | None = None
    """Objects that have to be healthy for this Kustomization to be ready."""
    name_prefix: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """Prefix for the names of all objects."""
    name_suffix: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """Suffix for the names of all objects."""
    patches: list[Patch] | None = None
    """Patches applied after those of the kustomization.yaml."""
    images: list[Image] | None = None
    """Replacements of images; they win over those of the kustomization.yaml."""
    ignore: list[IgnoreRule] | None = None
    """Fields that are not corrected when somebody else changes them."""
    service_account_name: str | None = None
    """ServiceAccount in whose name objects are applied, in the same namespace."""
    source_ref: CrossNamespaceSourceReference
    """The source with the manifests."""
    suspend: bool | None = None
    """Stop reconciling; objects stay as they are and changes to them are not reverted."""
    target_namespace: Annotated[str, Meta(min_length=1, max_length=63)] | None = None
    """Namespace for all objects; overrides that of the manifests."""
    timeout: Duration | None = None
    """How long one run may take, with its health checks; the interval less 30 seconds by default."""
    force: bool | None = False
    """Delete and create objects anew when a field that cannot be changed has to."""
    wait: bool | None = None
    """Wait until everything that was applied is healthy; healthChecks is then ignored."""
    components: list[str] | None = None
    """Folders of components, relative to the path, added to the kustomization."""
    ignore_missing_components: bool | None = None
    """Leave out components whose folder does not exist."""
    build_metadata: list[Literal["originAnnotations", "transformerAnnotations"]] | None = None
    """Annotations that say where an object came from."""
    health_check_exprs: list[HealthCheckExpression] | None = None
    """Health of custom kinds, in CEL."""


class InventoryEntry(Wire, frozen=True, kw_only=True):
    """One object that the Kustomization applied."""

    id: str
    """<namespace>_<name>_<group>_<kind>."""
    v: str
    """API version of the object."""


class Inventory(Wire, frozen=True, kw_only=True):
    """Every object that the Kustomization applied."""

    entries: list[InventoryEntry]
    """The objects."""


class HistoryEntry(Wire, frozen=True, kw_only=True):
    """Runs with the same manifests and the same result."""

    digest: str
    """Digest of the built manifests."""
    first_reconciled: Timestamp
    """When the first of these runs ended."""
    last_reconciled: Timestamp
    """When the last of these runs ended."""
    last_reconciled_duration: str
    """How long the last of these runs took."""
    last_reconciled_status: str
    """Reason of the Ready condition after these runs."""
    total_reconciliations: Int64
    """How many runs there were."""
    metadata: dict[str, str] | None = None
    """Revision of the source, and what else describes the runs."""


class KustomizationStatus(Wire, frozen=True, kw_only=True):
    """What the controller observed."""

    observed_generation: Int64 | None = None
    """The last generation of the spec that was reconciled."""
    conditions: list[Condition] | None = None
    """The state of the Kustomization by aspect."""
    last_applied_revision: str | None = None
    """The last revision that was applied and healthy."""
    last_applied_origin_revision: str | None = None
    """The revision that the applied artifact was made from."""
    last_attempted_revision: str | None = None
    """The last revision that was tried."""
    inventory: Inventory | None = None
    """Every object that was applied."""
    history: list[HistoryEntry] | None = None
    """The last five distinct results, newest first."""
    last_handled_reconcile_at: str | None = None
    """The last value of the annotation reconcile.fluxcd.io/requestedAt that was acted upon."""


class Kustomization(Wire, frozen=True, kw_only=True):
    """A folder of a source, built and kept applied to a cluster."""

    api_version: str = KUSTOMIZE_API_VERSION
    kind: str = "Kustomization"
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: KustomizationSpec
    status: KustomizationStatus = field(default_factory=KustomizationStatus)
