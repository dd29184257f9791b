"""The code of one graph, specialised to one layout: from each label on, to where a move ends.

Each place and each join of local code has a label. Code runs straight on from a label until it jumps to
another or ends the move: joins are jumps in a dispatch loop, because copying tails is exponential.
"""

from __future__ import annotations

from attrs import evolve, frozen

from racecheck.compiler.expr import FALLIBLE, Op
from racecheck.compiler.ir import (
    Assign,
    Attempt,
    Branch,
    Choose,
    End,
    Enter,
    Event,
    Fail,
    Fence,
    Leave,
    Node,
    Require,
    Rest,
    Result,
    SetGhost,
    Step,
    Together,
    is_place,
)
from racecheck.compiler.program import Graph
from racecheck.explore.lines import DONE, Lines, fork, without_labels
from racecheck.explore.text import LARGEST, MODEL_ERROR, TOO_LARGE, Words
from racecheck.interpreter import LONGEST_MOVE

Label = tuple[int, bool]
"""A node, and whether the move has had its step."""

DEEPEST = 12
"""Nested branches before the code goes on at a label of its own."""
HELD = -1
"""Stands for the locks held among the registers that a path has assigned."""


@frozen
class Path:
    """What is known where code has come to, by the way that it came.

    ``start`` is the place that the move began at, None behind a jump; ``assigned`` are the registers set
    since then; ``pending`` is still to be added to ``t``; ``depth`` counts the branches around.
    """

    start: int | None = None
    assigned: frozenset[int] = frozenset()
    pending: int = 0
    depth: int = 0

    def deeper(self) -> Path:
        """The same within a branch."""
        return evolve(self, depth=self.depth + 1)


def stops(node: Node, stepped: bool) -> bool:
    """Whether a move ends on coming to this node."""
    return is_place(node) and (stepped or isinstance(node, (End, Fail, Rest)))


