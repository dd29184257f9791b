"""What the commands share: options, exit statuses, JSON on stdout."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

OK, BROKEN, USAGE, UNFINISHED = 0, 1, 2, 3

FILE = click.argument("where", metavar="FILE[::MODEL]")
PARAMETERS = click.option(
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the model; repeatable.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON value on stdout.")


def exit_status(verdicts: set[str]) -> int:
    """Violated or stuck over unfinished over ok."""
    if verdicts & {"violated", "stuck"}:
        return BROKEN
    return UNFINISHED if "unfinished" in verdicts else OK


def print_json(value: Any) -> None:
    """Print a value as JSON; in ASCII where stdout is not UTF-8."""
    plain = (getattr(sys.stdout, "encoding", None) or "utf-8").lower() != "utf-8"
    click.echo(json.dumps(value, indent=1, ensure_ascii=plain))
