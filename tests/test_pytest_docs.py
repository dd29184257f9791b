"""The sessions in docs/pytest.md print what it shows; ``UPDATE=1 pytest`` writes that anew."""

import os
import re
import shlex
import textwrap
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "pytest.md"
SESSION = re.compile(r"```console\n\$ pytest (.*)\n((?:(?!```).*\n)*)```")
SOURCE = re.compile(r"```python\n# (\S+\.py)\n((?:(?!```).*\n)*)```")
PART = re.compile(r"```python\n(?!# \S+\.py)((?:(?!```).*\n)*)```")

pytest_plugins = ["pytester"]


def without_times(text):
    """The text with every duration replaced."""
    text = re.sub(r"\d+\.\d\d s", "0.00 s", text)
    return re.sub(r"=+ (.*) in \d+\.\d+s =+", r"========= \1 =========", text)


def test_sessions_print_what_the_page_shows(pytester, monkeypatch):
    """Each console block is a session and its exact output, in one folder and one after another."""
    text = PAGE.read_text(encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "80")
    for name, source in SOURCE.findall(text):
        pytester.path.joinpath(name).write_text(source, encoding="utf-8")

    def block(match):
        result = pytester.runpytest(*shlex.split(match[1]), "-p", "no:cacheprovider")
        return f"```console\n$ pytest {match[1]}\n{without_times(result.stdout.str()).strip()}\n```"

    run = SESSION.sub(block, text)
    if os.environ.get("UPDATE"):
        PAGE.write_text(run, encoding="utf-8")

    assert run == text


def test_runs_show_the_schedule_of_the_page(pytester):
    """But for the numbers, and which mapper it is: Hypothesis may draw others."""
    text = PAGE.read_text(encoding="utf-8")
    _, source = SOURCE.findall(text)[1]
    (shown,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    pytester.makepyfile(test_mappings=source)
    result = pytester.runpytest()

    result.assert_outcomes(failed=1)
    assert without_numbers(shown) in without_numbers(result.stdout.str())
    (times,) = re.findall(r"same 2 steps (\S+) times more", result.stdout.str())
    assert int(times.replace(",", "")) >= 1021


def without_numbers(text):
    """The words alone."""
    return " ".join(re.sub(r"\d[\d,]*", "N", text).split())


def test_the_marker_of_the_page_works(pytester):
    """The part that goes on with the first file, with less time."""
    text = PAGE.read_text(encoding="utf-8")
    (part,) = PART.findall(text)
    _, source = SOURCE.findall(text)[0]
    pytester.makepyfile(test_part=source + textwrap.dedent(part).replace("max_seconds=10", "max_states=9"))
    result = pytester.runpytest("--strict-markers", "-k", "many_readers")
    result.assert_outcomes(passed=1, deselected=4)
    result.stdout.fnmatch_lines(["unfinished*stopped by --max-states 9 (all of it takes a weekend)"])
