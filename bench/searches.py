"""The sections that compare searches: equal counts, speed on one core and on two, and time to a verdict."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import peers
import spin
from attrs import evolve
from cases import QUICK, Case, compaction, locks, mapunmap
from ours import measured
from processes import ran
from rows import Cost, Ratio, Row, Section, Tool, contest, section
from setting import Setting

DEFINITION = (
    "A transition is a pair of a state and a move: what SPIN stored and matched, and what TLC generated,"
    " less the initial state. Counts agree exactly; a search whose counts differ stops the benchmark."
)


def agree(setting: Setting) -> tuple[Section, list[Ratio]]:
    """The same small cases for all who are here; symmetry only for Harmony, which always has it."""
    cells = []
    for case in QUICK:
        expected = setting.counts(case)
        found = dict.fromkeys(setting.engines[:1], expected)
        for engine in setting.engines[1:]:
            row = measured(case, engine)
            found[engine] = row["states"], row["transitions"]
        if setting.has("SPIN"):
            for options in spin.ONE_CORE:
                states, transitions, _ = setting.pan(case, options)[0].search(1)
                found[f"SPIN {options.label}"] = states, transitions
        if setting.has("TLC"):
            found["TLC"] = peers.tlc(case)[:2]
        assert set(found.values()) == {expected}, f"{case.label}: counts differ: {found}"
        cells += [[case.label, tool, *(f"{count:,}" for count in counts)] for tool, counts in found.items()]
    if setting.has("Harmony"):
        cells += _agree_on_symmetry(setting)
    head = ["model", "tool", "states", "transitions"]
    values = [dict(zip(head, row, strict=True)) for row in cells]
    return Section("Counts that agree", head, cells, values, [DEFINITION]), []


def _agree_on_symmetry(setting: Setting) -> list[list[str]]:
    case = QUICK[0]
    row = measured(case, setting.engines[0], symmetry=True)
    states, _ = peers.harmony(case)
    assert states == row["states"], f"Harmony finds {states} states, not {row['states']}"
    label = f"{case.label}, symmetry"
    ours = [label, setting.engines[0], f"{states:,}", f"{row['transitions']:,}"]
    return [ours, [label, "Harmony", f"{states:,}", "other moves"]]


def one_core(setting: Setting) -> tuple[Section, list[Ratio]]:
    rows = [row for case in setting.cases for row in _on_one_core(setting, case)]
    engine = setting.engines[0]
    return (
        section("One core", rows, "Seconds of the processor.", *_told(setting, rows)),
        [
            Ratio("transitions/s over SPIN's best, one core", _least(setting, rows, engine, "SPIN"), 5, 12),
            Ratio("states/s over generated Python", _least(setting, rows, "compiled", "python"), 10, 20),
        ],
    )


def _on_one_core(setting: Setting, case: Case) -> list[Row]:
    tools = [setting.ours(case, engine, 1) for engine in setting.engines_for(case)]
    if case.name == "mapunmap" and "python" in setting.engines_for(case):
        tools.append(setting.ours(case, "by hand", 1))
    if setting.has("SPIN"):
        tools += [setting.theirs(case, options, 1) for options in spin.ONE_CORE]
    return contest(case.label, tools, setting.repeats(case))


def two_cores(setting: Setting) -> tuple[Section, list[Ratio]]:
    rows = []
    for case in filter(setting.large, setting.cases):
        tools = [setting.ours(case, engine, 2) for engine in setting.engines_for(case)[:1]]
        if setting.has("SPIN"):
            tools += [setting.theirs(case, options, 2) for options in [*spin.TWO_CORES, *spin.ONE_CORE]]
        rows += contest(case.label, tools, setting.repeats(case))
    ratio = _least(setting, rows, setting.engines[0], "SPIN")
    notes = [
        "Seconds by the clock. -DBFS_PAR without -DNO_TDH keeps hashes: it might miss states.",
        "SPIN may leave a core idle, where its other searches are faster than those for two cores.",
    ]
    found = section("Two cores", rows, *notes, *_told(setting, rows))
    return found, [Ratio("transitions/s over SPIN's best, two cores", ratio, 7, 20)]


def _best(rows: Sequence[Row], case: str, tool: str) -> float | None:
    return max((row.speed for row in rows if (row.case, row.tool) == (case, tool)), default=None)


def _ratios(rows: Sequence[Row], case: str, ours: str, theirs: str) -> list[float]:
    one, other = _best(rows, case, ours), _best(rows, case, theirs)
    return [one / other] if one and other else []


def _least(setting: Setting, rows: Sequence[Row], ours: str, theirs: str) -> float | None:
    """The worst of the large cases."""
    large = [case.label for case in setting.cases if setting.large(case)]
    return min((ratio for case in large for ratio in _ratios(rows, case, ours, theirs)), default=None)


def _told(setting: Setting, rows: Sequence[Row]) -> list[str]:
    """The ratios of each case, small ones too."""
    pairs = [
        (engine, other) for engine in setting.engines for other in ("SPIN", "python") if engine != other
    ]
    return [
        f"{case.label}: {ours} over {theirs}{' at its best' * (theirs == 'SPIN')}: {ratio:.2f}"
        for case in setting.cases
        for ours, theirs in pairs
        for ratio in _ratios(rows, case.label, ours, theirs)
    ]


def tune(setting: Setting) -> tuple[Section, list[Ratio]]:
    """Each set of options that was tried."""
    rows = []
    for case in QUICK if setting.quick else [mapunmap(8), compaction(1100), locks(4)]:
        rows += _tuned(setting, case, spin.TRIED_ON_ONE, 1)
        rows += _tuned(setting, case, spin.TRIED_ON_TWO, 2)
        if case.name == "mapunmap":
            flat = [evolve(options, flat=True) for options in spin.ONE_CORE]
            rows += _tuned(setting, case, flat, 1)
    notes = ["On one core seconds of the processor, on two of the clock; of each kind the fastest first."]
    return section("SPIN's options", rows, *notes), []


def _tuned(setting: Setting, case: Case, options: list[spin.Options], cores: int) -> list[Row]:
    tools = [setting.theirs(case, each, cores) for each in options] if setting.has("SPIN") else []
    rows = contest(f"{case.label}, cores={cores}", tools, setting.repeat) if tools else []
    return sorted(rows, key=lambda row: row.best)


def verdict(setting: Setting) -> tuple[Section, list[Ratio]]:
    """From the model's text to the verdict, with whatever is compiled on the way."""
    rows = []
    for case in setting.cases:
        tools = _verdicts(case, setting.engines_for(case)[0])
        if setting.has("SPIN"):
            tools += [
                ("SPIN", options.label, partial(_spin_verdict, case, options, setting.counts(case)[0]))
                for options in spin.VERDICT
            ]
        if setting.has("TLC") and not setting.large(case):
            tools.append(("TLC", "", partial(_tlc_verdict, case)))
        rows += contest(case.label, tools, setting.repeats(case))
    notes = [
        "Seconds by the clock, of everything: reading the model, generating code, compiling, searching.",
        "Without -DNOREDUCE SPIN has partial-order reduction. Its states are then its own.",
        "Ours judges deadlocks besides the claim.",
    ]
    return section("Time to verdict", rows, *notes), []


