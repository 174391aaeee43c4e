"""Transformers, generators and validators with files of their own: kustomize's built-in kinds.

Programs, Go plugins and container functions are refused, as Flux refuses them: a build runs nothing that a repository
brings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .config import spec_from
from .errors import KustomizeError, prefixed
from .fieldpaths import Create, FieldSpec, apply_spec
from .generators import make_config_map, make_secret
from .hashes import add_hashes
from .patches import load_json_patch, load_merge_patches, load_patch
from .replacements import apply_replacements, load_replacements
from .resource import Resource
from .selectors import make_selector
from .steps import Step, image_step, replica_step
from .transformers import add_affix, move_into_namespace, require_scalar, set_annotations, set_labels, set_namespace
from .typed import (
    BOOL,
    FIELD_SPEC,
    GENERATOR_FIELDS,
    IMAGE,
    INT,
    PATCH,
    REPLACEMENT_FIELD,
    REPLICA,
    SECRET_FIELDS,
    SELECTOR,
    STRING,
    ListOf,
    MapOf,
    Struct,
    decode,
)
from .values import MISSING, Value, is_null, plain, resolve, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .collection import Collection
    from .context import Context
    from .loader import Loader

__all__ = ["generate", "transformer_step"]

_SPECS: Final = ListOf(FIELD_SPEC)
_META: Final = Struct("ObjectMeta", {"name": STRING, "namespace": STRING})
_TARGETS: Final = ListOf(Struct("Target", {"selector": SELECTOR, "fieldPath": STRING, "filePathPosition": INT}))
_SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "AnnotationsTransformer": {"annotations": MapOf(STRING), "fieldSpecs": _SPECS},
    "HashTransformer": {},
    "ImageTagTransformer": {"imageTag": IMAGE, "fieldSpecs": _SPECS},
    "LabelTransformer": {"labels": MapOf(STRING), "fieldSpecs": _SPECS},
    "NamespaceTransformer": {
        "metadata": _META,
        "fieldSpecs": _SPECS,
        "unsetOnly": BOOL,
        "setRoleBindingSubjects": STRING,
    },
    "PatchJson6902Transformer": {"target": SELECTOR, "path": STRING, "jsonOp": STRING},
    "PatchStrategicMergeTransformer": {"paths": ListOf(STRING), "patches": STRING},
    "PatchTransformer": PATCH.fields,
    "PrefixTransformer": {"prefix": STRING, "fieldSpecs": _SPECS},
    "SuffixTransformer": {"suffix": STRING, "fieldSpecs": _SPECS},
    "PrefixSuffixTransformer": {"prefix": STRING, "suffix": STRING, "fieldSpecs": _SPECS},
    "ReplacementTransformer": {"replacements": ListOf(REPLACEMENT_FIELD)},
    "ReplicaCountTransformer": {"replica": REPLICA, "fieldSpecs": _SPECS},
    "ValueAddTransformer": {"value": STRING, "targets": _TARGETS, "targetFilePath": STRING},
    "ConfigMapGenerator": {"metadata": _META, **GENERATOR_FIELDS},
    "SecretGenerator": {"metadata": _META, **SECRET_FIELDS},
    "IAMPolicyGenerator": {
        "cloud": STRING,
        "kubernetesService": Struct("KubernetesService", {"name": STRING, "namespace": STRING}),
        "serviceAccount": Struct("ServiceAccount", {"name": STRING, "projectId": STRING}),
    },
    "HelmChartInflationGenerator": {},
}


def _settings(resource: Resource) -> dict[str, Any]:
    """The settings in a plugin's file; raises for kinds that are not built in."""
    current = resource.current
    if current.group or current.version != "builtin":
        raise KustomizeError(
            f"external plugins disabled; unable to load external plugin '{current.kind}': programs, Go plugins and "
            "container functions are never run by a build"
        )
    fields = _SETTINGS.get(current.kind)
    if fields is None:
        raise KustomizeError(f"unable to load builtin {current.gvk}")
    if current.kind == "HelmChartInflationGenerator":
        raise KustomizeError("HelmChartInflationGenerator: helm charts in a kustomization are not built yet")
    with prefixed(f"plugin {resource.original} fails configuration"):
        decoded: dict[str, Any] = decode(Struct(current.kind, fields), plain(resource.value), strict=False)
    return decoded


def transformer_step(resource: Resource, loader: Loader, context: Context) -> Step:
    """The step that a transformer's file describes."""
    settings = _settings(resource)
    kind = resource.kind
    if kind.endswith("Generator"):
        raise KustomizeError(f"plugin {resource.original} not a transformer")
    specs = tuple(map(spec_from, settings.get("fieldSpecs") or ()))
    about = f"{kind} {resource.name}"
    with prefixed(f"plugin {resource.original} fails configuration"):
        if kind == "ImageTagTransformer":
            return image_step(settings.get("imageTag") or {}, specs, about)
        if kind == "ReplicaCountTransformer":
            return replica_step(settings.get("replica") or {}, specs, about)
        if kind == "ValueAddTransformer":
            return _value_add(settings, loader)
        return Step(kind, _runner(kind, settings, specs, loader, context), about)


