"""From a GitRepository to what the Git source understands: credentials, reference, includes, verification.

Keys of Secrets are Flux's. What can never work is an ``InvalidSpecError``; what is missing is looked for again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from fairlead.controllers.cloud import ProviderError, aws_identity, azure_identity
from fairlead.controllers.references import ReferenceNotFoundError
from fairlead.objects.duration import parse_duration
from fairlead.settings import CloudSettings
from fairlead.sources.spec import GitAuth, GitHubApp, GitProxy, GitRef, GitSpec, Include, Verification
from fairlead.sources.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fairlead.api.gitrepository import GitRepository, GitRepositorySpec
    from fairlead.controllers.references import References

__all__ = ["PublicKeysError", "git_spec"]

_LOGINS = frozenset({"username", "password", "bearerToken", "identity", "tls.crt", "certFile"})
"""What another provider would log in with."""


class PublicKeysError(ReferenceNotFoundError):
    """The Secret with the keys that signatures are compared with is not there."""

    reason: ClassVar[str] = "VerificationError"


async def git_spec(
    repository: GitRepository,
    references: References,
    includes: tuple[Include, ...],
    cloud: CloudSettings | None = None,
) -> GitSpec:
    """Reads what the spec names; raises :class:`ReferenceNotFoundError` and ``InvalidSpecError``.

    ``cloud`` are the identities of who asks, for repositories that name no service account of their own.
    """
    spec, namespace = repository.spec, repository.metadata.namespace
    parse_url(spec.url)  # one that can never work needs no credentials
    return GitSpec(
        url=spec.url,
        ref=_reference(spec),
        auth=await _auth(spec, namespace, references, cloud or CloudSettings()),
        timeout=parse_duration(spec.timeout),
        recurse_submodules=bool(spec.recurse_submodules),
        sparse_checkout=tuple(spec.sparse_checkout or ()),
        ignore=spec.ignore,
        includes=includes,
        verify=await _verification(spec, namespace, references),
    )


def _reference(spec: GitRepositorySpec) -> GitRef:
    ref = spec.ref
    if ref is None:
        return GitRef()
    return GitRef(ref.branch or "", ref.tag or "", ref.semver or "", ref.name or "", ref.commit or "")


async def _auth(spec: GitRepositorySpec, namespace: str, references: References, cloud: CloudSettings) -> GitAuth:
    secret = await references.secret(namespace, spec.secret_ref.name) if spec.secret_ref else {}
    _check_provider(spec, secret)
    auth = _credentials(spec, f"Secret '{namespace}/{spec.secret_ref.name}'" if spec.secret_ref else "", secret)
    if spec.provider == "azure":
        auth = replace(auth, azure=await azure_identity(spec, namespace, references, cloud.azure))
    if spec.provider == "aws":
        auth = replace(auth, aws=await aws_identity(spec, namespace, references, cloud.aws))
    if spec.proxy_secret_ref is None:
        return auth
    return replace(auth, proxy=await _proxy(namespace, spec.proxy_secret_ref.name, references))


def _check_provider(spec: GitRepositorySpec, secret: Mapping[str, bytes]) -> None:
    if spec.service_account_name and spec.provider not in ("azure", "aws"):
        raise ProviderError("serviceAccountName can only be set when provider is 'azure' or 'aws'")
    if spec.provider in ("azure", "aws") and (found := _LOGINS & secret.keys()):
        raise ProviderError(
            f"provider is set to {spec.provider}, but secretRef has '{min(found)}'; leave out one of them"
        )
    if spec.provider == "github" and "githubAppID" not in secret:
        raise ProviderError("provider is set to github, but secretRef has no github app data")
    if spec.provider != "github" and "githubAppID" in secret:
        raise ProviderError("secretRef has github app data but provider is not set to github")


def _credentials(spec: GitRepositorySpec, name: str, secret: Mapping[str, bytes]) -> GitAuth:
    def text(*keys: str) -> str:
        return next((secret[key].decode("utf-8", "replace") for key in keys if key in secret), "")

    if not secret:
        return GitAuth()
    if spec.provider in ("azure", "aws"):
        return GitAuth(ca=text("ca.crt", "caFile"))
    if urlsplit(spec.url).scheme == "ssh":
        for key in ("identity", "known_hosts"):
            if not text(key):
                raise ReferenceNotFoundError(f"{name} has no '{key}', which ssh needs")
        return GitAuth(identity=text("identity"), known_hosts=text("known_hosts"), password=text("password"))
    if spec.provider == "github":
        return GitAuth(ca=text("ca.crt", "caFile"), github_app=_github_app(text))
    username, password = text("username"), text("password")
    if bool(username) != bool(password):
        raise ReferenceNotFoundError(f"{name}: 'username' and 'password' must be set together")
    return GitAuth(
        username=username,
        password=password,
        bearer_token=text("bearerToken").strip(),
        ca=text("ca.crt", "caFile"),
        client_certificate=text("tls.crt", "certFile"),
        client_key=text("tls.key", "keyFile"),
    )


def _github_app(text: Callable[..., str]) -> GitHubApp:
    app = GitHubApp(
        app_id=text("githubAppID"),
        private_key=text("githubAppPrivateKey"),
        installation_id=text("githubAppInstallationID"),
        installation_owner=text("githubAppInstallationOwner"),
    )
    base_url = text("githubAppBaseURL")
    return replace(app, base_url=base_url) if base_url else app


async def _proxy(namespace: str, name: str, references: References) -> GitProxy:
    secret = await references.secret(namespace, name)
    values = {key: secret.get(key, b"").decode("utf-8", "replace") for key in ("address", "username", "password")}
    if not values["address"]:
        raise ReferenceNotFoundError(f"Secret '{namespace}/{name}' has no 'address' of a proxy")
    return GitProxy(**values)


async def _verification(spec: GitRepositorySpec, namespace: str, references: References) -> Verification | None:
    if spec.verify is None:
        return None
    try:
        keys = await references.secret(namespace, spec.verify.secret_ref.name)
    except ReferenceNotFoundError as error:
        raise PublicKeysError(str(error)) from error
    mode = "HEAD" if spec.verify.mode == "head" else spec.verify.mode
    return Verification(mode, tuple(sorted(keys.items())))
