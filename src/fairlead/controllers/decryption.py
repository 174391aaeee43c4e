"""The private keys of a Kustomization: from the Secret that ``spec.decryption`` names, or those for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.api.names import SOPS_MAC
from fairlead.build.sops import AGE_ENDING, Keys
from fairlead.controllers.faults import FeatureDisabledError
from fairlead.controllers.references import ReferenceNotFoundError
from fairlead.errors import BuildError

if TYPE_CHECKING:
    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.references import References

__all__ = ["check_account", "load_keys"]


def check_account(kustomization: Kustomization) -> None:
    """Refuse an account: no key service is asked with its identity. Flux does so without its feature gate."""
    decryption = kustomization.spec.decryption
    if decryption is not None and decryption.service_account_name:
        raise FeatureDisabledError(
            "spec.decryption.serviceAccountName: key services are not asked with the identity of an account; "
            "remove it, and put keys for age or OpenPGP, or a token of HashiCorp Vault, into spec.decryption.secretRef"
        )


async def load_keys(kustomization: Kustomization, references: References) -> Keys | None:
    """``None`` when nothing is to be decrypted; raises ``BuildError`` when no Secret is there."""
    decryption = kustomization.spec.decryption
    if decryption is None:
        return None
    verify_mac = kustomization.metadata.annotations.get(SOPS_MAC) != "ignored"
    try:
        if decryption.secret_ref is not None:
            secret = await references.secret(kustomization.metadata.namespace, decryption.secret_ref.name)
            return Keys.from_secret(secret, verify_mac=verify_mac)
    except ReferenceNotFoundError as error:
        if references.age_secret is None:
            raise BuildError(f"spec.decryption.secretRef: {error}") from error
    return Keys.from_secret(await _shared_age_keys(references), verify_mac=verify_mac)


async def _shared_age_keys(references: References) -> dict[str, bytes]:
    """The age keys for all who bring none; other entries of that Secret are nobody's business here, as with Flux."""
    if references.age_secret is None:
        return {}
    try:
        secret = await references.secret(references.age_secret.namespace, references.age_secret.name)
    except ReferenceNotFoundError as error:
        raise BuildError(f"--sops-age-secret: {error}") from error
    return {name: value for name, value in secret.items() if name.endswith(AGE_ENDING)}
