"""The pytest plugin, run in sessions of its own."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

MODEL = """
from racecheck import *

class Folio(Shared):
    refcount = Atomic(1)
    freed = Flag()

def put(folio):
    if folio.refcount.dec_and_test():
        folio.freed.set()

def lookup(folio, careful):
    if careful:
        found = folio.refcount.add_unless(1, 0)
    else:
        found = folio.refcount.read() > 0
        if found:
            folio.refcount.inc()
    if found:
        assert not folio.freed, "uses a freed folio"
        put(folio)

@model
def lookups(readers=1, careful=False):
    folio = Folio()
    return Model(
        Process("owner", put, folio), Process("reader", lookup, folio, careful, count=readers)
    )
"""
BROKEN = "violated 'lookup: uses a freed folio'"


@pytest.fixture
def session(pytester):
    """Run pytest on these tests, with the model in the same file, whose asserts pytest rewrites."""

    def run(tests, *arguments, ini=""):
        pytester.makepyfile(
            test_lookups=f"import pytest\nimport racecheck as rc\n{MODEL}\n{textwrap.dedent(tests)}"
        )
        pytester.makeini(f"[pytest]\n{textwrap.dedent(ini)}")
        return pytester.runpytest("-p", "no:cacheprovider", "--strict-markers", *arguments)

    return run


def saved(pytester, folder="traces"):
    """The traces in a folder."""
    return sorted(pytester.path.joinpath(folder).glob("*.trace.json"))


def test_a_failing_check_shows_its_report_alone(session):
    """No line of Python, neither the test's nor racecheck's; the summary says what is broken."""
    result = session("def test_it(): rc.check(lookups())")

    result.assert_outcomes(failed=1)
    shown = result.stdout.str()
    assert "   4  20: folio.refcount.inc(), assert" in shown
    assert "def test_it" not in shown
    assert "Error" not in shown
    result.stdout.fnmatch_lines([f"FAILED test_lookups.py::test_it - {BROKEN}"])


@pytest.mark.parametrize("check", ["check", "check_runs"])
def test_rewritten_asserts_are_compiled_and_run(session, check):
    """pytest rewrites the asserts of a test module: the source is compiled, and native runs fail alike."""
    result = session(
        f"""
        def test_it():
            from racecheck.replay import replay, with_native
            with pytest.raises(rc.PropertyError) as failure:
                rc.{check}(lookups)
            from racecheck.api import report_on
            trace = report_on(lookups).results[0].trace
            replayed = with_native(replay(trace, lookups()), lookups())
            assert replayed.reproduced and replayed.native, replayed

        def test_the_fix(): rc.{check}(lookups(careful=True, readers=2))
        """
    )
    result.assert_outcomes(passed=2)


def test_the_verdicts_of_the_session(session):
    """One row for each model, once, however many tests check it; what is broken beside it."""
    result = session(
        """
        def test_it(): rc.check(lookups())
        def test_again(): rc.check(lookups())
        @pytest.fixture(scope="module")
        def checked(): return rc.check(lookups(careful=True))
        def test_in_a_fixture(checked): assert checked.states == 9
        """
    )
    result.assert_outcomes(failed=2, passed=1)
    lines = result.stdout.str().partition("racecheck verdicts")[2].splitlines()[1:3]
    assert [" ".join(line.split()[:2]) for line in lines] == [
        "violated test_lookups.py::lookups()",
        "holds test_lookups.py::lookups(careful=True)",
    ]
    assert lines[0].endswith(BROKEN)


def test_nothing_is_printed_when_nothing_was_checked(session):
    """Nor with -q."""
    assert "racecheck verdicts" not in session("def test_it(): pass").stdout.str()
    checks = "def test_it(): rc.check(lookups(careful=True))"
    assert "racecheck verdicts" in session(checks).stdout.str()
    assert "racecheck verdicts" not in session(checks, "-q").stdout.str()


def test_under_xdist(session, pytester):
    """The controller prints the table once, and workers that find the same violation write one file."""
    result = session(
        """
        @pytest.mark.parametrize("number", range(4))
        def test_it(number): rc.check(lookups())
        """,
        "-n2", "--racecheck-save-traces", "traces", "--junitxml", "junit.xml",
    )  # fmt: skip

    result.assert_outcomes(failed=4)
    assert result.stdout.str().count("racecheck verdicts") == 1
    result.stdout.fnmatch_lines([f"violated*test_lookups.py::lookups()*18 states*{BROKEN}"])
    assert len(saved(pytester)) == 1
    properties = pytester.path.joinpath("junit.xml").read_text()
    assert properties.count('<property name="racecheck test_lookups.py::lookups()"') == 4


def test_saved_traces_are_tests(session, pytester):
    """Each violation is a file that replays and is named by its content; with the bug mended it fails."""
    result = session(
        """
        def test_it(): rc.check(lookups(readers=2))
        def test_runs(): rc.check_runs(lookups)
        def test_holds(): rc.check(lookups(careful=True))
        """,
        "--racecheck-save-traces", "deep/traces",
    )  # fmt: skip
    first, second = saved(pytester, "deep/traces")
    for path in (first, second):
        result.stdout.fnmatch_lines([f"*: racecheck replay deep/traces/{path.name}"])
    assert first.name.startswith("lookups-lookup-uses-a-freed-folio-")
    assert not list(first.parent.glob("*.tmp"))

    pytester.runpytest("deep").assert_outcomes(passed=2)
    data = json.loads(first.read_text())
    first.write_text(json.dumps(data | {"fixed": True}))
    again = pytester.runpytest("deep")
    again.assert_outcomes(passed=1, failed=1)
    again.stdout.fnmatch_lines(
        ["*it is marked as fixed, and still happens", "as recorded:", "*reader*owner*changed*"]
    )
    again.stdout.no_fnmatch_line("*Error*")


def test_a_trace_that_is_no_longer_possible(session, pytester):
    """It says what was enabled instead, and shows what was recorded, by columns."""
    session("def test_it(): rc.check(lookups())", "--racecheck-save-traces=traces")
    source = pytester.path / "test_lookups.py"
    source.write_text(source.read_text().replace("careful=False", "careful=True"))
    (path,) = saved(pytester)
    path.write_text(path.read_text().replace('"careful": false', '"careful": true'))

    result = pytester.runpytest("traces")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NOT reproduced: step 1 of 4 is not possible", "*reader*owner*changed*"])


def test_what_is_allowed_is_not_saved(session, pytester):
    """A progress property whose rung is no worse than ``at_worst`` has a trace, and holds."""
    result = session(
        """
        def scan(folio):
            while True:
                if not folio.freed.test():
                    event("isolated")

        def hold(folio):
            rest()
            folio.freed.set()

        @model
        def held():
            folio = Folio()
            return Model(
                Process("scanner", scan, folio, role=VICTIM),
                Process("holder", hold, folio, role=HOSTILE),
                progress("isolated", at_worst="at rest"),
            )

        def test_it(): assert rc.check(held).results[0].trace
        """,
        "--racecheck-save-traces=traces",
    )
    result.assert_outcomes(passed=1)
    assert not saved(pytester)


def test_a_folder_that_cannot_be_written(session, pytester):
    """The report of the test says so."""
    pytester.makefile(".txt", taken="")
    result = session("def test_it(): rc.check(lookups())", "--racecheck-save-traces=taken.txt")
    result.stdout.fnmatch_lines(["*taken.txt*--racecheck-save-traces: the trace is not saved*"])


SMALL = "def test_it(): rc.check(lookups(careful=True))"


@pytest.mark.parametrize(
    ("argument", "ini", "stopped"),
    [
        ("--racecheck-max-states=4", "", "--max-states 4"),
        ("--racecheck-max-seconds=0.000001", "", "--max-seconds 1e-06"),
        ("", "racecheck_max_states = 5", "--max-states 5"),
        ("", "racecheck_max_seconds = 0.000001", "--max-seconds 1e-06"),
        ("--racecheck-max-states=4", "racecheck_max_states = 5", "--max-states 4"),
    ],
)
def test_limits_of_the_session(session, argument, ini, stopped):
    """From the command line or the ini file; a search that does not end fails, and says what to do."""
    result = session(SMALL, *argument.split(), ini=ini)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"stopped by {stopped}: give it more, *racecheck_unfinished_ok"])
    result.stdout.fnmatch_lines([f"unfinished*lookups(careful=True)*stopped by {stopped}"])


def test_a_limit_of_the_test_wins(session):
    """Over the session's."""
    result = session(SMALL.replace("))", "), max_states=100)"), "--racecheck-max-states=4")
    result.assert_outcomes(passed=1)


