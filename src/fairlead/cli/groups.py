"""Command groups that help with a wrong word: a near one is suggested, and kinds that are still to come say so."""

from __future__ import annotations

import difflib

import click

__all__ = ["Group"]

_LATER = {
    "HelmRelease": ("hr", "helmrelease", "helmreleases"),
    "OCIRepository": ("oci",),
    "Bucket": ("bucket",),
    "HelmRepository": ("helm",),
    "HelmChart": ("chart",),
    "ExternalArtifact": ("external",),
    "Alert": ("alert", "alerts"),
    "Provider": ("alert-provider", "alert-providers"),
    "Receiver": ("receiver", "receivers"),
    "image automation": ("image", "images"),
}


class Group(click.Group):
    """A group whose unknown words are answered; ``aliases`` are further words for its commands."""

    aliases: dict[str, str] = {}  # noqa: RUF012 - click's groups are configured by class attributes

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            raise click.UsageError(self._unknown(ctx, word), ctx)
        return super().resolve_command(ctx, args)

    def _unknown(self, ctx: click.Context, word: str) -> str:
        for kind, words in _LATER.items():
            if word in words and ctx.parent is not None:
                return f"{kind}: Fairlead does not handle this kind yet"
        near = difflib.get_close_matches(word, [*self.list_commands(ctx), *self.aliases], n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"no such command '{word}'{hint}"
