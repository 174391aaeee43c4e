"""A whole build: the top target, then what is done once at the end, then the result."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fairlead.build.tree import ReadSet, RecordingTree
from fairlead.objects.yaml_writer import write

from .context import Context
from .errors import KustomizeError
from .hashes import add_hashes
from .loader import Loader
from .metadata import finish_annotations, is_local
from .ordering import sort_resources
from .parse import check_printable, check_resource
from .references import update_references
from .steps import METADATA_LABELS
from .target import Layer, Target
from .transformers import set_labels
from .values import plain
from .variables import resolve_variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairlead.objects.tree import Tree

    from .cache import BuildCache
    from .remote import Fetcher
    from .resource import Resource

__all__ = ["KustomizeOptions", "KustomizeResult", "build", "render"]

MANAGED_BY: Final = "kustomize-v5.8.1"
"""What the managed-by label says: the release of kustomize whose behaviour this engine has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KustomizeOptions:
    """How to build; the defaults are those of a library caller, and of Flux."""

    root_only: bool = True
    """Files must be in or below the folder of the kustomization that names them; ``False`` allows the whole tree."""
    legacy_order: bool = False
    """Sort by kind when the kustomization does not say how to sort."""
    managed_by_label: bool = False
    """Label every object ``app.kubernetes.io/managed-by``."""
    lenient: bool = True
    """Allow what kustomize allows since 5.7: a patch file without content, and ``.*`` as the only pattern of a
    target."""
    origins: bool = False
    """Tell for every leaf of every object where it comes from; costs time, and nothing is shared with other builds."""
    cache: BuildCache | None = None
    """Shares parsed files and built bases with other builds; ``None`` shares nothing."""
    fetcher: Fetcher | None = None
    """Brings remote bases; ``None`` refuses them with a clear error: the build works offline."""


@dataclass(frozen=True, slots=True)
class KustomizeResult:
    """What a build gives."""

    resources: Sequence[Resource]
    read_set: ReadSet
    """What the build read, listed or missed in its tree; as long as it holds, so does the result."""
    warnings: tuple[str, ...] = ()
    _objects: list[dict[str, Any]] = field(default_factory=list, repr=False)

    @property
    def origins(self) -> list[Any]:
        """For each object a structure like it with an ``Origin`` for each leaf; empty unless the options ask for it."""
        return [resource.traces for resource in self.resources if resource.traces is not None]

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The objects as the API server would get them from the printed text; they are the caller's to change."""
        if not self._objects:
            with _shallow():
                self._objects.extend(plain(resource.value) for resource in self.resources)
        return self._objects


def build(tree: Tree, folder: str, options: KustomizeOptions | None = None) -> KustomizeResult:
    """Builds the kustomization in a folder; raises :class:`KustomizeError`, or what the fetcher raises."""
    options = options or KustomizeOptions()
    recorder = RecordingTree(tree)
    context = _context(options)
    loader = Loader.at(recorder, folder, restricted=options.root_only, fetcher=options.fetcher)
    target = Target(context, loader, None)
    wanted = target.kustomization.list("buildMetadata")
    if wanted:
        target.origin = {}
    target.choose_schemas(top=True)
    with _shallow():
        layer = target.accumulate(Layer())
        _finish(layer, target, options)
        context.after("buildMetadata", layer.resources, lambda: _finish_annotations(layer, wanted))
    return KustomizeResult(layer.resources.items, recorder.read_set(), tuple(context.warnings))


def _context(options: KustomizeOptions) -> Context:
    if not options.origins:
        return Context(lenient=options.lenient, cache=options.cache)
    from .tracing import TracingContext  # who does not ask for origins pays nothing, not even the import

    return TracingContext(lenient=options.lenient)


@contextmanager
def _shallow() -> Iterator[None]:
    """Nesting that Python cannot follow is the user's error: files are checked, but patches may add levels."""
    try:
        yield
    except RecursionError as error:
        raise KustomizeError("something is nested too deeply to be built") from error


def _finish_annotations(layer: Layer, wanted: Sequence[str]) -> None:
    for resource in layer.resources:
        finish_annotations(resource, wanted)


def _finish(layer: Layer, target: Target, options: KustomizeOptions) -> None:
    """Once, at the top: hashes, references, variables; local resources go; sorting; the managed-by label."""
    resources = layer.resources
    context = target.context
    context.after("name hash", resources, lambda: add_hashes(resources))
    context.after("name reference", resources, lambda: update_references(resources, layer.config))
    context.after("vars", resources, lambda: _resolve(layer, context))
    for resource in resources:
        check_resource(resource.value)
    if any(is_local(resource) for resource in resources):
        resources.items = [resource for resource in resources if not is_local(resource)]
    sort_options = target.kustomization.fields.get("sortOptions")
    sort_resources(resources, sort_options, legacy_by_default=options.legacy_order)
    if options.managed_by_label or "managedByLabel" in target.kustomization.list("buildMetadata"):
        labels = {"app.kubernetes.io/managed-by": MANAGED_BY}
        context.after("managedByLabel", resources, lambda: set_labels(resources, labels, (METADATA_LABELS,)))
    if context.odd:
        for resource in resources:
            check_printable(resource.value)


def _resolve(layer: Layer, context: Context) -> None:
    unused = resolve_variables(layer.resources, layer.variables, layer.config["varReference"])
    if unused:
        context.warnings.append(f"well-defined vars that were never replaced: {','.join(unused)}\n")


def render(result: KustomizeResult, cache: BuildCache | None = None) -> str:
    """The text that ``kustomize build`` prints; with a cache, objects that were printed before are not printed
    again."""
    with _shallow():
        if cache is None:
            return "---\n".join(write(resource.value) for resource in result.resources)
        return "---\n".join(_written(resource.value, cache) for resource in result.resources)


def _written(value: dict[str, Any], cache: BuildCache) -> str:
    known = cache.peek(("text", id(value)))
    if known is not None and known[0] is value:
        return str(known[1])
    text = write(value)
    cache.put(("text", id(value)), (value, text), len(text))
    return text