def _verdicts(case: Case, engine: str) -> list[Tool]:
    kinds = ["warm", "cold"] if engine == "compiled" else ["warm"]
    return [
        (engine, f"{kind}{', no symmetry' * bool(more)}", partial(_our_verdict, case, engine, kind, more))
        for kind in kinds
        for more in ([], ["--no-symmetry"])
    ]


def _our_verdict(case: Case, engine: str, kind: str, more: list[str]) -> Cost:
    command = [sys.executable, "-c", "from racecheck.cli import main; main()", "check", case.file, "--json"]
    command += ["--engine", engine, "--property", case.claim, *more]
    command += [part for option in case.options() for part in ("-p", option)]
    with TemporaryDirectory() as empty:
        done = ran(command, env={"NUMBA_CACHE_DIR": empty} if kind == "cold" else {})
    report = json.loads(done.out)
    return report["states"], report["transitions"], done.wall, done.peak


def _spin_verdict(case: Case, options: spin.Options, expected: int) -> Cost:
    with TemporaryDirectory() as folder:
        pan, seconds = spin.build(case, options, Path(folder) / "pan", expected)
        states, _, done = pan.search(None)
    return states, 0, seconds + done.wall, done.peak


def _tlc_verdict(case: Case) -> Cost:
    states, transitions, done = peers.tlc(case)
    return states, transitions, done.wall, done.peak
