"""The variables of a Kustomization: ConfigMaps and Secrets in the order of ``substituteFrom``, then ``substitute``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.build.flux import Variables
from fairlead.controllers.references import ReferenceNotFoundError
from fairlead.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.api.kustomization import Kustomization, SubstituteReference
    from fairlead.controllers.references import References

__all__ = ["load_variables"]


async def load_variables(kustomization: Kustomization, references: References, *, strict: bool) -> Variables:
    """Reads what ``substituteFrom`` names; raises ``BuildError`` for what is missing and not optional."""
    post_build = kustomization.spec.post_build
    if post_build is None:
        return Variables(strict=strict)
    values: dict[str, str] = {}
    secrets: set[str] = set()
    for reference in post_build.substitute_from or ():
        found = await _read(reference, kustomization.metadata.namespace, references)
        values.update(found)
        if reference.kind == "Secret":
            secrets.update(value for value in found.values() if value)
    values.update(post_build.substitute or {})
    single_lines = {name: value.replace("\n", "") for name, value in values.items()}
    always = post_build.substitute_strategy == "Always"
    return Variables(single_lines, strict=strict, sensitive=frozenset(secrets), always=always)


async def _read(reference: SubstituteReference, namespace: str, references: References) -> Mapping[str, str]:
    try:
        if reference.kind == "ConfigMap":
            return await references.config_map(namespace, reference.name)
        secret = await references.secret(namespace, reference.name)
        return {key: value.decode("utf-8", "replace") for key, value in secret.items()}
    except ReferenceNotFoundError as error:
        if reference.optional:
            return {}
        raise BuildError(f"substitute from '{reference.kind}/{reference.name}' error: {error}") from error
