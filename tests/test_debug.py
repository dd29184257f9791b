"""pdb along a trace, as a person at a terminal sees it."""

import os
import pty
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATIENCE = 30
MODEL = """\
from racecheck import HOSTILE, Atomic, Ghost, Lock, Model, Process, Shared, choose, model, rest

class Folio(Shared):
    refcount = Atomic(1)
    lock = Lock()
    pins = Ghost(0)

def take(folio, by):
    total = folio.refcount.add_return(by)
    double = total * 2
    return double

def pinner(folio):
    while True:
        rest()
        if choose():
            seen = take(folio, 4)
            folio.pins += 1
            folio.refcount.set(seen)

def reader(folio):
    folio.lock.lock()
    seen = folio.refcount.read()
    assert seen == 1, "nobody else"

@model
def folio():
    folio = Folio()
    return Model(Process("pinner", pinner, folio, role=HOSTILE, count=2), Process("reader", reader, folio))
"""
SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from racecheck.debug import debug_steps
from racecheck.load import load_model
moves = [("pinner 2", (True,)), ("reader", ()), ("reader", ()), ("pinner 2", ())]
print("the end:", debug_steps(load_model(sys.argv[1]), moves))
"""


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, *command):
        self.master, slave = pty.openpty()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", "HOME": "/nonexistent"}
        self.program = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)
        self.shown = ""

    def until(self, text):
        """What is shown up to this text."""
        while text not in self.shown:
            if not select.select([self.master], [], [], PATIENCE)[0]:
                raise AssertionError(f"{text!r} did not come; {self.shown!r} did")
            with suppress(OSError):  # the program has ended
                if got := os.read(self.master, 4096):
                    self.shown += got.decode().replace("\r\n", "\n")
                    continue
            raise AssertionError(f"the program ended before {text!r}; {self.shown!r} came")
        before, _, self.shown = self.shown.partition(text)
        return before

    def says(self, line, prompt="(Pdb pinner 2) "):
        """What the program shows between this line and the next prompt."""
        os.write(self.master, line.encode() + b"\n")
        self.until("\n")
        return self.until(prompt).rstrip()

    def interrupt(self):
        """Press Ctrl-C until it is noticed: between its prompt and its read a program may miss it."""
        for _ in range(PATIENCE):
            os.kill(self.program.pid, signal.SIGINT)
            if select.select([self.master], [], [], 1)[0]:
                return

    def end(self):
        """The last of what is shown, when the program has ended well."""
        shown = self.until("the end: ") + self.until("\n")
        assert self.program.wait(PATIENCE) == 0
        return shown

    def close(self):
        self.program.kill()
        self.program.wait()
        os.close(self.master)


@pytest.fixture
def terminal(tmp_path):
    file = tmp_path / "folio.py"
    file.write_text(MODEL)
    terminal = Terminal(sys.executable, "-W", "error", "-c", SCRIPT, str(file))
    assert terminal.until("(Pdb pinner 2) ").endswith("folio.py(15)pinner()\n-> rest()\n")
    yield terminal
    terminal.close()


def test_continue_goes_from_step_to_step(terminal):
    assert terminal.says("c", "(Pdb reader) ").endswith("folio.py(22)reader()\n-> folio.lock.lock()")
    shown = terminal.says("c", "(Pdb reader) ")
    assert shown.endswith("folio.py(23)reader()\n-> seen = folio.refcount.read()")
    assert terminal.says("c").endswith("folio.py(19)pinner()\n-> folio.refcount.set(seen)")
    os.write(terminal.master, b"c\n")
    assert terminal.end().endswith("True")


def test_quit_ends_without_a_traceback(terminal):
    os.write(terminal.master, b"q\n")
    assert terminal.end() == "q\nFalse"


def test_quit_in_the_middle_of_a_step(terminal):
    terminal.says("n")
    os.write(terminal.master, b"q\n")
    assert terminal.end() == "q\nFalse"


def test_end_of_input_quits(terminal):
    os.write(terminal.master, b"\x04")
    assert terminal.end().endswith("False")


def test_the_step_itself_can_be_followed_line_by_line(terminal):
    assert terminal.says("n").endswith("-> if choose():")
    assert terminal.says("n").endswith("-> seen = take(folio, 4)")
    assert terminal.says("s").endswith("folio.py(8)take()\n-> def take(folio, by):")
    assert terminal.says("n").endswith("-> total = folio.refcount.add_return(by)")
    assert terminal.says("n").endswith("-> double = total * 2")
    assert terminal.says("p total, by") == "(5, 4)"
    assert terminal.says("r").endswith("take()->10\n-> return double")
    assert terminal.says("n").endswith("-> folio.pins += 1")
    assert terminal.says("n").endswith("-> folio.refcount.set(seen)")
    assert terminal.says("n", "(Pdb reader) ").endswith("-> folio.lock.lock()")


def test_the_stack_is_the_users(terminal):
    assert terminal.says("w").endswith("-> rest()")
    assert terminal.says("u") == "*** Oldest frame"


def test_a_breakpoint_stops_inside_a_step(terminal):
    assert "Breakpoint 1" in terminal.says("b 10")
    assert terminal.says("c").endswith("-> double = total * 2")
    assert terminal.says("c", "(Pdb reader) ").endswith("-> folio.lock.lock()")


def test_words_can_be_inspected_but_not_changed(terminal):
    assert terminal.says("p folio.refcount") == "<Atomic folio.refcount>"
    assert terminal.says("p int(folio.refcount), folio.pins, folio.lock + 0") == "(1, 0, 0)"
    for wrong in ("folio.refcount.inc()", "folio.pins = 3", "choose()"):
        assert "takes no step" in terminal.says(wrong)
    assert terminal.says("folio.refcount == 1") == "True"


def test_ctrl_c_at_the_prompt_only_clears_the_line(terminal):
    terminal.interrupt()
    assert "KeyboardInterrupt" in terminal.until("(Pdb pinner 2) ")
    assert terminal.says("p 6 * 7") == "42"


def test_a_failed_assert_is_not_an_error_of_the_debugger(terminal):
    terminal.says("c", "(Pdb reader) ")
    terminal.says("c", "(Pdb reader) ")
    assert "nobody else" in terminal.says("n", "(Pdb reader) ") + terminal.says("n", "(Pdb reader) ")
    assert terminal.says("c").endswith("-> folio.refcount.set(seen)")
