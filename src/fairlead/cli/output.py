"""``-o json|yaml``: objects as data on stdout."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["output_option", "print_data", "print_objects"]

output_option = click.option(
    "-o", "--output", type=click.Choice(["json", "yaml"]), help="Print data instead of a table."
)


def print_objects(objects: list[dict[str, Any]], form: str, *, single: bool) -> None:
    """One object alone, several as a ``List``, like kubectl; without ``managedFields``, which nobody reads."""
    for manifest in objects:
        manifest["metadata"].pop("managedFields", None)
    if single and len(objects) == 1:
        print_data(objects[0], form)
    else:
        print_data({"apiVersion": "v1", "kind": "List", "items": objects}, form)


def print_data(value: Any, form: str) -> None:
    if form == "json":
        import json

        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        from fairlead.objects import yaml

        click.echo(yaml.dump(value), nl=False)
