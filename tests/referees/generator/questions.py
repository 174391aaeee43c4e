"""Questions for the referee: shapes of folders and specs, one JSON object per line.

python questions.py | go run . > answers.jsonl
"""

from __future__ import annotations

import json
import sys

CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
HEAD = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
IMAGE = "images: [{name: web, newName: other, newTag: '1', digest: ''}, {name: db, digest: 'sha256:1'}]\n"
PATCHES = "patches: [{path: p.yaml}]\ncomponents: [../c]\n"

FOLDERS: list[dict[str, str]] = [
    {},
    {"README.md": "soon"},
    {"a.yaml": CM},
    {"b.yaml": CM, "a.yml": CM, "c.json": "{}", "d.YAML": CM, ".hidden.yaml": CM},
    {"z/a.yaml": CM, "a/z.yaml": CM, "m.yaml": CM, "a.yaml": CM, "a-b/c.yaml": CM},
    {"x/y/z/a.yaml": CM, "x/y/b.yaml": CM, "x-y.yaml": CM, "x.yaml": CM},
    {"sub/kustomization.yaml": HEAD, "sub/a.yaml": CM, "sub/deep/b.yaml": CM, "c.yaml": CM},
    {"sub/kustomization.yml": HEAD, "other/Kustomization": HEAD, "other/a.yaml": CM},
    {"sub/kustomization.yaml/a.yaml": CM},
    {"kustomization.yaml/a.yaml": CM},
    {"kustomization.yaml": HEAD + "resources: [a.yaml]\n", "a.yaml": CM, "b.yaml": CM},
    {"kustomization.yml": HEAD + "resources: [a.yaml]\n", "a.yaml": CM},
    {"Kustomization": HEAD + "resources: [a.yaml]\n", "a.yaml": CM},
    {"Kustomization": HEAD + "namespace: one\n", "kustomization.yml": HEAD + "namespace: two\n"},
    {"kustomization.yaml": ""},
    {"kustomization.yaml": HEAD},
    {"kustomization.yaml": HEAD + "configMapGenerator: [{name: g, literals: [a=b]}]\n"},
    {"kustomization.yaml": HEAD + "resources: []\nnamespace: x\n"},
    {"kustomization.yaml": HEAD + "resources: [a.yaml]\nbuildMetadata: [managedByLabel]\n", "a.yaml": CM},
    {"kustomization.yaml": HEAD + "buildMetadata: [managedByLabel]\n"},
    {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": CM},
    {"kustomization.yaml": HEAD + "resources: [a.yaml]\n" + IMAGE, "a.yaml": CM},
    {"kustomization.yaml": HEAD + "resources: [a.yaml]\n" + PATCHES, "a.yaml": CM},
    {
        "kustomization.yaml": HEAD + "namespace: was\nnamePrefix: p-\nnameSuffix: -s\nresources: [a.yaml]\n",
        "a.yaml": CM,
    },
    {"kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncomponents: [../c]\n"},
    {"kustomization.yaml": "- a\n"},
    {"kustomization.yaml": HEAD + "images: {}\n"},
    {"a.yaml": "kind: [\n"},
    {"a.yaml": "just: text\n"},
    {"a.yaml": "# nothing\n"},
    {"a.yaml": "---\n---\n" + CM},
]

SPECS: list[dict[str, object]] = [
    {},
    {
        "targetNamespace": "team",
        "namePrefix": "pre-",
        "nameSuffix": "-post",
        "buildMetadata": ["originAnnotations"],
    },
    {
        "patches": [
            {"patch": "one", "target": {"kind": "Deployment", "name": "a.*", "labelSelector": "a=b"}},
            {"patch": "two"},
        ],
        "components": ["../c", "deeper"],
        "images": [
            {"name": "web", "newTag": "2"},
            {"name": "db", "newName": "pg"},
            {"name": "new", "digest": "sha256:2"},
        ],
    },
    {"components": ["../missing", "./here", "../../../far"], "ignoreMissingComponents": True},
    {"components": ["https://example.com/x"]},
    {"components": ["/absolute"]},
]


def main() -> None:
    for files in FOLDERS:
        for spec in SPECS:
            placed = {f"apps/{path}": text for path, text in files.items()} | {"apps/here/k.txt": "", "c/k.txt": ""}
            json.dump({"files": placed, "folder": "apps", "spec": spec}, sys.stdout)
            sys.stdout.write("\n")


if __name__ == "__main__":
    main()
