"""What is measured: models of racecheck, and the constants that make the peers' models the same."""

from __future__ import annotations

from attrs import frozen


@frozen
class Case:
    """A model with its parameters; the peers have a file of the same name with a constant of that value."""

    name: str
    file: str
    parameters: dict[str, object]
    constants: dict[str, int]
    claim: str

    @property
    def label(self) -> str:
        """How tables name it."""
        return " ".join([self.name, *(f"{name}={value}" for name, value in self.constants.items())])

    def options(self) -> list[str]:
        """The parameters as the command line takes them."""
        return [f"{name}={value}" for name, value in self.parameters.items()]


def mapunmap(n: int) -> Case:
    return Case("mapunmap", "bench/models/mapunmap.py", {"n": n}, {"N": n}, "refcount >= mapcount")


def locks(n: int) -> Case:
    claim = "the first bucket's count stays below the most"
    return Case("locks", "bench/models/locks.py", {"n": n}, {"N": n}, claim)


def compaction(mappings: int) -> Case:
    """The real model, bias 1024, with a policy that loads both counts, a mapper and a pinner."""
    parameters = {"policy": "wilcox_difference", "mappings": mappings}
    claim = "refcount covers mapcount"
    return Case("compaction", "models/compaction.py", parameters, {"MAPPINGS": mappings}, claim)


FULL = [*map(mapunmap, (6, 7, 8, 9, 10)), compaction(1100), locks(4)]
QUICK = [mapunmap(6), compaction(110), locks(2)]
