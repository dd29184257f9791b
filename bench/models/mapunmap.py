"""The benchmark: mappers that map and unmap for ever, and a scanner that compares counts."""

from racecheck import Atomic, Model, Process, Shared, always, event, model


class Page(Shared):
    refcount = Atomic(1)
    mapcount = Atomic(0)


def mapper(page):
    while True:
        page.refcount.inc()
        page.mapcount.inc()
        page.mapcount.dec()
        page.refcount.dec()


def scanner(page):
    while True:
        page.refcount.inc()
        maps = page.mapcount.read()
        refs = page.refcount.read()
        event("isolated") if refs - maps == 2 else event("skipped")
        page.refcount.dec()


@model
def mapunmap(n=2):
    page = Page()
    return Model(
        Process("mapper", mapper, page, count=n),
        Process("scanner", scanner, page),
        always("refcount >= mapcount", lambda: page.refcount >= page.mapcount),
    )
