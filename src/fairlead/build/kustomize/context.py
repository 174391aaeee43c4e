"""What the targets of one build share: options, schemas, caches, warnings, the trace of origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.errors import BuildError

from .errors import KustomizeError, MalformedYamlError
from .identity import CLUSTER_SCOPED, KNOWN_KINDS
from .metadata import adopt_annotations
from .parse import Parsed, parse_documents
from .resource import Resource
from .schema import Document, builtin_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from .collection import Collection
    from .loader import Loader
    from .steps import Step
    from .target import Layer, Target

__all__ = ["Context"]

_MOST_RESOURCES = 50_000
"""More resources than any cluster takes from one kustomization; ends builds that multiply without bound."""


class Context:
    """The state of one build."""

    def __init__(self, *, lenient: bool) -> None:
        self.lenient = lenient
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
        text = loader.read(path)
        try:
            parsed = parse_documents(text)
        except MalformedYamlError as error:
            raise MalformedYamlError(f"{error} in File: {path}") from error
        return self._made(parsed)

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
        """What a folder builds to."""
        return build(loader)

    def run_step(self, step: Step, resources: Collection, target: Target) -> None:
        step.run(resources, self.schemas)

    def trace_generated(self, resource: Resource, target: Target, about: str) -> None:
        """Nothing to do without a trace."""

    def check(self, layer: Layer) -> None:
        """Ends a build that grows beyond all bounds."""
        if len(layer.resources) > _MOST_RESOURCES:
            raise KustomizeError(f"the build has more than {_MOST_RESOURCES} resources")
