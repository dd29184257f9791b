"""Models about progress that are small enough for a hand: a victim, and what is done to it."""

from racecheck import (
    HOSTILE,
    KERNEL,
    VICTIM,
    Atomic,
    Ghost,
    Lock,
    Model,
    Process,
    Shared,
    choose,
    event,
    model,
    progress,
    rest,
    wait_until,
)  # fmt: skip


class Page(Shared):
    ref = Atomic(1)
    busy = Atomic(0)
    gate = Atomic(0)
    lock = Lock()
    other = Lock()
    pins = Ghost(0)


def looker(page):
    while True:
        if page.busy.read() == 0:
            event("goal")


def reader_after(page):
    while True:
        if page.busy.read() == 0:
            event("goal")
        page.ref.read()


def preparer(page):
    while page.gate.xchg(1) == 0:
        page.ref.read()
    while True:
        page.gate.read()
        if page.busy.read() == 0:
            event("goal")


def doubter(page):
    while True:
        for _ in range(2):
            if page.busy.read() == 0:
                event("goal")
        page.busy.set(0)


def hopeful(page):
    while True:
        if page.busy.read() == 1:
            event("goal")


def unpinned(page):
    while True:
        if page.ref.read() == 1:
            event("goal")


def cleaner(page):
    while True:
        if page.busy.xchg(0) == 0:
            event("goal")


def waiter(page):
    while True:
        wait_until(lambda: page.busy == 0)
        event("goal")


def locker(page):
    while True:
        page.lock.lock()
        page.lock.unlock()
        event("goal")


def double_locker(page):
    while True:
        page.lock.lock()
        page.other.lock()
        page.other.unlock()
        page.lock.unlock()
        event("goal")


def chooser(page):
    while True:
        if choose():
            if page.busy.read() == 0:
                event("goal")
        elif page.gate.read() == 0:
            event("goal")


def scanner(page):
    while True:
        page.ref.inc()
        if page.ref.read() == 2:
            event("goal")
        page.ref.dec()


def referencer(page):
    while True:
        rest()
        page.ref.inc()
        page.ref.dec()


def setter(page):
    while True:
        rest()
        page.busy.set(1)


def keeper(page):
    while True:
        rest()
        page.busy.set(1)
        rest()
        page.busy.set(0)


def spinner(page):
    while True:
        rest()
        page.busy.set(1)
        while choose():
            page.busy.read()
        page.busy.set(0)


def toggler(page):
    while True:
        rest()
        page.busy.set(1)
        page.busy.set(0)


def lock_keeper(page):
    while True:
        rest()
        page.lock.lock()
        rest()
        page.lock.unlock()


def lock_user(page):
    while True:
        rest()
        page.lock.lock()
        page.ref.read()
        page.lock.unlock()


def lock_waiter(page):
    while True:
        rest()
        page.ref.inc()
        page.lock.lock()
        page.lock.unlock()
        page.ref.dec()


def lock_spinner(page):
    while True:
        rest()
        page.ref.inc()
        while not page.lock.trylock():
            pass
        page.lock.unlock()
        page.ref.dec()


def crossing_locker(page):
    while True:
        rest()
        page.other.lock()
        page.lock.lock()
        page.lock.unlock()
        page.other.unlock()


def lock_thief(page):
    page.lock.lock()
    page.busy.set(1)


def pinner(page):
    while True:
        rest()
        page.ref.inc()
        page.gate.set(0)
        page.pins += 1
        page.ref.dec()
        page.pins -= 1


def breaker(page):
    while True:
        rest()
        page.busy.set(1)
        assert page.busy == 0


def choosing_locker(page):
    while True:
        if choose():
            page.lock.lock()
        else:
            page.lock.lock()
        page.lock.unlock()


def busy_locker(page):
    while True:
        page.lock.lock()
        while page.busy.read() == 1:
            pass
        page.lock.unlock()


def tosser(page):
    if choose():
        page.busy.set(1)
    else:
        page.busy.set(0)


def announcer(page):
    while True:
        page.ref.read()
        event("goal")


def built(victim, *hostile, kernel=(), excused=False):
    """A model function: one process for each function; a block costs ``busy``, and minus ``ref``."""

    @model
    def program():
        page = Page()
        return Model(
            Process("victim", victim, page, role=VICTIM),
            *(Process(f"hostile {n}", function, page, role=HOSTILE) for n, function in enumerate(hostile)),
            *(Process(f"kernel {n}", function, page, role=KERNEL) for n, function in enumerate(kernel)),
            progress(
                "goal",
                unless=(lambda: page.pins > 0) if excused else None,
                cost={"busy": lambda: page.busy, "idle": lambda: -page.ref},
            ),
        )

    return program
