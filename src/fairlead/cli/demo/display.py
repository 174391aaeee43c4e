"""What the viewer sees: a live picture on a terminal, plain lines anywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import click

from fairlead.cli import fields

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

    from rich.console import RenderableType

    from fairlead.cli.demo.observe import Observer

__all__ = ["Display", "LiveDisplay", "PlainDisplay"]


class Display(Protocol):
    """Told of each step as it begins, is seen, or fails."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, title: str) -> None: ...

    def seen(self, detail: str) -> None: ...

    def note(self, text: str) -> None: ...

    def refresh(self) -> None: ...


class PlainDisplay:
    """One line for each step and each thing that was seen."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        return None

    def begin(self, title: str) -> None:
        click.echo(f"► {title}")

    def seen(self, detail: str) -> None:
        click.echo(f"✔ {detail}")

    def note(self, text: str) -> None:
        click.echo(f"  {text}")

    def refresh(self) -> None:
        return None


class LiveDisplay:
    """The story above, the Kustomizations as they are now below it."""

    def __init__(self) -> None:
        from rich.live import Live

        self._story: list[tuple[str, str]] = []
        self._observer: Observer | None = None
        self._live = Live(auto_refresh=True, refresh_per_second=8, get_renderable=self._picture)

    def watch(self, observer: Observer) -> None:
        self._observer = observer

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._live.refresh()
        self._live.stop()

    def begin(self, title: str) -> None:
        self._story.append(("bold", f"► {title}"))

    def seen(self, detail: str) -> None:
        self._story.append(("green", f"✔ {detail}"))

    def note(self, text: str) -> None:
        self._story.append(("dim", f"  {text}"))

    def refresh(self) -> None:
        # The picture is drawn at a fixed rate from what the observer holds; nothing to do for a single change.
        return None

    def _picture(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        lines = [Text(text, style=style) for style, text in self._story]
        return Group(*lines, Text(), self._table()) if self._observer else Group(*lines)

    def _table(self) -> RenderableType:
        from rich.table import Table

        from fairlead.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION

        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("", "NAME", "REVISION", "SUSPENDED", "MESSAGE"):
            table.add_column(column, no_wrap=column != "MESSAGE")
        marks = {"True": "[green]✔[/]", "False": "[red]✗[/]"}
        for kind in (GIT_REPOSITORY, KUSTOMIZATION):
            for manifest in sorted(self._objects(kind.group_kind), key=_order):
                table.add_row(
                    marks.get(fields.ready(manifest), "[yellow]◎[/]"),
                    f"{kind.name.lower()}/{manifest['metadata']['name']}",
                    fields.short_revision(fields.full_revision(manifest, kind)),
                    "[yellow]suspended[/]" if fields.suspended(manifest) else "",
                    fields.message(manifest),
                )
        return table

    def _objects(self, kind: Any) -> list[dict[str, Any]]:
        return self._observer.all(kind) if self._observer else []


def _order(manifest: dict[str, Any]) -> str:
    return str(manifest["metadata"].get("creationTimestamp", "")) + str(manifest["metadata"]["name"])