class Region:
    """Labels and code of one graph; labels of joins are numbered from ``first`` on."""

    error = str(MODEL_ERROR)
    """What the code returns for an error of the model."""

    def __init__(self, graph: Graph, words: Words, starts: list[int], first: int = 0) -> None:
        self.first = first
        self.graph = graph
        self.words = words
        self.starts = starts
        self.joins, self.loops = self._find_joins()
        self.numbers: dict[Label, int] = {}
        self.blocks: list[Lines] = []
        self.todo: list[Label] = []
        self.jumped = False

    def edges(self, label: Label) -> list[Label]:
        """The labels that may come next within the move."""
        at, stepped = label
        node = self.graph.nodes[at]
        stepped = stepped or (isinstance(node, (Step, Together, Enter)) and not node.inside)
        targets = [(successor, stepped) for successor in node.successors()]
        return [(s, step) for s, step in targets if not stops(self.graph.nodes[s], step)]

    def _find_joins(self) -> tuple[set[Label], bool]:
        """The labels that several ways lead to, and whether local code can go round."""
        seen: set[Label] = set()
        joins: set[Label] = set()
        active: set[Label] = set()
        loops = False
        for start in self.starts:
            stack = [((start, False), iter(self.edges((start, False))))]
            if (start, False) in seen:
                joins.add((start, False))
                continue
            seen.add((start, False))
            active.add((start, False))
            while stack:
                label, rest = stack[-1]
                following = next(rest, None)
                if following is None:
                    active.discard(label)
                    stack.pop()
                elif following in seen or following[0] in self.starts:
                    joins.add(following)
                    loops = loops or following in active
                if following is not None and following not in seen:
                    seen.add(following)
                    active.add(following)
                    stack.append((following, iter(self.edges(following))))
        return joins, loops

    def jump(self, lines: Lines, label: Label) -> None:
        """Go on at a label."""
        if label not in self.numbers:
            self.numbers[label] = self.first + len(self.numbers)
            self.todo.append(label)
        self.jumped = True
        lines.add(f"label = {self.numbers[label]}")

    def finish(self) -> None:
        """Write the blocks of the labels that were jumped to."""
        while self.todo:
            label = self.todo.pop(0)
            block = Lines()
            self.blocks.append(block)
            self.chain(block, label, Path(), inside=True)

    def dispatch(self, label: str) -> Lines:
        """All blocks, under a tree of tests of a label; a loop, if there are jumps."""
        if not self.jumped:
            return without_labels(self._tree(label, 0, len(self.blocks)))
        loop = Lines()
        if label != "label":
            loop.add(f"label = {label}")
        with loop.under("while label >= 0:"):
            loop.append(self._tree("label", 0, len(self.blocks)))
        loop.lines = [(d, "label = -1" if text == DONE else text) for d, text in loop.lines]
        return loop

    def _tree(self, label: str, low: int, high: int) -> Lines:
        if high - low == 1:
            return self.blocks[low]
        middle = (low + high) // 2
        return fork(f"{label} < {middle}", self._tree(label, low, middle), self._tree(label, middle, high))

    def chain(self, lines: Lines, label: Label, path: Path, inside: bool = False) -> None:
        """Code from a label to where it jumps or the move ends."""
        passed = 0
        at, stepped = label
        while True:
            node = self.graph.nodes[at]
            if not inside and stops(node, stepped):
                self.fuel(lines, passed)
                self.leaf(lines, at, stepped, path)
                return
            jumps = not inside and ((at, stepped) in self.joins or path.depth > DEEPEST)
            if jumps or not isinstance(node, (Attempt, Event, Fence, Leave)):
                path = self.settle(lines, path)
            if jumps:
                self.fuel(lines, passed)
                self.jump(lines, (at, stepped))
                return
            inside = False
            passed += 1
            if isinstance(node, Result):
                self.result(lines, node)
                return
            stepped = stepped or (isinstance(node, (Step, Together, Enter)) and not node.inside)
            if self.branches(lines, (at, stepped), path, passed):
                return
            path = self.simple(lines, at, node, path)
            at = node.next

    def settle(self, lines: Lines, path: Path) -> Path:
        """Add to ``t`` what is pending."""
        for name, constant in self.words.sums(path.pending):
            if constant:
                lines.add(f"{name} += {constant}")
        return evolve(path, pending=0)

    def fuel(self, lines: Lines, passed: int) -> None:
        """Count nodes, where local code can go round."""
        if self.loops and passed:
            lines.add(f"fuel += {passed}")
            with lines.under(f"if fuel > {LONGEST_MOVE}:"):
                lines.add(f"return {self.error}")

    def branches(self, lines: Lines, label: Label, path: Path, passed: int) -> bool:
        """Code of a node with two ways on, and of all behind it; whether this was one."""
        at, stepped = label
        node = self.graph.nodes[at]
        path = path.deeper()
        yes, no = Lines(), Lines()
        if isinstance(node, Branch):
            condition = self.words.expr(node.condition)
            self.chain(no, (node.no, stepped), path)
        elif isinstance(node, Require):
            condition = self.words.expr(node.condition)
            no.add(DONE)
        elif isinstance(node, Step) and node.operation.waits:
            condition = f"{self.words.load(node.word)} == 0"
            no.add(DONE)
        elif isinstance(node, Step) and node.otherwise >= 0:
            condition = f"(held >> {self.lock_bit(node)}) & 1"
            self.mark(no, at, node)
            self.chain(no, (node.otherwise, stepped), path)
        else:
            return False
        path = self.simple(yes, at, node, path)
        self.chain(yes, (node.next, stepped), path)
        self.fuel(lines, passed)
        lines.append(fork(condition, yes, no))
        return True

    def simple(self, lines: Lines, at: int, node: Node, path: Path) -> Path:
        """Code of a node with one way on; what is known behind it."""
        self.mark(lines, at, node)
        pending = 0
        match node:
            case Assign():
                self.assign(lines, node)
            case Step():
                pending = self.words.operation(lines, node)
                self.hold(lines, node)
            case Together():
                self._together(lines, node)
            case Choose():
                self._choose(lines, node)
            case SetGhost():
                self.words.ghost(lines, node)
        for register in self.words.guards.get(self.graph, frozenset()) & {t.index for t in node.targets()}:
            lines.add(f"if r{register} > {LARGEST} or r{register} < {-LARGEST}:", f"    return {TOO_LARGE}")
        assigned = path.assigned | {target.index for target in node.targets()}
        if isinstance(node, Step) and self.words.kinds[node.word.base] == "Lock":
            assigned |= {HELD}
        return evolve(path, assigned=assigned, pending=path.pending + pending)

    def assign(self, lines: Lines, node: Assign) -> None:
        """``register = value``; a fallible value is checked first."""
        if isinstance(node.value, Op) and node.value.symbol in FALLIBLE:
            with lines.under(f"if {self.words.guard(node.value)}:"):
                lines.add(f"return {self.error}")
        lines.add(f"r{node.target.index} = {self.words.fallible(node.value)}")

    def _together(self, lines: Lines, node: Together) -> None:
        if any(word.length > 1 for word in node.words):
            slots = [f"({w.base} + {self.words.expr(w.index)})" for w in node.words]
            clashes = [f"{a} == {b}" for i, a in enumerate(slots) for b in slots[:i]]
            span = f"max({', '.join(slots)}) - min({', '.join(slots)}) != {len(slots) - 1}"
            with lines.under(f"if {' or '.join([span, *clashes])}:"):
                lines.add(f"return {self.error}")
        loads = [self.words.load(word) for word in node.words]
        for i, load in enumerate(loads):
            lines.add(f"x{i} = {load}")
        for i, register in enumerate(node.loaded):
            lines.add(f"r{register.index} = x{i}")

    def _choose(self, lines: Lines, node: Choose) -> None:
        """The next digit of the choices of this run; a new digit starts at 0."""
        lines.add("if depth == filled:", "    digits[depth] = 0", "    filled += 1")
        lines.add("c = digits[depth]", f"widths[depth] = {len(node.options)}", "depth += 1")
        if node.target is None:
            return
        target = f"r{node.target.index}"
        if node.boolean:
            lines.add(f"{target} = c")
            return
        lines.add(f"x = {self.words.expr(node.options[0])}")
        for i, option in enumerate(node.options[1:], 1):
            lines.add(f"if c == {i}:", f"    x = {self.words.expr(option)}")
        lines.add(f"{target} = x")

    def mark(self, lines: Lines, at: int, node: Node) -> None:
        """Remember that the move passes this node."""

    def hold(self, lines: Lines, node: Step) -> None:
        """Remember which locks the process holds."""

    def lock_bit(self, node: Step) -> str:
        """Which bit of ``held`` stands for the lock."""
        raise NotImplementedError

    def leaf(self, lines: Lines, at: int, stepped: bool, path: Path) -> None:
        """The end of a move."""
        raise NotImplementedError

    def result(self, lines: Lines, node: Result) -> None:
        """The value of a property."""
        raise NotImplementedError
