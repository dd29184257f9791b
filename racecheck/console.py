"""What the commands share: options, exit statuses, JSON on stdout."""

from __future__ import annotations

import json
import re
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


class _Size(click.ParamType[int]):
    """Bytes, with K, M, G or T for powers of 1024."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int:
        """The number of bytes."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", str(value), re.IGNORECASE)
        if found is None:
            self.fail(f"{value!r} is no size; write 500M or 4G", param, context)
        return int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " "))


MEMORY = click.option(
    "--max-memory",
    type=_Size(),
    metavar="SIZE",
    help="Stop when the search takes more: 500M, 4G. Without it, 60 % of what is free.",
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
