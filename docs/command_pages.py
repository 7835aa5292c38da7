"""The pages of the three commands, from their own help: a line `::: command PACKAGE` becomes all of its commands."""

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

MARK = re.compile(r"^::: command (\w+)$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the commands where a page asks for them."""
    return MARK.sub(lambda match: "\n".join(described(match[1])), markdown)


def described(package: str) -> Iterator[str]:
    """The command of a package and those below it, in Markdown."""
    main = importlib.import_module(f"{package}.cli.main").main
    top = click.Context(main, info_name=package.replace("_", "-"), **main.context_settings)
    nameless = [command for command in main.commands.values() if command.hidden]
    yield from command_lines(click.Context(nameless[0], parent=top, info_name="") if nameless else top)
    for name, command in main.commands.items():
        if not command.hidden:
            yield from command_lines(click.Context(command, parent=top, info_name=name))


def command_lines(context: click.Context) -> Iterator[str]:
    """A heading, the usage, the help and the options of one command."""
    command = context.command
    title = f"{context.parent.info_name if context.parent else ''} {context.info_name}".strip()
    yield f"## {title}\n\n```text\n{' '.join([title, *command.collect_usage_pieces(context)])}\n```\n"
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        example = paragraph.removeprefix("\b\n")
        yield f"```text\n{example}\n```\n" if example != paragraph else f"{marked(paragraph)}\n"
    yield "| option | what it does |\n| --- | --- |"
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            yield f"| `{record[0]}` | {marked(record[1])} |"
    yield ""


def marked(text: str) -> str:
    """Text of a terminal as Markdown: nothing but its backquotes means anything, and names of options are code."""
    return "".join(part if part.startswith("`") else plain(part) for part in re.split(r"(`[^`]+`)", text))


def plain(text: str) -> str:
    """A part without code in it, fit for a cell of a table."""
    text = re.sub(r"([*_\[\]|])", r"\\\1", text).replace("<", "&lt;")
    return re.sub(r"(?<![\w-])(--[a-z][a-z-]+|vdsr-(?:data|eval|train) [a-z-]+)", r"`\1`", text)
