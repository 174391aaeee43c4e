"""The flags of the controllers that decide what they apply: a command that foretells it has to know them.

They are said to the command, or read from the Deployment of the controllers that look after the Kustomization. Who may
not read it, and says nothing, gets the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.flux_flags import switch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fairlead.api.kustomization import Kustomization
    from fairlead.kube.client import KubeClient
    from fairlead.objects.manifest import Manifest

__all__ = ["ControllerFlags", "controller_options", "read_flags"]

COMPONENT_LABEL = "app.kubernetes.io/component"
_FIELDS = ("sops_age_secret", "no_cross_namespace_refs", "no_remote_bases", "leave_flux_scale")


@dataclass(frozen=True, slots=True)
class ControllerFlags:
    """As ``fairlead run`` takes them; ``None``: not said."""

    sops_age_secret: str | None = None
    no_cross_namespace_refs: bool | None = None
    no_remote_bases: bool | None = None
    leave_flux_scale: bool | None = None
    label_selector: str = ""

    def over(self, others: ControllerFlags) -> ControllerFlags:
        """What is said here, and by the others what is not."""
        said = {name: mine if (mine := getattr(self, name)) is not None else getattr(others, name) for name in _FIELDS}
        return ControllerFlags(**said, label_selector=self.label_selector or others.label_selector)


def controller_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags, which the command gets as one ``flags`` argument."""
    import functools

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        said = {name: kwargs.pop(name) for name in _FIELDS}
        return command(*args, flags=ControllerFlags(**said), **kwargs)

    shown = "[default: as the Deployment of the controllers has it]"
    found: Callable[..., Any] = wrapper
    for option in (
        click.option(
            "--leave-flux-scale/--apply-flux-scale",
            default=None,
            help=f"As of `fairlead run`: replicas of Flux's controllers.  {shown}",
        ),
        switch("--no-remote-bases", default=None, help=f"As of `fairlead run`: refuse remote bases.  {shown}"),
        switch(
            "--no-cross-namespace-refs", default=None, help=f"As of `fairlead run`: refuse sources elsewhere.  {shown}"
        ),
        click.option(
            "--sops-age-secret",
            metavar="NAME",
            help=f"As of `fairlead run`: Secret in flux-system with age keys for all.  {shown}",
        ),
    ):
        found = option(found)
    return found


async def read_flags(client: KubeClient, said: ControllerFlags, owner: Kustomization) -> ControllerFlags:
    """Those of the controllers that look after ``owner``, as far as they may be read, below what was said."""
    from fairlead.api.names import DEFAULT_NAMESPACE
    from fairlead.errors import ForbiddenError
    from fairlead.objects.ref import GroupKind
    from fairlead.objects.selector import parse_label_selector

    try:
        listed = await client.list(
            GroupKind("apps", "Deployment"),
            namespace=DEFAULT_NAMESPACE,
            label_selector=f"{COMPONENT_LABEL}=fairlead",
        )
    except ForbiddenError:
        return said
    for deployment in listed.items:
        for params in _runs(deployment):
            namespace = params["watch_namespace"] or (None if params["watch_all_namespaces"] else DEFAULT_NAMESPACE)
            selects = parse_label_selector(params["watch_label_selector"])
            if namespace in (None, owner.metadata.namespace) and selects(owner.metadata.labels):
                return said.over(_flags(params))
    return said


def _flags(params: Mapping[str, Any]) -> ControllerFlags:
    left = params["leave_flux_scale"]
    return ControllerFlags(
        sops_age_secret=params["sops_age_secret"],
        no_cross_namespace_refs=params["no_cross_namespace_refs"],
        no_remote_bases=params["no_remote_bases"],
        leave_flux_scale=not params["alongside_flux"] if left is None else left,
        label_selector=params["watch_label_selector"],
    )


def _runs(deployment: Manifest) -> Iterator[Mapping[str, Any]]:
    """The flags of each container that runs controllers; those that this version does not know are left out."""
    from fairlead.cli.run import run
    from fairlead.objects.manifest import part

    for container in part(part(deployment, "spec", "template"), "spec").get("containers") or ():
        words = [*(container.get("command") or ()), *(container.get("args") or ())]
        if "run" not in words:
            continue
        context = click.Context(run, ignore_unknown_options=True, allow_extra_args=True, resilient_parsing=True)
        run.parse_args(context, [str(word) for word in words[words.index("run") + 1 :]])
        yield context.params
