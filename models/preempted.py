"""Mappers that are preempted between their two increments, for as long as that lasts.

The scanner is that of compaction.py; ``stopped`` mappers are what it costs to keep it from its folio. One
process makes the steps of them all: at ``rest()`` those that have begun are preempted, and nothing makes
them go on. With ``resume=False`` they never do, which is enough to ask how many it takes.

Sources: as in attackers.py.
"""

from attackers import hostile
from compaction import isolated, scanner_of
from policies import POLICIES, folio_at_rest

from racecheck import (
    VICTIM,
    Ghost,
    Model,
    Process,
    Shared,
    choose,
    model,
    one_of,
    progress,
    rest,
    sometimes,
)


class Mappers(Shared):
    stopped = Ghost(0)


def filemap_map_pages(folio, them, most, resume):  # mm/filemap.c; fork has the same order
    begun = stopped = 0
    while True:
        rest()
        if begun < most and choose():
            folio.refcount.add_unless(1, 0)
            begun += 1
            stopped += 1
            them.stopped += 1
        elif resume and stopped > 0:
            folio.mapcount.inc_return()
            stopped -= 1
            them.stopped -= 1


@model
def preempted(
    policy=one_of(*POLICIES),
    page=one_of("anon", "file", compared=False),
    mappers=1,
    resume=True,
    bias=1024,
    limit=32,
):
    owner = int(page == "anon")
    folio = folio_at_rest(
        owner, page, "order0", private=False, swapcache=False, longterm=False, movable=False,
        bias=bias, limit=limit,
    )  # fmt: skip
    them = Mappers()
    return Model(
        Process("scanner", scanner_of(policy), folio, policy, isolated, role=VICTIM),
        hostile("mappers", filemap_map_pages, folio, them, mappers, resume),
        sometimes("all are stopped at once", lambda: them.stopped == mappers),
        progress("isolated", cost={"stopped": lambda: them.stopped}),
    )
