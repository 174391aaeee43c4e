"""``fairlead completion SHELL``: the script that teaches a shell our words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    Bash: . <(fairlead completion bash)
    """
    from fairlead.cli.main import cli

    chosen = get_completion_class(shell)
    if chosen is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(chosen(cli, {}, "fairlead", "_FAIRLEAD_COMPLETE").source())
