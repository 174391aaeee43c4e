"""ControllerRevisions: the remembered templates of a StatefulSet or DaemonSet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.kinds import (
    CONTROLLER_REVISION,
    api_version,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
)
from fairlead.localcluster.controllers.names import template_hash
from fairlead.localcluster.controllers.pods import owner_reference
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.context import Context
    from fairlead.localcluster.controllers.kinds import Manifest


def revisions_of(context: Context, owner: Manifest) -> list[Manifest]:
    """Oldest first."""
    return sorted(context.store.owned(owner, CONTROLLER_REVISION), key=lambda each: (each["revision"], name_of(each)))


async def ensure_revision(context: Context, owner: Manifest, hash_label: str) -> Manifest:
    """The revision of the present template; an old one that comes back gets the newest number."""
    word = template_hash(spec_of(owner)["template"])
    known = revisions_of(context, owner)
    newest = max((each["revision"] for each in known), default=0)
    for revision in known:
        if labels_of(revision).get(hash_label) == word:
            if revision["revision"] < newest:
                return await context.update({**revision, "revision": newest + 1})
            return revision
    template = {"$patch": "replace", **spec_of(owner)["template"]}
    made: Manifest = {
        "apiVersion": api_version(CONTROLLER_REVISION),
        "kind": CONTROLLER_REVISION.kind,
        "metadata": {
            "name": f"{name_of(owner)}-{word}",
            "namespace": namespace_of(owner),
            "labels": {**_template_labels(owner), hash_label: word},
            "ownerReferences": [owner_reference(owner)],
        },
        "data": {"spec": {"template": template}},
        "revision": newest + 1,
    }
    try:
        return await context.create(made)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
        return await _adopted(context, owner, made)


async def trim_revisions(context: Context, owner: Manifest, in_use: set[str]) -> None:
    """Delete the oldest revisions beyond the history limit that no pod has."""
    limit = spec_of(owner).get("revisionHistoryLimit", 10)
    spare = [each for each in revisions_of(context, owner) if name_of(each) not in in_use]
    for revision in spare[: max(0, len(spare) - limit)]:
        await context.delete(revision)


def template_of(revision: Manifest) -> Manifest:
    return {key: value for key, value in revision["data"]["spec"]["template"].items() if key != "$patch"}


async def _adopted(context: Context, owner: Manifest, made: Manifest) -> Manifest:
    """A revision of this name is there: an earlier owner of the same name left it."""
    found = context.access.get(CONTROLLER_REVISION.group, CONTROLLER_REVISION.kind, namespace_of(owner), name_of(made))
    if found is None:
        return await context.create(made)
    metadata = {**found["metadata"], "ownerReferences": [owner_reference(owner)]}
    return await context.update({**found, "metadata": metadata})


def _template_labels(owner: Manifest) -> dict[str, str]:
    return (spec_of(owner)["template"].get("metadata") or {}).get("labels") or {}