def _runner(
    kind: str, settings: Mapping[str, Any], specs: tuple[FieldSpec, ...], loader: Loader, context: Context
) -> Any:
    read = loader.read
    if kind == "AnnotationsTransformer":
        return lambda items, _: set_annotations(items, settings.get("annotations") or {}, specs)
    if kind == "LabelTransformer":
        return lambda items, _: set_labels(items, settings.get("labels") or {}, specs)
    if kind == "HashTransformer":
        return lambda items, _: add_hashes(items)
    if kind == "PatchTransformer":
        patch = load_patch(settings, read, lenient=context.lenient)
        return patch.apply if patch is not None else lambda items, _: None
    if kind == "PatchStrategicMergeTransformer":
        return load_merge_patches(settings.get("paths") or (), settings.get("patches") or "", read).apply
    if kind == "PatchJson6902Transformer":
        path, text = settings.get("path") or "", settings.get("jsonOp") or ""
        return load_json_patch(settings.get("target"), path, text, read).apply
    if kind == "ReplacementTransformer":
        loaded = load_replacements(settings.get("replacements") or (), read)
        return lambda items, _: apply_replacements(items, loaded, lenient=context.lenient)
    if kind == "NamespaceTransformer":
        return _namespace(settings, specs)
    return _affixes(settings, specs)


def _affixes(settings: Mapping[str, Any], specs: tuple[FieldSpec, ...]) -> Any:
    if "fieldSpecs" not in settings:
        raise KustomizeError("fieldSpecs is not expected to be nil")
    prefix, suffix = settings.get("prefix") or "", settings.get("suffix") or ""

    def run(items: Collection, _: object) -> None:
        if "prefix" in settings or "suffix" not in settings:
            add_affix(items, specs, prefix=prefix)
        if "suffix" in settings:
            add_affix(items, specs, suffix=suffix)

    return run


def _namespace(settings: Mapping[str, Any], specs: tuple[FieldSpec, ...]) -> Any:
    namespace = (settings.get("metadata") or {}).get("namespace") or ""
    subjects = settings.get("setRoleBindingSubjects") or "defaultOnly"
    if subjects not in ("defaultOnly", "none", "allServiceAccounts"):
        raise KustomizeError(
            f'invalid value "{subjects}" for setRoleBindingSubjects: '
            'must be one of "defaultOnly", "none" or "allServiceAccounts"'
        )
    unset_only = bool(settings.get("unsetOnly"))
    return lambda items, _: set_namespace(items, namespace, specs, unset_only=unset_only, subjects=subjects)


def _value_add(settings: Mapping[str, Any], loader: Loader) -> Step:
    value = (settings.get("value") or "").strip() or loader.shown_root.rpartition("/")[2]
    targets = list(settings.get("targets") or ())
    if settings.get("targetFilePath"):
        from fairlead.objects.yaml import load

        more = load(loader.read(settings["targetFilePath"]), file=settings["targetFilePath"])
        targets += decode(Struct("Targets", {"targets": _TARGETS}), more or {}, strict=False).get("targets") or []
    if not targets:
        raise KustomizeError("must specify at least one target")
    for target in targets:
        if not target.get("fieldPath"):
            raise KustomizeError("fieldPath cannot be empty")
        if (target.get("filePathPosition") or 0) < 0:
            raise KustomizeError(f"value of FilePathPosition ({target['filePathPosition']}) cannot be negative")

    def run(items: Collection, _: object) -> None:
        for target in targets:
            _add_value(items, value, target)
        items.identities_changed()

    return Step("ValueAddTransformer", run)


def _add_value(items: Collection, value: str, target: Mapping[str, Any]) -> None:
    selector = target.get("selector")
    selected = items.items if selector is None else items.select(make_selector(selector))
    path, position = target["fieldPath"], target.get("filePathPosition") or 0

    def put(old: Value) -> Value:
        require_scalar(old)
        text = "" if old is MISSING or is_null(old) else text_of(old)
        return resolve(_inserted(text, position - 1, value)) if position else resolve(value)

    for resource in selected:
        if path == "metadata/namespace":
            move_into_namespace(resource, lambda _: value, (), "defaultOnly")
        else:
            spec = FieldSpec(resource.current.gvk, path, create=True)
            apply_spec(resource, spec, put, Create.SCALAR)


def _inserted(path: str, at: int, part: str) -> str:
    """The path with one part more; positions count from the first name, whether the path is absolute or not."""
    if not part:
        return path
    parts = path.split("/") if path else []
    at = min(max(at, 0), len(parts))
    if parts and parts[0] == "" and at < len(parts):
        at += 1
    return "/".join([*parts[:at], part, *parts[at:]])


def generate(resource: Resource, loader: Loader) -> list[Resource]:
    """The resources that a generator's file describes."""
    settings = _settings(resource)
    metadata = settings.pop("metadata", None) or {}
    makers: dict[str, Callable[[Mapping[str, Any], Callable[[str], bytes]], Resource]] = {
        "ConfigMapGenerator": make_config_map,
        "SecretGenerator": make_secret,
    }
    if resource.kind in makers:
        for key in ("name", "namespace"):
            settings[key] = settings.get(key) or metadata.get(key) or ""
        return [makers[resource.kind](settings, loader.read)]
    if resource.kind == "IAMPolicyGenerator":
        return [_policy(settings)]
    raise KustomizeError(f"plugin {resource.original} not a generator")


def _policy(settings: Mapping[str, Any]) -> Resource:
    cloud = settings.get("cloud") or ""
    if cloud != "gke":
        raise KustomizeError(f"cloud provider {cloud} not supported yet")
    account, service = settings.get("serviceAccount") or {}, settings.get("kubernetesService") or {}
    email = f"{account.get('name', '')}@{account.get('projectId', '')}.iam.gserviceaccount.com"
    metadata = {"annotations": {"iam.gke.io/gcp-service-account": email}, "name": service.get("name", "")}
    if service.get("namespace"):
        metadata["namespace"] = service["namespace"]
    return Resource({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
