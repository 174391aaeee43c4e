"""Flags of ``fairlead run`` for the archives of sources, which other controllers download; they are as in Flux."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.flux_flags import span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fairlead.settings import StorageSettings

__all__ = ["storage_options", "storage_settings"]

_IN_CLUSTER = ":9090"
_OFF = "off"


def _address(_: click.Context, __: click.Parameter, said: str | None) -> str | None:
    if said is None or said == _OFF:
        return said
    _host, colon, port = said.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"'{said}' is no [HOST]:PORT, such as ':9090'")
    return said


def _algorithm(_: click.Context, __: click.Parameter, said: str) -> str:
    from fairlead.sources.artifact_store import ALGORITHMS

    if said not in ALGORITHMS:
        raise click.BadParameter(f"'{said}' is not supported here; use one of {', '.join(ALGORITHMS)}")
    return said


def storage_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--storage-path",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder for the archives of sources.  [default: artifacts in the --state-dir]",
    ),
    click.option(
        "--storage-addr",
        metavar="[HOST]:PORT",
        callback=_address,
        help="Serve these archives here; 'off' serves none.  [default: :9090 in a cluster, elsewhere off]",
    ),
    click.option(
        "--storage-adv-addr",
        default="",
        metavar="HOST[:PORT]",
        help="The address in status.artifact.url.  [default: the Service in a cluster, elsewhere --storage-addr]",
    ),
    span("--artifact-retention-ttl", help="How long an archive is kept after a newer one came.  [default: 60s]"),
    click.option(
        "--artifact-retention-records",
        type=click.IntRange(min=1),
        help="Archives of a source that are kept at most.  [default: 2]",
    ),
    click.option(
        "--artifact-digest-algo",
        default="sha256",
        show_default=True,
        metavar="sha256|sha384|sha512",
        callback=_algorithm,
        help="What the digest of an archive is made with.",
    ),
)


def storage_settings(
    flags: dict[str, Any], folder: Path, environ: Mapping[str, str], *, in_cluster: bool
) -> StorageSettings:
    """The flags as settings; what was not said keeps its default."""
    from fairlead.api.names import ADVERTISED_ADDRESS
    from fairlead.settings import StorageSettings

    address = flags["storage_addr"]
    if address is None:
        address = _IN_CLUSTER if in_cluster else _OFF
    said = {
        "archives": flags["storage_path"],
        "retention_seconds": flags["artifact_retention_ttl"],
        "retention_records": flags["artifact_retention_records"],
    }
    return StorageSettings(
        folder=folder,
        address="" if address == _OFF else address,
        advertised_address=flags["storage_adv_addr"] or (ADVERTISED_ADDRESS if in_cluster else ""),
        pod_address=environ.get("POD_IP", "") if in_cluster else "",
        digest_algorithm=flags["artifact_digest_algo"],
        **{field: value for field, value in said.items() if value is not None},
    )