def test_traces_are_saved_where_the_ini_file_says(session, pytester):
    """As seen from the ini file."""
    inner = pytester.mkdir("inner")
    session("def test_it(): rc.check(lookups())", "--rootdir=.", ini="racecheck_save_traces = found")
    assert len(saved(pytester, "found")) == 1
    assert not list(inner.iterdir())


@pytest.mark.parametrize("value", ["0", "-1", "many", "nan"])
def test_bad_limits_are_refused(session, value):
    """With the value, and what to write."""
    result = session(SMALL, f"--racecheck-max-seconds={value}")
    result.stderr.fnmatch_lines([f"*racecheck_max_seconds is '{value}': write a number above 0"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_marked_test_may_end_unfinished(session):
    """With a reason, in the table; but not broken."""
    result = session(
        """
        @pytest.mark.racecheck_unfinished_ok(reason="a weekend's work")
        def test_unfinished(): rc.check(lookups(careful=True), max_states=4)
        @pytest.mark.racecheck_unfinished_ok
        def test_broken(): rc.check(lookups(), max_states=12)
        """
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["unfinished*stopped by --max-states 4 (a weekend's work)"])


def test_runs_never_finish_and_pass(session):
    """They end with their examples: "unfinished" in the table, and no failure."""
    result = session("def test_it(): rc.check_runs(lookups(careful=True))")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["unfinished*lookups(careful=True)*stopped by the end of * runs"])


def test_without_the_plugin(session, pytester):
    """Checks work, traces are no tests, and no option is known."""
    result = session("def test_it(): rc.check(lookups())", "-p", "no:racecheck")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E*PropertyError: {BROKEN}"])
    pytester.makefile(".trace.json", found="{}")
    assert pytester.runpytest("-p", "no:racecheck", "found.trace.json").ret != pytest.ExitCode.OK


def test_the_marker_is_registered(pytester):
    """With what it is for."""
    pytester.runpytest("--markers").stdout.fnmatch_lines(["@pytest.mark.racecheck_unfinished_ok(reason=*"])


def test_an_unused_plugin_loads_nothing():
    """A session that checks nothing imports neither the compiler nor what is heavy."""
    code = "import pytest, sys; pytest.main(['--co', '-q', sys.argv[1]]); print(' '.join(sys.modules))"
    here = Path(__file__)
    done = subprocess.run(
        [sys.executable, "-c", code, here.with_name("test_operations.py")],
        capture_output=True, text=True, check=True, cwd=here.parents[1],
    )  # fmt: skip
    assert "racecheck.pytest_plugin" in done.stdout
    assert not set(done.stdout.split()) & {"networkx", "numpy", "scipy", "click", "racecheck.compiler"}
