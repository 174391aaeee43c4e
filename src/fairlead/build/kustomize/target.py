"""One kustomization and what it leads to: resources, configuration, generators, components, transformers, validators.

This is the order of a build. Folders below are built completely and then appended; components go on with what is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairlead.errors import BuildError

from .collection import Collection
from .config import EMPTY, Config, default_config, parse_config
from .crds import config_from_crds
from .errors import KustomizeError, MalformedYamlError, prefixed
from .generators import make_config_map, make_secret, merge_options
from .kustomization import FILE_NAMES, Kustomization
from .metadata import Origin, builtin_origin, note_transformation, origin_below, plugin_origin
from .plugins import generate, transformer_step
from .schema import choose_document
from .steps import Step, builtin_steps
from .variables import Variable, add_variables, merge_variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .context import Context
    from .loader import Loader
    from .resource import Resource

__all__ = ["Layer", "Target"]


@dataclass(slots=True)
class Layer:
    """What has been gathered: resources, configuration, variables."""

    resources: Collection = field(default_factory=Collection)
    config: Config = EMPTY
    variables: dict[str, Variable] = field(default_factory=dict)

    def take(self, other: Layer) -> None:
        """Appends all that another layer gathered; raises when identities or variables collide."""
        self.resources.extend(other.resources)
        self.config = self.config.merge(other.config)
        merge_variables(self.variables, other.variables.values())


class Target:
    """A folder with a kustomization file."""

    def __init__(self, context: Context, loader: Loader, origin: Origin | None) -> None:
        self.context = context
        self.loader = loader
        self.origin = origin
        self.kustomization = self._load()

    def _load(self) -> Kustomization:
        found = [(name, text) for name in FILE_NAMES if (text := self.loader.read_here(name)) is not None]
        if not found:
            raise KustomizeError(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory "
                f"'{self.loader.shown_root}'"
            )
        if len(found) > 1:
            raise KustomizeError(f"Found multiple kustomization files under: {self.loader.shown_root}\n")
        name, text = found[0]
        self.context.enter(self.loader.root)
        return self.context.kustomization(text, name, self.loader.shown_root)

    def choose_schemas(self, *, top: bool) -> None:
        """Takes the schema document that the file names; the first one in a build wins."""
        openapi = self.kustomization.map("openapi")
        text = self.loader.read(openapi["path"]) if "path" in openapi else None
        if top or not self.context.schemas_chosen:
            with_builtin = self.context.saw_unknown_kind
            self.context.choose_schemas(choose_document(openapi, text, with_builtin=with_builtin))

    def accumulate(self, layer: Layer) -> Layer:
        """Builds this kustomization on top of a layer: an empty one, or a component's parent."""
        kustomization, context = self.kustomization, self.context
        with prefixed("accumulating resources"):
            self._add_resources(layer, kustomization.list("resources"))
        layer.config = layer.config.merge(self._configuration())
        self._run_generators(layer)
        with prefixed("accumulating components"):
            for path in kustomization.list("components"):
                layer = self._with_component(layer, path)
        self._run_transformers(layer)
        self._run_validators(layer)
        entries = kustomization.list("vars")
        if entries:
            with prefixed("merging vars"):
                layer.variables = add_variables(layer.variables, entries, layer.resources)
        context.check(layer)
        return layer

    def _configuration(self) -> Config:
        config = default_config()
        for path in self.kustomization.list("configurations"):
            config = config.merge(parse_config(self.loader.read(path), path))
        crds = self.kustomization.list("crds")
        with prefixed(f"loading CRDs [{' '.join(crds)}]"):
            for path in crds:
                config = config.merge(config_from_crds(self.loader.read(path), path))
        return config

    def _add_resources(self, layer: Layer, paths: Iterable[str]) -> None:
        """Each path is tried as a file, then as a folder or repository."""
        for path in paths:
            try:
                self._add_file(layer, path)
            except BuildError as file_error:
                try:
                    below = self.loader.into(path)
                except BuildError as error:
                    if isinstance(file_error, MalformedYamlError):
                        raise file_error from None
                    with prefixed(f"accumulation err='{file_error}'"):
                        raise error from file_error
                with prefixed(f"accumulation err='{file_error}'"):
                    layer.take(self._built_below(below, path))

    def _add_file(self, layer: Layer, path: str) -> None:
        with prefixed(f"accumulating resources from '{path}'"):
            resources = self.context.resources_of(self.loader, path)
        if self.origin is not None:
            origin = origin_below(self.origin, path)
            for resource in resources:
                resource.origin = origin
        with prefixed(f"merging resources from '{path}'"):
            layer.resources.extend(resources)

    def _built_below(self, loader: Loader, path: str) -> Layer:
        """What the folder at ``path`` builds to, by itself."""

        def build(loader: Loader) -> Layer:
            target = self._target_below(loader, path)
            if target.kustomization.is_component:
                raise KustomizeError(f"expected kind != 'Component' for path '{loader.shown_root}'")
            with prefixed(f"recursed accumulation of path '{loader.shown_root}'"):
                return target.accumulate(Layer())

        return self.context.base(loader, build, tracked=self.origin is not None)

    def _target_below(self, loader: Loader, path: str) -> Target:
        origin = None if self.origin is None else origin_below(self.origin, path)
        with prefixed(f"couldn't make target for path '{loader.shown_root}'"):
            target = Target(self.context, loader, origin)
        target.choose_schemas(top=False)
        return target

    def _with_component(self, layer: Layer, path: str) -> Layer:
        try:
            loader = self.loader.into(path)
        except BuildError as error:
            raise KustomizeError(f'loader.New "{error}"') from error
        try:
            target = self._target_below(loader, path)
            if not target.kustomization.is_component:
                raise KustomizeError(
                    f"expected kind 'Component' for path '{loader.shown_root}' but got '{target.kustomization.kind}'"
                )
            with prefixed(f"recursed accumulation of path '{loader.shown_root}'"):
                return target.accumulate(layer)
        except BuildError as error:
            raise KustomizeError(f'accumulateDirectory: "{error}"') from error

    def _run_generators(self, layer: Layer) -> None:
        """All resources are generated before the first one is taken in."""
        generated = [*self._builtin_generators(), *self._file_generators()]
        for resource, origin, about in generated:
            resource.scopes = self.context.schemas.scopes
            if resource.origin is None:
                resource.origin = origin
            self.context.trace_generated(resource, self, about)
            with prefixed("merging from generator"):
                self.context.merge_generated(resource, layer.resources)

    def _builtin_generators(self) -> Iterable[tuple[Resource, Origin | None, str]]:
        kustomization = self.kustomization
        shared = kustomization.fields.get("generatorOptions")
        for name, kind, make in (
            ("configMapGenerator", "ConfigMapGenerator", make_config_map),
            ("secretGenerator", "SecretGenerator", make_secret),
        ):
            origin = None if self.origin is None else builtin_origin(self.origin, kustomization.file, kind)
            for index, entry in enumerate(kustomization.list(name)):
                options = merge_options(entry.get("options"), shared)
                yield make({**entry, "options": options}, self.loader.read), origin, f"{name}[{index}]"
        if kustomization.list("helmCharts"):
            raise KustomizeError("helmCharts: helm charts in a kustomization are not built yet")

    def _file_generators(self) -> Iterable[tuple[Resource, Origin | None, str]]:
        with prefixed("loading generator plugins"):
            for resource in self._plugin_files(self.kustomization.list("generators"), "generator"):
                with prefixed("failed to load generator"):
                    found = generate(resource, self.loader)
                origin = plugin_origin(resource)
                for made in found:
                    yield made, origin, f"{resource.kind} {resource.name}"

    def _plugin_files(self, texts: Sequence[str], what: str) -> Collection:
        """The settings of plugins: each text is one, or the path of a file or folder with some."""
        layer = Layer()
        paths = []
        for text in texts:
            inline = self.context.inline_resources(text)
            if inline is None:
                paths.append(text)
                continue
            for resource in inline:
                if self.origin is not None:
                    resource.origin = origin_below(self.origin, self.kustomization.file)
            with prefixed(f"configuring external {what}"):
                layer.resources.extend(inline)
        self._add_resources(layer, paths)
        return layer.resources

    def _run_transformers(self, layer: Layer) -> None:
        steps = builtin_steps(self.kustomization, layer.config, self.context, self.loader.read)
        tracked: list[tuple[Step, Origin | None]] = [
            (step, None if self.origin is None else builtin_origin(self.origin, self.kustomization.file, step.kind))
            for step in steps
        ]
        tracked += [
            (transformer_step(resource, self.loader, self.context), plugin_origin(resource))
            for resource in self._plugin_files(self.kustomization.list("transformers"), "transformer")
        ]
        for step, origin in tracked:
            self.context.run_step(step, layer.resources, self)
            if origin is not None:
                note_transformation(layer.resources, origin)
            layer.resources.drop_empty()

    def _run_validators(self, layer: Layer) -> None:
        for resource in self._plugin_files(self.kustomization.list("validators"), "transformer"):
            step = transformer_step(resource, self.loader, self.context)
            before = {item.current: _unvalidated(item.value) for item in layer.resources}
            step.run(layer.resources, self.context.schemas)
            after = {item.current: _unvalidated(item.value) for item in layer.resources}
            _refuse_changes(before, after)


def _unvalidated(value: dict[str, Any]) -> dict[str, Any]:
    """The value without the one label that a validator may add."""
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        return value
    labels = metadata.get("labels")
    if not isinstance(labels, dict) or "validated-by" not in labels:
        return value
    rest = {key: item for key, item in labels.items() if key != "validated-by"}
    kept = {key: item for key, item in metadata.items() if key != "labels"}
    return {**value, "metadata": {**kept, "labels": rest} if rest else kept}


def _refuse_changes(before: dict[Any, Any], after: dict[Any, Any]) -> None:
    problem = "validator shouldn't modify the resource map"
    if len(before) != len(after):
        raise KustomizeError(f"{problem}: lists have different number of entries: {len(before)} and {len(after)}")
    for identity, value in before.items():
        if identity not in after:
            raise KustomizeError(f"{problem}: id in self missing from other; id: {identity}")
        if after[identity] is not value and after[identity] != value:
            raise KustomizeError(f"{problem}: nodes unequal: {identity}")
