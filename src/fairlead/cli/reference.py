"""Writes docs/reference/cli.md from the commands themselves: ``python -m fairlead.cli.reference [--check]``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.cli.connection import cluster_options
from fairlead.cli.main import COMMANDS, cli

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["render"]

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
HEAD = """# Commands

Made by `make generate` from the program's own help; do not edit.

Data goes to stdout, progress to stderr. Exit code 0 is success, 1 a failure with one line on stderr, 2 wrong usage;
`diff` ends with 1 when there are differences and with 2 on an error.
"""


def render() -> str:
    """The page."""
    context = click.Context(cli, info_name="fairlead")
    common = _common_options()
    parts = [HEAD, "## Flags of every command that talks to a cluster\n", _options(common, context)]
    for section in dict.fromkeys(row[3] for row in COMMANDS.values()):
        parts.append(f"## {section}\n")
        names = (name for name, row in COMMANDS.items() if row[3] == section)
        for name in names:
            command = cli.get_command(context, name)
            if command is not None:
                parts += _describe(command, context, name, {option.name or "" for option in common})
    return "\n".join(parts).rstrip("\n") + "\n"


def _common_options() -> list[click.Option]:
    def command() -> None: ...

    made = click.command()(cluster_options(command))
    return [param for param in made.params if isinstance(param, click.Option)]


def _describe(command: click.Command, parent: click.Context, name: str, common: set[str]) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    if isinstance(command, click.Group):
        seen: set[int] = set()
        for child_name in sorted(command.list_commands(context), key=len, reverse=True):
            child = command.get_command(context, child_name)
            if child is not None and not child.hidden and id(child) not in seen:
                seen.add(id(child))
                yield from _describe(child, context, child_name, common)
        return
    usage = " ".join([context.command_path, *_pieces(command, context)])
    yield f"### `{usage}`\n\n{_prose(command.help or '')}\n"
    options = [param for param in command.params if isinstance(param, click.Option)]
    own = [option for option in options if option.name not in common]
    if own:
        yield _options(own, context)
    if any(option.name == "namespace" for option in options):
        yield "And the flags of every command that talks to a cluster.\n"


def _pieces(command: click.Command, context: click.Context) -> list[str]:
    return [piece for param in command.params for piece in param.get_usage_pieces(context)]


def _prose(text: str) -> str:
    return "\n".join(line.strip() for line in text.replace("\b", "").strip().splitlines())


def _options(options: list[click.Option], context: click.Context) -> str:
    lines = ["| Flag | Meaning |", "|---|---|"]
    for option in options:
        record = option.get_help_record(context)
        if record is not None:
            flag, meaning = (" ".join(text.replace("|", "\\|").split()) for text in record)
            lines.append(f"| `{flag}` | {meaning} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    text = render()
    if "--check" in sys.argv[1:]:
        if PAGE.is_file() and PAGE.read_text() == text:
            return 0
        click.echo(f"{PAGE} is out of date: run 'make generate'", err=True)
        return 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
