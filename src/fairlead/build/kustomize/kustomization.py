"""A kustomization file: read strictly, old fields rewritten, defaults filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from fairlead.objects.yaml_reader import SIGS_LENIENT, YamlError, read_documents

from .errors import KustomizeError, prefixed
from .typed import KUSTOMIZATION, decode

__all__ = ["FILE_NAMES", "Kustomization", "parse_kustomization"]

FILE_NAMES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_API_VERSIONS: Final = {
    "Kustomization": "kustomize.config.k8s.io/v1beta1",
    "Component": "kustomize.config.k8s.io/v1alpha1",
}
_EDIT_FIX: Final = "Run 'kustomize edit fix' to update your Kustomization automatically."
_DEPRECATED: Final = {
    "bases": f"resources' instead. {_EDIT_FIX}",
    "commonLabels": f"labels' instead. {_EDIT_FIX}",
    "imageTags": f"images' instead. {_EDIT_FIX}",
    "patchesJson6902": f"patches' instead. {_EDIT_FIX}",
    "patchesStrategicMerge": f"patches' instead. {_EDIT_FIX}",
    "vars": f"replacements' instead. [EXPERIMENTAL] {_EDIT_FIX}",
}


@dataclass(frozen=True, slots=True)
class Kustomization:
    """The decoded file. Fields are asked for by their name in the file; what is absent is empty."""

    file: str
    kind: str
    fields: dict[str, Any]
    warnings: tuple[str, ...] = field(default=())

    def list(self, name: str) -> list[Any]:
        return self.fields.get(name) or []

    def map(self, name: str) -> dict[str, Any]:
        return self.fields.get(name) or {}

    def text(self, name: str) -> str:
        return self.fields.get(name) or ""

    @property
    def is_component(self) -> bool:
        return self.kind == "Component"


def parse_kustomization(text: bytes, file: str, folder: str) -> Kustomization:
    """Decodes a file; ``folder`` is named in messages."""
    with prefixed("invalid Kustomization"):
        try:
            value = next(read_documents(text, SIGS_LENIENT, file=file), None)
        except YamlError as error:
            line = f"line {error.go_lines[0]}: " if error.go_lines[0] else ""
            raise KustomizeError(f"yaml: {line}{error.problem.removeprefix('yaml: ')}") from error
        fields: dict[str, Any] = decode(KUSTOMIZATION, value if value is not None else {}, strict=True, coerce=False)
    warnings = tuple(
        f"# Warning: '{name}' is deprecated. Please use '{advice}"
        for name, advice in _DEPRECATED.items()
        if name in fields
    )
    if all(value == "" for name, value in fields.items() if name not in ("kind", "apiVersion")):
        raise KustomizeError("kustomization.yaml is empty")
    _rewrite_old_fields(fields)
    kind = fields.pop("kind", "") or "Kustomization"
    _check_type(kind, fields.pop("apiVersion", ""), folder)
    return Kustomization(file, kind, fields, warnings)


def _rewrite_old_fields(fields: dict[str, Any]) -> None:
    for old, new in (("bases", "resources"), ("imageTags", "images")):
        if old in fields:
            fields[new] = (fields.get(new) or []) + fields.pop(old)
    for generators in ("configMapGenerator", "secretGenerator"):
        for entry in fields.get(generators) or ():
            if entry.get("env"):
                entry["envs"] = (entry.get("envs") or []) + [entry.pop("env")]
    if fields.get("helmChartInflationGenerator"):
        fields["helmCharts"] = (fields.get("helmCharts") or []) + fields.pop("helmChartInflationGenerator")


def _check_type(kind: str, api_version: str, folder: str) -> None:
    problems = []
    if kind not in _API_VERSIONS:
        problems.append("kind should be Kustomization or Component")
    required = _API_VERSIONS.get(kind, _API_VERSIONS["Kustomization"])
    if api_version and api_version != required:
        problems.append(f"apiVersion for {kind} should be {required}")
    if problems:
        raise KustomizeError(f"Failed to read kustomization file under {folder}:\n" + "\n".join(problems))
