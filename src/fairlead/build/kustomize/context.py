"""What the targets of one build share: options, schemas, caches, warnings, the trace of origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.build.tree import RecordingTree
from fairlead.errors import BuildError

from .cache import BaseEntry, BuildCache
from .collection import Collection
from .errors import KustomizeError, MalformedYamlError
from .identity import CLUSTER_SCOPED, KNOWN_KINDS
from .kustomization import parse_kustomization
from .loader import is_below
from .metadata import adopt_annotations
from .parse import Parsed, parse_documents
from .resource import Resource
from .schema import Document, builtin_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kustomization import Kustomization
    from .loader import Loader
    from .steps import Step
    from .target import Layer, Target

__all__ = ["Context"]

_MOST_KUSTOMIZATIONS = 3_000
_MOST_RESOURCES = 50_000
"""More resources than any cluster takes from one kustomization; ends builds that multiply without bound."""


class Context:
    """The state of one build."""

    def __init__(self, *, lenient: bool, cache: BuildCache | None = None) -> None:
        self.lenient = lenient
        self._cache = cache
        self.roots: list[str] = []
        """The folders whose kustomizations were read, in order."""
        """Whether the two things that kustomize allows since 5.7 are allowed."""
        self.warnings: list[str] = []
        self.odd = False
        """Whether something was read that must not reach the output."""
        self.saw_unknown_kind = False
        """Whether the built-in schemas were asked about a kind before any document was chosen."""
        self.schemas_chosen = False
        self._schemas: Document | None = None

    @property
    def schemas(self) -> Document:
        """The schema document in force."""
        if self._schemas is None:
            self._schemas = builtin_document()
        return self._schemas

    def choose_schemas(self, document: Document | None) -> None:
        if document is not None:
            self._schemas = document
            self.schemas_chosen = True

    def resources_of(self, loader: Loader, path: str) -> list[Resource]:
        """The resources in a file, new objects each time."""
        try:
            parsed = self._parsed(loader, path)
        except MalformedYamlError as error:
            raise MalformedYamlError(f"{error} in File: {path}") from error
        return self._made(parsed)

    def _parsed(self, loader: Loader, path: str) -> Parsed:
        known = loader.identity(path) if self._cache is not None else None
        if self._cache is None or known is None:
            return parse_documents(loader.read(path))
        identity, size = known
        parsed: Parsed = self._cache.get(("file", identity), size, lambda: parse_documents(loader.read(path)))
        return parsed

    def kustomization(self, text: bytes, file: str, folder: str) -> Kustomization:
        """A parsed kustomization file; its warnings are noted."""
        if self._cache is None:
            found = parse_kustomization(text, file, folder)
        else:
            key = ("kustomization", file, text)
            found = self._cache.get(key, 2 * len(text), lambda: parse_kustomization(text, file, folder))
        self.warnings += found.warnings
        return found

    def inline_resources(self, text: str) -> list[Resource] | None:
        """The resources that a text is; ``None`` when it is a path."""
        try:
            parsed = parse_documents(text.encode(errors="surrogateescape"))
        except BuildError:
            return None
        return self._made(parsed)

    def _made(self, parsed: Parsed) -> list[Resource]:
        scopes = self._schemas.scopes if self._schemas is not None else CLUSTER_SCOPED
        resources = [Resource(value, scopes=scopes, quoted=(parsed.quoted,)) for value in parsed.values]
        for resource, comments in zip(resources, parsed.comments, strict=False):
            resource.comments = comments
        for resource in resources:
            adopt_annotations(resource)
            if not self.saw_unknown_kind and not self.schemas_chosen:
                self.saw_unknown_kind = (resource.api_version, resource.kind) not in KNOWN_KINDS
        self.odd = self.odd or parsed.odd
        return resources

    def base(self, loader: Loader, build: Callable[[Loader], Layer], *, tracked: bool) -> Layer:
        """What a folder builds to; taken from the cache where everything that it depends on is the same."""
        cache = self._cache
        if cache is None or tracked or loader.is_remote:
            return build(loader)
        key = (loader.root, loader.restricted, self.lenient, self.schemas_chosen, id(self._schemas))
        above = loader.roots_above()
        for entry in cache.bases(key):
            if entry.read_set.holds(loader.tree) and not any(
                is_below(one, root) for root in entry.roots for one in above
            ):
                return self._reused(entry, loader)
        recorder = RecordingTree(loader.tree)
        outer = (self.odd, self.saw_unknown_kind, len(self.warnings), len(self.roots), self._schemas)
        self.odd = self.saw_unknown_kind = False
        try:
            layer = build(loader.over(recorder))
            if self._schemas is outer[4]:
                cache.add_base(key, self._entry(layer, recorder, outer[2], outer[3]))
        finally:
            self.odd, self.saw_unknown_kind = self.odd or outer[0], self.saw_unknown_kind or outer[1]
        return layer

    def _entry(self, layer: Layer, recorder: RecordingTree, warnings: int, roots: int) -> BaseEntry:
        return BaseEntry(
            recorder.read_set(),
            tuple(self.roots[roots:]),
            tuple(resource.copy() for resource in layer.resources),
            layer.config,
            dict(layer.variables),
            tuple(self.warnings[warnings:]),
            self.odd,
            self.saw_unknown_kind,
        )

    def _reused(self, entry: BaseEntry, loader: Loader) -> Layer:
        from .target import Layer

        if isinstance(loader.tree, RecordingTree):
            loader.tree.add(entry.read_set)
        self.roots += entry.roots
        self.warnings += entry.warnings
        self.odd = self.odd or entry.odd
        self.saw_unknown_kind = self.saw_unknown_kind or entry.unknown_kind
        copies = Collection(resource.copy() for resource in entry.resources)
        return Layer(copies, entry.config, dict(entry.variables))

    def run_step(self, step: Step, resources: Collection, target: Target) -> None:
        step.run(resources, self.schemas)

    def merge_generated(self, resource: Resource, resources: Collection) -> None:
        resources.merge_generated(resource)

    def after(self, about: str, resources: Collection, work: Callable[[], None]) -> None:
        """Carries out a part of the end of a build; ``about`` names it."""
        work()

    def trace_generated(self, resource: Resource, target: Target, about: str) -> None:
        """Nothing to do without a trace."""

    def enter(self, root: str) -> None:
        """Notes the folder of a kustomization; ends builds that multiply without bound."""
        self.roots.append(root)
        if len(self.roots) > _MOST_KUSTOMIZATIONS:
            raise KustomizeError(f"the build needs more than {_MOST_KUSTOMIZATIONS} kustomizations")

    def check(self, layer: Layer) -> None:
        """Ends a build that grows beyond all bounds."""
        if len(layer.resources) > _MOST_RESOURCES:
            raise KustomizeError(f"the build has more than {_MOST_RESOURCES} resources")
