"""The code of a process's moves, and of a property's condition, specialised to one layout."""

from __future__ import annotations

from typing import Any

from racecheck.compiler.ir import (
    Attempt,
    Choose,
    End,
    Enter,
    Event,
    Fail,
    Node,
    Rest,
    Result,
    Step,
    Together,
)
from racecheck.compiler.program import Graph
from racecheck.explore.region import HELD, Path, Region
from racecheck.explore.text import DONE, Lines, Words, overflow, substitute, total


class EntryRegion(Region):
    """The moves of one process: from each place, loads of what lives there; at the end, the target.

    ``shift`` is where the process's block stands: a number, or "shift" for the variable. With ``sort`` the
    new block goes where it belongs among its equals.
    """

    def __init__(
        self,
        graph: Graph,
        words: Words,
        entry: int,
        marks: dict[int, int],
        *,
        shift: int | str,
        sort: bool,
    ) -> None:
        self.layout = words.layout
        self.entry = entry
        self.block = self.layout.blocks[entry]
        self.offsets = self.layout.offsets[entry]
        self.marks = marks
        self.shift = shift
        self.sort = sort
        places = [at for at in self.block.codes if not isinstance(graph.nodes[at], (End, Fail))]
        super().__init__(graph, words, places, first=len(self.block.codes))
        for at in self.block.codes:
            self.blocks.append(self._start(at))
        self.finish()

    def code(self) -> Lines:
        """One outcome of a move of the process whose block of ``s`` is ``here``."""
        lines = Lines()
        if self.jumped or self.sort:
            lines.add("t = s")
        else:
            self.blocks = [with_state(block) for block in self.blocks]
        if self.sort:
            lines.add("there = -1")
        self.begin(lines)
        if self.loops:
            lines.add("fuel = 0")
        bits = self.layout.place_bits[self.entry]
        label = "here"
        if self.layout.strides[self.entry] > bits:
            label = "label"
            lines.add(f"label = here & {(1 << bits) - 1}")
        lines.append(self.dispatch(label))
        if self.sort:
            with lines.under("if there >= 0:"):
                self._sort(lines)
                self.record(lines, "t")
        return lines

    def begin(self, lines: Lines) -> None:
        """Set what is remembered of an outcome to nothing."""
        if self.marks:
            lines.add("passed = 0")

    def _start(self, at: int) -> Lines:
        """Code from a place: load the live locals and the locks held, then go on."""
        lines = Lines()
        node = self.graph.nodes[at]
        if isinstance(node, (End, Fail)):
            lines.add(DONE)
            return lines
        for register in self.graph.live[at]:
            number = self.block.slots[register]
            packed = self.layout.fields[number]
            raw = f"(here >> {self.offsets[number]}) & {(1 << packed.width) - 1}"
            lines.add(f"r{register} = ({raw}) + {packed.lo}" if packed.lo else f"r{register} = {raw}")
        if self.block.locks:
            lines.add(f"held = here >> {self.layout.held[self.entry]}")
        path = Path(start=at, depth=1)
        if isinstance(node, Rest):
            self.fuel(lines, 1)
            self.chain(lines, (node.next, False), path)
        else:
            self.chain(lines, (at, False), path, inside=(at, False) not in self.joins)
        return lines

    def mark(self, lines: Lines, at: int, node: Node) -> None:
        """Remember steps and events that no move has passed so far."""
        if isinstance(node, (Step, Together, Enter, Event)) and at in self.marks:
            lines.add(f"passed |= {1 << self.marks[at]}")

    def lock_bit(self, node: Step) -> str:
        """The lock's number among those that this entry takes."""
        first = self.block.locks.index(node.word.base)
        if node.word.length == 1:
            return str(first)
        return f"({first} + {self.words.expr(node.word.index)})"

    def hold(self, lines: Lines, node: Step) -> None:
        """``held`` gains a bit with a lock taken, and loses it with an unlock."""
        if self.words.kinds[node.word.base] != "Lock":
            return
        bit = self.lock_bit(node)
        match node.operation.name:
            case "lock":
                lines.add(f"held |= 1 << {bit}")
            case "trylock":
                lines.add("if old == 0:", f"    held |= 1 << {bit}")
            case "unlock":
                lines.add(f"held -= 1 << {bit}")

    def leaf(self, lines: Lines, at: int, stepped: bool, path: Path) -> None:
        """The end of a move: the target, or the new block where blocks are sorted."""
        constant, parts = self._change(lines, at, path)
        fixed = path.pending
        if isinstance(self.graph.nodes[at], Fail):
            fixed += 1 << self.layout.failed
        if self.sort:
            if fixed:
                lines.add(f"t += {fixed}")
            lines.add(f"there = {total(constant, 'here', *parts)}")
            if not stepped:
                lines.add("if t == s and there == here:", "    there = -1")
        else:
            if isinstance(self.shift, int):
                fixed, constant = fixed + (constant << self.shift), 0
            moved = [f"(({total(constant, *parts)}) << {self.shift})"] if constant or parts else []
            target = total(fixed, "t", *moved)
            if stepped:
                self.record(lines, target)
            else:
                lines.add(f"t = {target}")
                with lines.under("if t != s:"):
                    self.record(lines, "t")
        lines.add(DONE)

    def record(self, lines: Lines, target: str) -> None:
        """Write the target of a move to ``out``."""
        if self.marks:
            lines.add("happened[0] |= passed")
        lines.add(f"out[n] = {target}", "n += 1")

    def _change(self, lines: Lines, at: int, path: Path) -> tuple[int, list[str]]:
        """What the move adds to the process's block: a constant and other terms."""
        if path.start is None:
            constant, parts = self._new(lines, at, set())
            return constant, [*parts, "-here"]
        before, after = self._lives(path.start), self._lives(at)
        kept = {number for number in self.block.fields if before.get(number) == after.get(number)}
        kept -= {number for number, register in after.items() if register in path.assigned}
        if HELD not in path.assigned:
            kept.add(HELD)
        constant, parts = self._new(lines, at, kept)
        dropped, gone = self._old(path.start, kept)
        return constant - gone, [*parts, f"-(here & {dropped})"] if dropped else parts

    def _lives(self, at: int) -> dict[int, int]:
        """The register that each field holds at a place."""
        return {self.block.slots[register]: register for register in self.graph.live[at]}

    def _old(self, at: int, kept: set[int]) -> tuple[int, int]:
        """The block of a place without the kept fields: the mask of what varies, and the rest."""
        lives, mask, constant = self._lives(at), 0, self.block.codes.index(at)
        for number in set(self.block.fields) - kept:
            packed, offset = self.layout.fields[number], self.offsets[number]
            if number in lives:
                mask |= (1 << packed.width) - 1 << offset
            else:
                constant -= packed.lo << offset
        if HELD not in kept:
            mask |= (1 << len(self.block.locks)) - 1 << self.layout.held[self.entry]
        return mask, constant

    def _new(self, lines: Lines, at: int, kept: set[int]) -> tuple[int, list[str]]:
        """The block of a place without the kept fields: a constant and other terms; checks locals."""
        lives, parts, constant = self._lives(at), [], self.block.codes.index(at)
        for number in self.block.fields:
            if number in kept:
                continue
            packed, offset = self.layout.fields[number], self.offsets[number]
            constant -= packed.lo << offset
            if number in lives:
                register = f"r{lives[number]}"
                with lines.under(f"if {register} < {packed.lo} or {register} > {packed.hi}:"):
                    lines.add(*overflow(number, register))
                parts.append(f"({register} << {offset})")
        if HELD not in kept and self.block.locks:
            parts.append(f"(held << {self.layout.held[self.entry]})")
        return constant, parts

    def _sort(self, lines: Lines) -> None:
        """Put the new block where it belongs among its equals, and move those in between."""
        base, stride = self.layout.bases[self.entry], self.layout.strides[self.entry]
        last = base + stride * (self.block.count - 1)
        mask = (1 << stride) - 1
        lines.add("at = shift")
        with lines.under(f"while at > {base} and ((s >> (at - {stride})) & {mask}) > there:"):
            lines.add(f"at -= {stride}")
        with lines.under("if at < shift:"):
            lines.add("between = (s >> at) & ((1 << (shift - at)) - 1)")
            lines.add(f"t += (between << (at + {stride})) - (between << at)")
        with lines.under("else:"):
            with lines.under(f"while at < {last} and ((s >> (at + {stride})) & {mask}) < there:"):
                lines.add(f"at += {stride}")
            lines.add(f"between = (s >> (shift + {stride})) & ((1 << (at - shift)) - 1)")
            lines.add(f"t += (between << shift) - (between << (shift + {stride}))")
        lines.add("t += (there << at) - (here << shift)")


