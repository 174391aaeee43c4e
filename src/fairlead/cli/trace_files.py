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

if TYPE_CHECKING:
    from fairlead.build.flux import Variables
    from fairlead.build.kustomize import Origin
    from fairlead.kube.client import KubeClient
    from fairlead.objects.ref import ObjectRef

__all__ = ["file_lines"]

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
    from fairlead.api.gitrepository import GitRepository
    from fairlead.build.origin import origins_of
    from fairlead.cli.local import decode
    from fairlead.controllers.gitspec import git_spec
    from fairlead.controllers.references import References
    from fairlead.sources.git import GitOptions, GitSource
    from fairlead.sources.spec import GitRef, RemoteHead
    from fairlead.sources.store import ObjectStore

    kustomization, repository = decode(owner), decode(source, GitRepository)
    if repository.spec.include:
        raise FairleadError("the source includes other repositories, which are not fetched here")
    _, _, commit = revision.rpartition(":")
    if not commit:
        raise FairleadError("nothing is applied yet")
    spec = await git_spec(repository, References(client), ())
    pinned = replace(
        spec,
        ref=GitRef(branch=spec.ref.branch, commit=commit),
        verify=None,  # it was verified before it was applied, and nothing is applied here
        timeout=min(spec.timeout, LONGEST_FETCH),
    )
    variables = await _variables(client, kustomization)
    with TemporaryDirectory(prefix="fairlead-trace-") as folder:
        async with GitSource(ObjectStore(Path(folder)), options=GitOptions(local_repositories=True)) as git:
            fetched = await git.fetch(pinned, RemoteHead(commit))
            tree = git.store.tree(fetched.tree_id)
            try:
                return await asyncio.to_thread(origins_of, tree, kustomization.spec, variables, ref)
            except BuildError as error:  # it may quote what a variable was replaced with
                raise BuildError(Redactor(variables.sensitive).text(str(error))) from None


async def _variables(client: KubeClient, kustomization: Any) -> Variables:
    from fairlead.build.flux import Variables
    from fairlead.cli.local import variables_from

    post_build = kustomization.spec.post_build
    found = await variables_from(client, kustomization)
    values = {**found, **((post_build and post_build.substitute) or {})}
    return Variables(values, strict=False, sensitive=frozenset(found.values()))
