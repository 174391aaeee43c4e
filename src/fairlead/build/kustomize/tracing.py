"""A build that keeps origins: a context that compares every step's outcome with what was there before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.errors import BuildError

from .context import Context
from .origins import Origin, combine, fill, kustomization_origin, patch_origin, retrace, trace_documents
from .parse import parse_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from .collection import Collection
    from .loader import Loader
    from .origins import Step as PathStep
    from .resource import Resource
    from .steps import Step
    from .target import Target

__all__ = ["TracingContext"]


class TracingContext(Context):
    """Like :class:`Context`, with a trace for each resource. Shares nothing between builds."""

    def resources_of(self, loader: Loader, path: str) -> list[Resource]:
        resources = super().resources_of(loader, path)
        located = loader.locate(path) if "://" not in path else path
        traces = trace_documents(loader.read(path), located, [resource.value for resource in resources])
        for resource, trace in zip(resources, traces, strict=False):
            resource.traces = trace
        return resources

    def run_step(self, step: Step, resources: Collection, target: Target) -> None:
        before = [(resource, resource.value) for resource in resources]
        super().run_step(step, resources, target)
        make = self._maker(step, target)
        for resource, value in before:
            resource.traces = retrace(value, resource.value, resource.traces, make)

    def trace_generated(self, resource: Resource, target: Target, about: str) -> None:
        make = self._kustomization_maker(target, about)
        resource.traces = fill(resource.value, make)

    def merge_generated(self, resource: Resource, resources: Collection) -> None:
        before = {id(item): item for item in resources}
        super().merge_generated(resource, resources)
        replaced = [item for key, item in before.items() if all(id(one) != key for one in resources)]
        for merged in resources:
            if id(merged) not in before and merged is not resource and replaced:
                old = replaced[0]
                merged.traces = combine(merged.value, resource.value, resource.traces, old.value, old.traces)

    def after(self, about: str, resources: Collection, work: Callable[[], None]) -> None:
        before = [(resource, resource.value) for resource in resources]
        work()
        for resource, value in before:
            resource.traces = retrace(value, resource.value, resource.traces, lambda _: Origin("", 0, about))

    def _maker(self, step: Step, target: Target) -> Callable[[tuple[PathStep, ...]], Origin]:
        fallback = self._kustomization_maker(target, step.about)
        if not step.file or "," in step.file:
            return fallback
        try:
            text = target.loader.read(step.file)
            values = parse_values(text)
            located = target.loader.locate(step.file)
        except BuildError:
            return fallback
        return patch_origin(text, located, step.about, values, fallback)

    def _kustomization_maker(self, target: Target, about: str) -> Callable[[tuple[PathStep, ...]], Origin]:
        name = target.kustomization.file
        text = target.loader.read_here(name) or b""
        root = target.loader.root
        return kustomization_origin(text, f"{root}/{name}" if root else name, about)
