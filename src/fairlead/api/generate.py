"""``python -m fairlead.api.generate [--check]``: writes ``crds/*.yaml``, or fails when they are not up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from fairlead.api.definitions import DEFINITIONS, Definition, crd
from fairlead.objects.yaml import dump

FOLDER = Path(__file__).parent / "crds"
HEADER = "# Generated from fairlead.api by `make generate`; do not edit.\n"


def render(definition: Definition) -> str:
    return HEADER + dump(crd(definition))


def main(arguments: list[str]) -> int:
    expected = {FOLDER / f"{definition.name}.yaml": render(definition) for definition in DEFINITIONS}
    stale = [path for path, text in expected.items() if not path.exists() or path.read_text() != text]
    unknown = [path for path in FOLDER.glob("*.yaml") if path not in expected]
    if "--check" in arguments:
        for path in [*stale, *unknown]:
            sys.stderr.write(f"{path.name} is not up to date: run `make generate`\n")
        return 1 if stale or unknown else 0
    for path in stale:
        path.write_text(expected[path])
    for path in unknown:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
