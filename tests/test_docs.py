"""The commands in the documentation print what it shows; ``UPDATE=1 pytest`` writes that anew."""

import os
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from racecheck.cli import cli

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ["tutorial.md", "own-protocol.md"]
CONSOLE = re.compile(r"```console\n\$ racecheck (.*)\n((?:(?!```).*\n)*)```")
SOURCE = re.compile(r"```python\n# (\S+\.py)\n((?:(?!```).*\n)*)```")


def without_times(text):
    """The text with every duration replaced."""
    return re.sub(r"\d+\.\d\d s", "0.00 s", text)


def printed(command):
    """What a command prints at 80 columns."""
    result = CliRunner().invoke(cli, shlex.split(command), standalone_mode=False)
    assert not isinstance(result.exception, Exception), result.exception
    return without_times(result.output)


@pytest.mark.parametrize("page", PAGES)
def test_the_output_is_what_the_page_shows(page, tmp_path, monkeypatch):
    """Each console block is a command and its exact output; a page's own files are in its python blocks."""
    text = DOCS.joinpath(page).read_text(encoding="utf-8")
    sources = SOURCE.findall(text)
    for name, source in sources:
        tmp_path.joinpath(name).write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path if sources else DOCS.parent)
    monkeypatch.setenv("COLUMNS", "80")

    def block(match):
        return f"```console\n$ racecheck {match[1]}\n{printed(match[1])}```"

    run = CONSOLE.sub(block, text)
    if os.environ.get("UPDATE"):
        DOCS.joinpath(page).write_text(run, encoding="utf-8")

    assert run == text
