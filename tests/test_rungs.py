"""Each rung of the ladder has a model that ends on it, and a small change to that which moves it."""

from pathlib import Path

import pytest

import racecheck as rc
from racecheck.api import report_on
from racecheck.load import module_of
from racecheck.replay import replay
from racecheck.words import context

MODELS = Path(__file__).parents[1] / "models"
compaction = module_of(str(MODELS / "compaction.py")).compaction


def gapped(folio):
    """models/attackers.py:vmsplice, but it drops its reference before it takes the next one."""
    while True:
        rc.rest()
        folio.refcount.inc()
        while rc.choose():
            folio.refcount.dec_and_test()
            folio.refcount.inc()
        folio.refcount.dec_and_test()


def gapped_relay(folio, sizes):  # noqa: ARG001 - a builder gets both
    """The attacker that leaves a gap."""
    return rc.Process("gapped", gapped, folio, role=rc.HOSTILE)


SMALL = {"bias": 8, "limit": 2}
PINNED = {"policy": "maybe_dma_pinned", "attackers": "mapper+pinner", **SMALL}
RACED = {"attackers": "mapper+pinner", "mappings": 2, **SMALL}
ENDS = {  # a choice of parameters, and the rung that it ends on; the second is the mutant
    # The owner's mapping, the scanner's reference and 6 mappings make 8, whoever looks; 5 do not.
    "at rest": ({**PINNED, "mappings": 6}, {**PINNED, "mappings": 5}, "never"),
    # The next reference is taken before the last one is dropped: there is one whenever the scanner looks.
    "by strategy": ({"policy": "mainline_check", "attackers": "relay"}, "with a gap", "by racing"),
    # A map between the two loads; one load leaves no room for it.
    "by racing": ({"policy": "mainline_check", **RACED}, {"policy": "one_load", **RACED}, "never"),
    "never": ({"policy": "one_load", **RACED}, {"policy": "mainline_check", **RACED}, "by racing"),
}


def decided(model):
    """The result of a model's progress property."""
    return next(result for result in report_on(model).results if result.progress)


def with_a_gap():
    """The scanner against the attacker that leaves a gap; the rest is as it is with "relay"."""
    model = compaction(**ENDS["by strategy"][0])
    (relay,) = (process for process in model.processes if process.role is rc.HOSTILE)
    folio = relay.args[0]

    @rc.model
    def gap():
        context.created.extend(model.shared)
        others = [process for process in model.processes if process is not relay]
        return rc.Model(*others, gapped_relay(folio, None), *model.properties)

    return gap()


@pytest.mark.parametrize("rung", ENDS)
def test_a_model_ends_on_each_rung(rung):
    """As computed; where there is a block, its lasso replays."""
    model = compaction(**ENDS[rung][0])
    result = decided(model)
    assert result.progress.rung == rung
    assert (result.trace is None) == (rung == "never")
    assert result.trace is None or replay(result.trace, model).reproduced


@pytest.mark.parametrize("rung", ENDS)
def test_a_small_change_moves_it(rung):
    """One mapping fewer, a gap, one load for two, two for one."""
    _, mutant, moved = ENDS[rung]
    model = with_a_gap() if mutant == "with a gap" else compaction(**mutant)
    assert decided(model).progress.rung == moved
