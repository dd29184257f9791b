"""What a run of the benchmark has at hand: engines, peers that are installed, and how often to repeat."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path

import peers
import spin
from attrs import define, field
from cases import FULL, QUICK, Case
from ours import measured
from rows import Cost, Tool
from spin import Options

from racecheck.explore.automatic import ENGINES

LARGE = 500_000
"""States from which on a case counts for ratios: below, it is over before it can be timed."""
HUGE = 5_000_000
"""States from which on one run is enough: what disturbs it is short beside it."""
TOO_LARGE = 10
"""Mappers that are too many for engines in Python: gigabytes, and minutes."""


@define(slots=False)
class Setting:
    """``folder`` is for the peers' programs; ``skipped`` says what is not measured, and why."""

    folder: Path
    quick: bool
    repeat: int
    skipped: list[str] = field(factory=list)
    _counts: dict[str, tuple[int, int]] = field(factory=dict)
    _built: dict[tuple[str, Options], tuple[spin.Pan, float]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        missing = {
            "the compiled engine": None if "compiled" in ENGINES else "racecheck has none",
            "SPIN": spin.missing(),
            "TLC": peers.missing_tlc(),
            "Harmony": peers.missing_harmony(),
        }
        self.skipped += [f"{name} is skipped: {what}" for name, what in missing.items() if what]
        self._missing = {name for name, what in missing.items() if what}

    def has(self, name: str) -> bool:
        return name not in self._missing

    @cached_property
    def engines(self) -> list[str]:
        """The fastest first."""
        return [*["compiled"][: self.has("the compiled engine")], "python"]

    @property
    def cases(self) -> list[Case]:
        """Those that some engine can do."""
        return [case for case in (QUICK if self.quick else FULL) if self.engines_for(case)]

    def engines_for(self, case: Case) -> list[str]:
        too_large = case.name == "mapunmap" and case.constants["N"] >= TOO_LARGE
        return [engine for engine in self.engines if engine == "compiled" or not too_large]

    def counts(self, case: Case) -> tuple[int, int]:
        """How many states and transitions the case has, as our fastest engine says."""
        if case.label not in self._counts:
            row = measured(case, self.engines_for(case)[0])
            self._counts[case.label] = row["states"], row["transitions"]
        return self._counts[case.label]

    def large(self, case: Case) -> bool:
        return self.quick or self.counts(case)[0] >= LARGE

    def repeats(self, case: Case) -> int:
        return 1 if self.counts(case)[0] >= HUGE else self.repeat

    def pan(self, case: Case, options: Options) -> tuple[spin.Pan, float]:
        """A verifier, built once, and how long that took."""
        key = case.label, options
        if key not in self._built:
            folder = self.folder / str(len(self._built))
            self._built[key] = spin.build(case, options, folder, self.counts(case)[0])
        return self._built[key]

    def ours(self, case: Case, engine: str, cores: int) -> Tool:
        return engine, "", partial(self._run_ours, case, engine, cores)

    def theirs(self, case: Case, options: Options, cores: int) -> Tool:
        return "SPIN", options.label, partial(self._run_theirs, case, options, cores)

    def _run_ours(self, case: Case, engine: str, cores: int) -> Cost:
        row = measured(case, engine, cores, alone=True)
        assert row["complete"], f"{case.label}: the search of {engine} has not ended"
        self._agree(case, row["states"], row["transitions"], engine)
        return row["states"], row["transitions"], row["cpu" if cores == 1 else "wall"], row["memory"]

    def _run_theirs(self, case: Case, options: Options, cores: int) -> Cost:
        pan, _ = self.pan(case, options)
        states, transitions, done = pan.search(cores)
        self._agree(case, states, transitions, options.label)
        return *self.counts(case), done.cpu if cores == 1 else spin.elapsed(done), done.peak

    def _agree(self, case: Case, states: int, transitions: int, who: str) -> None:
        """Only equal state spaces are compared."""
        found, expected = (states, transitions), self.counts(case)
        agree = all(map(spin.same, found, expected))
        assert agree, f"{case.label}: {who} finds {found}, not {expected}"
