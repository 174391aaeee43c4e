"""Every well-known word of the API in one place: groups, kinds, labels, annotations, finalizers, field managers.

They are Flux's, letter by letter: a cluster is handed from Flux to Fairlead and back without a change to an object.
What Flux has no word for begins with `fairlead.dev/`, which Flux leaves alone.
"""

from __future__ import annotations

from typing import Final

from fairlead.objects.ref import GroupKind

# Groups and kinds.
SOURCE_GROUP: Final = "source.toolkit.fluxcd.io"
SOURCE_API_VERSION: Final = f"{SOURCE_GROUP}/v1"
KUSTOMIZE_GROUP: Final = "kustomize.toolkit.fluxcd.io"
KUSTOMIZE_API_VERSION: Final = f"{KUSTOMIZE_GROUP}/v1"
GIT_REPOSITORY: Final = GroupKind(SOURCE_GROUP, "GitRepository")
OCI_REPOSITORY: Final = GroupKind(SOURCE_GROUP, "OCIRepository")
BUCKET: Final = GroupKind(SOURCE_GROUP, "Bucket")
EXTERNAL_ARTIFACT: Final = GroupKind(SOURCE_GROUP, "ExternalArtifact")
KUSTOMIZATION: Final = GroupKind(KUSTOMIZE_GROUP, "Kustomization")

# Names of controllers: field manager, source of events and prefix of leases.
ADVERTISED_ADDRESS: Final = "fairlead.flux-system.svc.cluster.local."
"""Where the archives of sources are found in a cluster: the Service that ``fairlead install`` makes."""

SOURCE_CONTROLLER: Final = "source-controller"
KUSTOMIZE_CONTROLLER: Final = "kustomize-controller"
OWN_FIELDS_PREFIX: Final = "gotk-"
"""Before a controller's name: the field manager of statuses and finalizers. Under the name alone objects are applied; a
Kustomization that another one applies would otherwise lose its finalizer as a field that Git does not have."""

FINALIZER: Final = "finalizers.fluxcd.io"

# Annotations and labels on our custom resources.
REQUESTED_AT: Final = "reconcile.fluxcd.io/requestedAt"
EVENT_METADATA_PREFIX: Final = "event.toolkit.fluxcd.io/"
WATCH_LABEL: Final = "reconcile.fluxcd.io/watch"
WATCH_ENABLED: Final = "Enabled"
SHARD_KEY: Final = "sharding.fluxcd.io/key"

# Labels and annotations on the objects that a Kustomization applies.
OWNER_NAME: Final = f"{KUSTOMIZE_GROUP}/name"
OWNER_NAMESPACE: Final = f"{KUSTOMIZE_GROUP}/namespace"
RECONCILE: Final = f"{KUSTOMIZE_GROUP}/reconcile"
SSA: Final = f"{KUSTOMIZE_GROUP}/ssa"
FORCE: Final = f"{KUSTOMIZE_GROUP}/force"
PRUNE: Final = f"{KUSTOMIZE_GROUP}/prune"
SUBSTITUTE: Final = f"{KUSTOMIZE_GROUP}/substitute"
DECRYPT: Final = f"{KUSTOMIZE_GROUP}/decrypt"
DISABLED: Final = "disabled"
ENABLED: Final = "enabled"

# Our own annotations on custom resources; those of a suspension are in `suspension.py`.
SOPS_MAC: Final = "fairlead.dev/sops-mac"
"""``ignored`` accepts files that were edited after their encryption, as Flux does."""
PRUNE_BUDGET: Final = "fairlead.dev/prune-budget"
"""How many objects one revision may delete, or ``unlimited``."""

# What the metadata of an artifact, a history entry and an Event tell of the commit.
COMMIT_TREE: Final = "fairlead.dev/tree"
COMMIT_AUTHOR: Final = "fairlead.dev/author"
COMMIT_SUBJECT: Final = "fairlead.dev/subject"

# Keys of event metadata, prefixed with the group of the object that the event is about.
EVENT_REVISION: Final = "revision"
EVENT_ORIGIN_REVISION: Final = "originRevision"
EVENT_DIGEST: Final = "digest"
EVENT_COMMIT_STATUS: Final = "commit_status"
COMMIT_STATUS_UPDATE: Final = "update"

# Labels of the install manifests, by which tools find the components.
PART_OF: Final = "app.kubernetes.io/part-of"
INSTANCE: Final = "app.kubernetes.io/instance"
COMPONENT: Final = "app.kubernetes.io/component"
VERSION: Final = "app.kubernetes.io/version"

DEFAULT_NAMESPACE: Final = "flux-system"
"""Where Flux installs itself and where its commands look by default; we keep it, so that habits and scripts hold."""
