"""What is in a state: everything that can change the future, and nothing else."""

import racecheck as rc


class Page(rc.Shared):
    """One word that others change, and a ghost."""

    x = rc.Atomic(0)
    seen = rc.Ghost(0)


def flip(page):
    """Change the word for ever."""
    while True:
        page.x.xchg(1)
        page.x.xchg(0)


def plain(page):
    """Read twice, and use nothing."""
    page.x.read()
    page.x.read()


def dead(page):
    """A local that is never used."""
    value = page.x.read()
    page.x.read()
    return value


def faint(page):
    """Locals that only feed locals that are never used."""
    value = page.x.read()
    double = value * 2
    page.x.read()
    total = 1
    total += double + value if double else 0
    return total


def ghostly(page):
    """A ghost that no property reads."""
    page.x.read()
    page.seen += 1
    page.x.read()
    page.seen += 1


def used(page):
    """A local that is used after the second read."""
    value = page.x.read()
    page.x.read()
    page.x.add(value - value)


def late(page):
    """A choice is made with the step that follows it, not before."""
    page.x.read()
    if rc.choose():
        page.x.read()
    else:
        page.x.or_(0)


def states(function):
    """How many states one such process has beside one that changes the word."""

    @rc.model
    def pair():
        page = Page()
        return rc.Model(rc.Process("other", flip, page), rc.Process("one", function, page))

    return rc.state_space(pair, symmetry=False).states


def test_dead_locals_are_not_in_the_key():
    """Two places of the other, three of this one."""
    assert states(plain) == 2 * 3
    assert [states(function) for function in (dead, faint, ghostly)] == [6, 6, 6]


def test_live_locals_are():
    """What was read tells states apart, until it is used."""
    assert states(used) == 2 * (1 + 2 + 2 + 1)


def test_a_choice_makes_no_place():
    """Start, before the choice, end: whatever is chosen."""
    assert states(late) == 2 * 3


def test_a_ghost_that_a_property_reads_is_in_the_key():
    """Then it tells states apart."""

    @rc.model
    def watched():
        page = Page()
        process = rc.Process("one", loop, page)
        return rc.Model(process, rc.sometimes("odd", lambda: page.seen == 1))

    def loop(page):
        while True:
            page.x.read()
            page.seen ^= 1

    assert rc.state_space(watched).states == 2
