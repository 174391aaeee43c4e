"""The private keys of a Kustomization, from the Secret that ``spec.decryption`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.api.names import SOPS_MAC
from fairlead.build.sops import Keys
from fairlead.controllers.faults import FeatureDisabledError
from fairlead.controllers.references import ReferenceNotFoundError
from fairlead.errors import BuildError

if TYPE_CHECKING:
    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.references import References

__all__ = ["check_account", "load_keys"]


def check_account(kustomization: Kustomization) -> None:
    """Refuse an account for key services, of which none is supported, as Flux does without its feature gate."""
    decryption = kustomization.spec.decryption
    if decryption is not None and decryption.service_account_name:
        raise FeatureDisabledError(
            "spec.decryption.serviceAccountName is for key services, which are not supported: "
            "remove it, and put age or OpenPGP keys into spec.decryption.secretRef"
        )


async def load_keys(kustomization: Kustomization, references: References) -> Keys | None:
    """``None`` when nothing is to be decrypted; raises ``BuildError`` when the Secret is not there."""
    decryption = kustomization.spec.decryption
    if decryption is None:
        return None
    verify_mac = kustomization.metadata.annotations.get(SOPS_MAC) != "ignored"
    if decryption.secret_ref is None:
        return Keys(verify_mac=verify_mac)
    try:
        secret = await references.secret(kustomization.metadata.namespace, decryption.secret_ref.name)
    except ReferenceNotFoundError as error:
        raise BuildError(f"spec.decryption.secretRef: {error}") from error
    return Keys.from_secret(secret, verify_mac=verify_mac)
