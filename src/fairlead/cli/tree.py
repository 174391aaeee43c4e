"""``fairlead tree``: what a kustomization manages, and what those of its objects that are kustomizations manage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli import fields
from fairlead.cli.connection import Connection, cluster_options, connect, run_async
from fairlead.cli.groups import Group
from fairlead.cli.kinds import KUSTOMIZATION
from fairlead.cli.output import output_option, print_data
from fairlead.objects.inventory import Inventory
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["tree"]


@dataclass(slots=True)
class Node:
    """One object and what it manages."""

    ref: ObjectRef
    children: list[Node] = field(default_factory=list)

    def data(self) -> dict[str, Any]:
        resource = {"Namespace": self.ref.namespace, "Name": self.ref.name}
        row: dict[str, Any] = {"resource": {**resource, "GroupKind": {"Group": self.ref.group, "Kind": self.ref.kind}}}
        if self.children:
            row["resources"] = [child.data() for child in self.children]
        return row

    def lines(self, prefix: str = "") -> Iterator[str]:
        for index, child in enumerate(self.children):
            last = index == len(self.children) - 1
            yield f"{prefix}{'└── ' if last else '├── '}{child.ref}"
            yield from child.lines(prefix + ("    " if last else "│   "))


@click.group(cls=Group)
def tree() -> None:
    """Show what a resource manages, recursively."""


@click.command()
@click.argument("name")
@click.option("--compact", is_flag=True, help="Only Flux's own kinds.")
@output_option
@cluster_options
@run_async
async def kustomization(name: str, compact: bool, output: str | None, connection: Connection) -> None:
    """Show what the Kustomization NAME manages."""
    root = Node(ObjectRef(KUSTOMIZATION.group, KUSTOMIZATION.name, connection.namespace, name))
    async with connect(connection) as client:
        await client.get(root.ref)
        listing = await client.list(KUSTOMIZATION.group_kind)
        inventories = {_own_ref(manifest): _inventory(manifest) for manifest in listing.items}
    _grow(root, inventories, compact, {root.ref})
    if output:
        print_data(root.data(), output)
    else:
        click.echo("\n".join([str(root.ref), *root.lines()]))


tree.add_command(kustomization, "kustomization")
tree.add_command(kustomization, "ks")


def _own_ref(manifest: dict[str, Any]) -> ObjectRef:
    metadata = manifest["metadata"]
    return ObjectRef(KUSTOMIZATION.group, KUSTOMIZATION.name, metadata["namespace"], metadata["name"])


def _inventory(manifest: dict[str, Any]) -> Inventory:
    return Inventory.from_entries(fields.path(manifest, "status", "inventory", "entries"))


def _grow(node: Node, inventories: dict[ObjectRef, Inventory], compact: bool, above: set[ObjectRef]) -> None:
    """Add what ``node`` manages; ``above`` guards against a Kustomization that manages one of its ancestors."""
    for ref in inventories.get(node.ref, Inventory()):
        if compact and not ref.group.endswith("toolkit.fluxcd.io"):
            continue
        child = Node(ref)
        node.children.append(child)
        if ref in inventories and ref not in above:
            _grow(child, inventories, compact, above | {ref})
