"""The README's example is run, and its output compared."""

import re
from pathlib import Path

from click.testing import CliRunner

from racecheck.cli import cli

ROOT = Path(__file__).parents[1]
README = ROOT.joinpath("README.md").read_text(encoding="utf-8")


def blocks(language):
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def without_times(text):
    """The text with every duration replaced."""
    return re.sub(r"\d+\.\d\d s", "0.00 s", text)


def check(tmp_path, monkeypatch, source, *arguments):
    """Run ``racecheck check lookup.py`` on the source in an empty folder, 80 columns wide."""
    tmp_path.joinpath("lookup.py").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return CliRunner().invoke(cli, ["check", "lookup.py", *arguments], standalone_mode=False)


def test_output_is_what_the_readme_shows(tmp_path, monkeypatch):
    """The console block is the command and its exact output."""
    console = blocks("console")[0]
    command, _, expected = console.partition("\n")
    result = check(tmp_path, monkeypatch, blocks("python")[0])

    assert command == "$ racecheck check lookup.py"
    assert without_times(result.output) == without_times(expected)


def test_the_fix_in_the_readme_holds(tmp_path, monkeypatch):
    """``add_unless`` in place of the test and the increment mends it."""
    broken = blocks("python")[0]
    fixed = re.sub(
        r"if folio.refcount.read.*\n.*inc\(\)\n", "if folio.refcount.add_unless(1, 0):\n", broken
    )
    assert fixed != broken
    result = check(tmp_path, monkeypatch, fixed, "-p", "readers=3")

    assert "violated" not in result.output
    assert "holds      assert    lookup: uses a freed folio" in result.output


def test_the_comparison_in_the_readme_runs(monkeypatch):
    """The command that the ladder is explained with; its rungs are those of the table above it."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    command = blocks("console")[1].strip().removeprefix("$ racecheck ")
    result = CliRunner().invoke(cli, command.split(), standalone_mode=False)

    assert result.return_value == 1
    assert {"at rest:", "by racing:", "never:"} <= {
        line.split(":")[0] + ":" for line in result.output.split("\n")
    }
