"""The models' operations as words: which changes of the refcount each makes, one after the other.

A row names a function of ``models/``, which names the kernel's. What no row spells, no model explains.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from attrs import frozen

import racecheck
from racecheck.errors import UsageError
from racecheck.load import module_of
from racecheck.model import HOSTILE, KERNEL, Model, Process
from racecheck.observe.project import Projection
from racecheck.observe.records import SET

Symbol = tuple[int, int, int]
"""A change as a record has it: kind, val and ret."""
LONGEST: Final = 3
MAP, UNMAP, GET, PUT, FREE = "map", "unmap", "get", "put", "free"
COPY, FAST_PIN, SLOW_PIN, UNPIN = "copy on write", "fast pin", "slow pin", "unpin"
BATCH, TRUNCATE, SKIP, ISOLATE = "LRU batch", "truncation", "skip", "isolation"
ALLOCATE = "allocation"
FROZEN, REFUSED, MIGRATED, REFUSED_FORK = "freeze", "failed freeze", "migration", "fork of a pinned page"
FAILED = "failed migration"
SPLIT, PMD_SPLIT, RECLAIM = "huge page split", "PMD split", "reclaim"
OF_NO_MODEL: Final = (SPLIT, PMD_SPLIT, RECLAIM)
"""Known from mm/huge_memory.c:__split_huge_page, __split_huge_pmd_locked and mm/vmscan.c alone."""
MAP_OR_GET, UNMAP_OR_PUT = "map or get", "unmap or put"
"""The log does not tell these two from each other: see docs/kernel-traces.md."""

ROWS: Final = (
    (MAP, "folio", "filemap_map_pages", ()),
    (MAP, "folio", "filemap_map_folio_range", ()),
    (MAP, "folio", "copy_present_pte", ("file",)),
    (REFUSED_FORK, "folio", "copy_present_pte", ("anon",)),
    (UNMAP, "folio", "zap_pte_range", ()),
    (COPY, "folio", "wp_page_copy", ()),
    (GET, "folio", "folio_try_get", ()),
    (GET, "folio", "folio_get", ()),
    (PUT, "folio", "folio_put", ()),
    (FAST_PIN, "folio", "gup_pte_range", ("none",)),
    (SLOW_PIN, "folio", "follow_page_pte", ("none",)),
    (UNPIN, "folio", "gup_put_folio", ("none",)),
    (BATCH, "attackers", "folio_activate", ()),
    (TRUNCATE, "attackers", "truncate_inode_pages_range", ()),
    (SKIP, "compaction", "isolate_migratepages_block", ("longterm_pinned", "isolated")),
)
KNOWN_OTHERWISE: Final = (SKIP, BATCH)
"""An attempt is known by who makes it, a batch by the flags that change when it is drained."""
PASS: Final = ("migration", "unmap_and_move")
"""One pass of migration over an isolated folio: unmap, freeze, map again."""


@frozen
class Lexicon:
    """The operations' words, with those that each beginning may become, and the policies' file."""

    words: dict[tuple[Symbol, ...], frozenset[str]]
    leads: dict[tuple[Symbol, ...], frozenset[str]]
    one_pass: Projection
    policies: ModuleType


def models_folder(given: str | None) -> Path:
    """The folder of the models: the given one, or that beside the package; UsageError if there is none."""
    folder = Path(given) if given else Path(racecheck.__file__).parents[1] / "models"
    for name in ("folio", "attackers", "compaction", "migration", "policies"):
        if not (folder / f"{name}.py").is_file():
            why = f"no {name}.py here, and the operations are the models'; name their folder: --models DIR"
            raise UsageError(why, str(folder))
    return folder


def lexicon_of(folder: Path) -> Lexicon:
    """The words of the models in a folder. Runs the models' files; takes about half a second."""
    files = {name: module_of(str(folder / f"{name}.py")) for name in ("folio", "policies", "attackers")}
    files |= {name: module_of(str(folder / f"{name}.py")) for name in ("compaction", "migration")}
    words: dict[tuple[Symbol, ...], set[str]] = {}
    leads: dict[tuple[Symbol, ...], set[str]] = {}
    for name, file, function, names in ROWS:
        arguments = [getattr(files[file], argument, argument) for argument in names]
        for changes in _projected(files, file, function, arguments).words(LONGEST):
            word = tuple((c.kind, c.val or 0, -1 if c.ret is None else c.ret) for c in changes)
            if len(word) > 1 and name in KNOWN_OTHERWISE:
                continue
            words.setdefault(word, set()).add(name)
            for length in range(1, len(word)):
                leads.setdefault(word[:length], set()).add(name)
    words[((SET, files["policies"].Folio.refcount.initial, -1),)] = {ALLOCATE}  # where a model begins
    one_pass = _projected(files, *PASS, [])
    return Lexicon(_fixed(words), _fixed(leads), one_pass, files["policies"])


def _fixed(table: dict[tuple[Symbol, ...], set[str]]) -> dict[tuple[Symbol, ...], frozenset[str]]:
    return {word: frozenset(names) for word, names in table.items()}


def _projected(files: dict[str, ModuleType], file: str, function: str, arguments: list[Any]) -> Projection:
    """A function of the models as the only process of a model, projected to the refcount."""
    run: Callable[..., Any] = getattr(files[file], function)
    folio_of = files["folio"].Folio if file == "folio" else files["policies"].Folio
    role = HOSTILE if "rest" in run.__code__.co_names else KERNEL

    def operation() -> Model:
        return Model(Process("operation", run, folio_of(), *arguments, role=role))

    return Projection(racecheck.model(operation)(), "folio.refcount")