class TrackedRegion(EntryRegion):
    """Moves that also tell, of each outcome, the ways of its choices and what it says of a goal.

    ``told`` is 1 with the goal, 2 more with the head of the victim's loop after it, 4 more for each before.
    """

    def __init__(self, goal: str | None, *args: Any, **options: Any) -> None:
        self.goal = goal
        super().__init__(*args, **options)

    def begin(self, lines: Lines) -> None:
        """One way, nothing told."""
        lines.add("told = 0", "span = 1")

    def mark(self, lines: Lines, at: int, node: Node) -> None:  # noqa: ARG002
        """The head of the victim's loop, the goal, the options of a choice."""
        if isinstance(node, Attempt) and self.goal is not None:
            lines.add("if told & 1:", "    told |= 2", "else:", "    told += 4")
        if isinstance(node, Event) and node.name == self.goal:
            lines.add("told |= 1")
        if isinstance(node, Choose):
            lines.add(f"span *= {len(node.options)}")

    def record(self, lines: Lines, target: str) -> None:
        """Write the target, and what is remembered of the outcome."""
        lines.add(f"out[n] = {target}", "ways[n] = span", "tales[n] = told", "n += 1")


def with_state(block: Lines) -> Lines:
    """The code of a place, with ``s`` for ``t`` where it does not write ``t``, else with a copy."""
    if any(text.startswith("t ") for _, text in block.lines):
        return Lines([(0, "t = s"), *block.lines])
    return Lines([(depth, substitute(text, t="s")) for depth, text in block.lines])


class ConditionRegion(Region):
    """A property's condition: ``value`` at its end."""

    def __init__(self, graph: Graph, words: Words, error: str) -> None:
        self.error = error
        super().__init__(graph, words, [graph.entry])
        self.numbers[graph.entry, False] = 0
        self.todo.append((graph.entry, False))
        self.finish()

    def result(self, lines: Lines, node: Result) -> None:
        """Keep the value."""
        lines.add(f"value = {self.words.expr(node.value)}", DONE)
