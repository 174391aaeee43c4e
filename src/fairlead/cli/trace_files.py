"""The files behind a live object: the delivered commit is fetched and built once more, this time with origins.

The cluster does not say which file an object comes from, so whoever asks must be able to reach the repository, and to
read the Secrets that the source and the variables name. What is missing is told in the place of the files.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fairlead.errors import BuildError, FairleadError
from fairlead.objects.redact import Redactor
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from fairlead.build.flux import Variables
    from fairlead.build.kustomize import Origin
    from fairlead.kube.client import KubeClient
    from fairlead.sources.git import GitSource

__all__ = ["file_lines"]

MOST_LEVELS = 8
"""How deep repositories may include each other."""
LONGEST_FETCH = timedelta(seconds=30)
"""Somebody waits at a terminal, so a source's own longer timeout does not count."""


async def file_lines(
    client: KubeClient, ref: ObjectRef, owner: dict[str, Any], source: dict[str, Any], revision: str
) -> list[tuple[str, str]]:
    """Titled lines: ``File`` for where the object is written, ``Changed by`` for patches and other transformers."""
    try:
        origins = await _origins(client, ref, owner, source, revision)
    except FairleadError as error:
        return [("File", f"not known: {str(error).splitlines()[0]}")]
    if not origins:
        return [("File", "not known: the build of the applied revision does not give this object under its name")]
    own = [origin for origin in origins if not origin.by] or origins[:1]
    changed = [origin for origin in origins if origin not in own]
    return [*(("File", str(origin)) for origin in own), *(("Changed by", str(origin)) for origin in changed)]


async def _origins(
    client: KubeClient, ref: ObjectRef, owner: dict[str, Any], source: dict[str, Any], revision: str
) -> list[Origin]:
    from fairlead.build.origin import origins_of
    from fairlead.cli.local import decode
    from fairlead.sources.git import GitOptions, GitSource
    from fairlead.sources.store import ObjectStore

    kustomization = decode(owner)
    variables = await _variables(client, kustomization)
    with TemporaryDirectory(prefix="fairlead-trace-") as folder:
        async with GitSource(ObjectStore(Path(folder)), options=GitOptions(local_repositories=True)) as git:
            tree = git.store.tree(await _fetch(client, git, source, revision))
            try:
                return await asyncio.to_thread(origins_of, tree, kustomization.spec, variables, ref)
            except BuildError as error:  # it may quote what a variable was replaced with
                raise BuildError(Redactor(variables.sensitive).text(str(error))) from None


async def _fetch(
    client: KubeClient, git: GitSource, source: dict[str, Any], revision: str, levels: int = MOST_LEVELS
) -> str:
    """The id of the tree of a GitRepository at a revision, with the repositories that it includes."""
    from fairlead.api.gitrepository import GitRepository
    from fairlead.cli.local import decode
    from fairlead.controllers.gitspec import git_spec
    from fairlead.controllers.references import References
    from fairlead.sources.spec import GitRef, Include, RemoteHead

    repository = decode(source, GitRepository)
    _, _, commit = revision.rpartition(":")
    if not commit:
        raise FairleadError("nothing is applied yet")
    includes = []
    for include, artifact in zip(
        repository.spec.include or (), repository.status.included_artifacts or (), strict=False
    ):
        if not levels:
            raise FairleadError(f"repositories include each other, more than {MOST_LEVELS} levels deep")
        name = include.repository.name
        other = await client.get(ObjectRef.of(source)._replace(name=name))
        tree_id = await _fetch(client, git, other, artifact.revision, levels - 1)
        includes.append(Include(tree_id, include.from_path or "", include.to_path or name))
    spec = await git_spec(repository, References(client), tuple(includes))
    pinned = replace(
        spec,
        ref=GitRef(branch=spec.ref.branch, commit=commit),
        verify=None,  # it was verified before it was applied, and nothing is applied here
        timeout=min(spec.timeout, LONGEST_FETCH),
    )
    return (await git.fetch(pinned, RemoteHead(commit))).tree_id


async def _variables(client: KubeClient, kustomization: Any) -> Variables:
    from fairlead.build.flux import Variables
    from fairlead.cli.local import variables_from

    post_build = kustomization.spec.post_build
    found = await variables_from(client, kustomization)
    values = {**found, **((post_build and post_build.substitute) or {})}
    return Variables(values, strict=False, sensitive=frozenset(found.values()))
