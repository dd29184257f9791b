"""The benchmark with locks and arrays: workers count in buckets, each with a lock of its own."""

from racecheck import Array, Atomic, Lock, Model, Process, Shared, always, choose, model

BUCKETS = 4
MOST = 4


class Table(Shared):
    locks = Array(Lock(), BUCKETS)
    counts = Array(Atomic(0), BUCKETS)


def worker(table):
    while True:
        bucket = choose(0, 1, 2, 3)
        table.locks[bucket].lock()
        old = table.counts[bucket].read()
        replaced = table.counts[bucket].xchg((old + 1) % MOST)
        assert replaced == old, "nobody else counts in a bucket that is locked"
        table.locks[bucket].unlock()


@model
def locks(n=2):
    table = Table()
    return Model(
        Process("worker", worker, table, count=n),
        always("the first bucket's count stays below the most", lambda: table.counts[0] < MOST),
    )
