"""The policies load and compute what their sources do; the attackers do what each combination promises.

Loads and formulas are written down here by hand, from the kernel's expressions; C is the refcount with the
scanner's own reference, M the mapcount, P the pincount.
"""

from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

from racecheck.api import report_on
from racecheck.compiler.compile import compile_model
from racecheck.compiler.ir import Step, Together
from racecheck.errors import UsageError
from racecheck.load import find_model
from racecheck.words import context

MODELS = Path(__file__).parents[1] / "models"
COMPACTION = find_model(str(MODELS / "compaction.py"))
MIGRATION = find_model(str(MODELS / "migration.py"))
POLICIES = COMPACTION.parameters["policy"].options
ATTACKERS = COMPACTION.parameters["attackers"].options
PAGES = ("anon", "file", "shmem")
BIAS, LIMIT = 8, 2
SMALL = {"mappings": 2, "bias": BIAS, "limit": LIMIT}

# Which words, in which order: for anon, and for file where that differs. "and" stands for one load.
LOADS = {
    "always_try": ("", ""),
    "mainline_check": ("mapping refcount mapcount",),
    "mainline_check_mapcount_first": ("mapping mapcount refcount",),
    "unreferenced_check": ("mapping refcount mapcount",),
    "unreferenced_check_mapcount_first": ("mapping mapcount refcount",),
    "aziz_v2": ("mapping private refcount mapcount",),
    "aziz_v2_mapcount_first": ("mapping private mapcount refcount",),
    "aziz_v3": ("refcount mapcount", "private refcount mapcount"),
    "aziz_v3_mapcount_first": ("mapcount refcount", "private mapcount refcount"),
    "aziz_v4": ("mapping private refcount mapcount",),
    "aziz_v4_mapcount_first": ("mapping private mapcount refcount",),
    "maybe_dma_pinned": ("refcount",),
    "wilcox_difference": ("refcount mapcount",),
    "wilcox_difference_mapcount_first": ("mapcount refcount",),
    "wilcox_signed": ("refcount mapcount",),
    "wilcox_signed_mapcount_first": ("mapcount refcount",),
    "longterm_pinned": ("refcount", ""),
    "skip_longterm_or": ("refcount mapcount", ""),
    "skip_longterm_and": ("refcount", ""),
    "skip_pinned_or": ("refcount mapcount",),
    "skip_pinned_and": ("refcount",),
    "ksm_check": ("mapcount refcount",),
    "ksm_check_refcount_first": ("refcount mapcount",),
    "anon_exclusive_shortcut": ("anon_exclusive refcount", "refcount"),
    "expected_ref_count": ("refcount mapcount", "refcount mapping private mapcount"),
    "expected_ref_count_mapcount_first": ("mapcount refcount", "mapping private mapcount refcount"),
    "one_load": ("refcount and mapcount",),
}


def loads(policy, **parameters):
    """The words that the compiled scanner loads, in the order of its source."""
    program = compile_model(COMPACTION(policy=policy, **parameters))
    found = []
    for node in program.entries[0].graph.nodes:
        words = [node.word] if isinstance(node, Step) else node.words if isinstance(node, Together) else []
        names = [program.slots[word.base].label.removeprefix("folio.") for word in words]
        if isinstance(node, Together) or (names and node.operation.name in ("read", "test")):
            found.append(" and ".join(names))
    return " ".join(found).removeprefix("lru ")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_loads_in_the_order_of_its_source(policy):
    """A large folio's pin tests load the pincount alone."""
    anon, file = LOADS[policy][0], LOADS[policy][-1]

    assert loads(policy, page="anon") == anon
    assert loads(policy, page="file") == file
    if policy in ("maybe_dma_pinned", "wilcox_difference", "anon_exclusive_shortcut", "one_load"):
        assert loads(policy, size="large") == "pincount"


def pinned(f):
    return f.P > 0 if f.nr > 1 else f.C % 2**32 >= BIAS


def longterm(f):
    return not f.movable and f.page != "file" and pinned(f)


def cache(f):
    """Whether folio_mapping() finds an address space."""
    return f.mapping or f.swapcache


FORMULAS = {
    "always_try": lambda _: False,
    "mainline_check": lambda f: not cache(f) and f.C - 1 > f.M,
    "unreferenced_check": lambda f: not cache(f) and f.C > f.M,
    "aziz_v2": lambda f: (f.C - (1 + f.private if cache(f) else 0)) % 2**64 > f.M,
    "aziz_v3": lambda f: (f.C - 1 - (f.swapcache if f.page == "anon" else 1 + f.private)) % 2**64 > f.M,
    "aziz_v4": lambda f: not f.movable and (f.C - 1 - (f.nr + f.private if cache(f) else 0)) % 2**64 > f.M,
    "maybe_dma_pinned": pinned,
    "wilcox_difference": lambda f: f.P > 0 if f.nr > 1 else (f.C - f.M) % 2**32 >= BIAS,
    "wilcox_signed": lambda f: f.P > 0 if f.nr > 1 else f.C - f.M >= BIAS,
    "longterm_pinned": longterm,
    "skip_longterm_or": lambda f: longterm(f) and (f.nr > 1 or f.M <= LIMIT),
    "skip_longterm_and": lambda f: longterm(f) and f.nr > 1 and f.M <= LIMIT,
    "skip_pinned_or": lambda f: pinned(f) and (f.nr > 1 or f.M <= LIMIT),
    "skip_pinned_and": lambda f: pinned(f) and f.nr > 1 and f.M <= LIMIT,
    "ksm_check": lambda f: f.M + 1 + f.swapcache != f.C,
    "anon_exclusive_shortcut": lambda f: pinned(f) and (f.nr > 1 or f.page != "anon" or bool(f.exclusive)),
    "expected_ref_count": lambda f: (
        1 + f.M + f.swapcache * f.nr + (f.page != "anon") * (f.mapping * f.nr + f.private) != f.C
    ),
    "one_load": lambda f: f.P > 0 if f.nr > 1 else (f.C - f.M) % 2**32 >= BIAS,
}


def folios():
    """Folios that nobody works on, possible ones and others."""
    bits = (False, True)
    flags = product(PAGES, (1, 512), bits, bits, bits, bits, bits)
    counts = product((-1, 0, 1, 2, 3, 4, 8, 9, 10, 513, 514, 516), (0, 1, 2, 3, 9), (0, 1))
    names = "page", "nr", "mapping", "private", "swapcache", "exclusive", "movable", "C", "M", "P"
    for kind, values in product(flags, counts):
        yield SimpleNamespace(**dict(zip(names, kind + values, strict=True)))


def word(value):
    return SimpleNamespace(value=value, read=lambda: value, test=lambda: value)


def at_rest(f):
    """The folio as a policy sees it when it runs as plain Python."""
    return SimpleNamespace(
        page=f.page, nr=f.nr, swapcache=f.swapcache, movable=f.movable, bias=BIAS, limit=LIMIT,
        refcount=word(f.C), mapcount=word(f.M), pincount=word(f.P),
        mapping=word(f.mapping), private=word(f.private), anon_exclusive=word(f.exclusive),
    )  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_computes_what_its_source_does(policy, monkeypatch):
    """On a folio at rest, where the order of loads decides nothing."""
    driver = SimpleNamespace(together=lambda words: tuple(word.value for word in words))
    monkeypatch.setattr(context, "driver", driver)
    formula = FORMULAS[policy.removesuffix("_mapcount_first").removesuffix("_refcount_first")]
    for f in folios():
        assert POLICIES[policy](at_rest(f)) == formula(f), f


TRIED = "a pinned folio is not tried"


def verdicts(model, **parameters):
    """Verdict by property."""
    return {result.property: result.verdict for result in report_on(model(**parameters)).results}


@pytest.mark.parametrize("model", [COMPACTION, MIGRATION], ids=lambda model: model.__name__)
@pytest.mark.parametrize("attackers", ATTACKERS)
def test_each_attacker_does_its_worst(model, attackers):
    """All mappings and pins can be made, and refcount covers mapcount, for each kind and size of folio."""
    goal = "isolated" if model is COMPACTION else "migrated"
    for page, size, longterm in product(PAGES, ("order0", "large"), (False, True)):
        if "truncation" in attackers and page == "anon":
            continue
        kind = {"page": page, "size": size, "longterm": longterm}
        found = verdicts(model, attackers=attackers, **kind, **SMALL)
        found = {name: verdict for name, verdict in found.items() if name not in (goal, TRIED)}
        assert set(found.values()) == {"holds"}, (kind, found)


def test_who_tries_a_pinned_folio():
    """With a long-term pin and nobody else there is no race: only the policies that look at no pin try."""
    tried = {
        page: {
            policy
            for policy in POLICIES
            if verdicts(COMPACTION, policy=policy, attackers="none", page=page, longterm=True)[TRIED]
            == "violated"
        }
        for page in PAGES
    }
    order0 = {"always_try", "skip_longterm_and", "skip_pinned_and"}
    anon_only = {policy for policy in POLICIES if policy.startswith(("mainline", "unreferenced"))}

    assert tried["anon"] == order0
    assert tried["shmem"] == order0 | anon_only
    assert tried["file"] == order0 | anon_only | {"longterm_pinned", "skip_longterm_or"}


def rung(policy, page, attackers):
    """What the attackers need, with as many mappings as reach a bias of 8 but for two references."""
    sizes = {"mappings": 6, "bias": BIAS, "limit": LIMIT}
    results = report_on(COMPACTION(policy=policy, page=page, attackers=attackers, **sizes)).results
    return next(result.progress.rung for result in results if result.progress)


EXTRA_REFERENCES = (
    "mainline_check",
    "unreferenced_check",
    "aziz_v3",
    "aziz_v4",
    "ksm_check",
    "expected_ref_count",
)


def expected_rung(policy, page, attackers):
    """By hand. Two references are the scanner's and the owner's mapping, or the page cache's."""
    policy = policy.removesuffix("_mapcount_first").removesuffix("_refcount_first")
    mapped = "mapper" in attackers
    if policy == "aziz_v2" or (policy == "ksm_check" and page == "file"):
        return "at rest"  # it takes the scanner's, or the page cache's, for an extra one
    if policy in ("mainline_check", "unreferenced_check") and page == "file":
        return "never"
    if policy in EXTRA_REFERENCES:
        return {"holder": "at rest", "relay": "by strategy"}.get(attackers, "by racing")
    if policy == "wilcox_difference" or (policy == "wilcox_signed" and page == "file"):
        return "by racing" if mapped else "never"  # the owner's mapping is no difference
    if policy == "skip_pinned_or" or (policy == "skip_longterm_or" and page == "anon"):
        return "by racing" if mapped else "never"  # many at the first load, few at the second
    if policy == "maybe_dma_pinned" or (policy, page) in (
        ("longterm_pinned", "anon"),
        ("anon_exclusive_shortcut", "file"),
    ):
        return "at rest" if mapped else "never"
    return "never"


@pytest.mark.parametrize("policy", POLICIES)
def test_what_an_attacker_needs(policy):
    """Extra references are seen by who compares them, many mappings by who takes them for a pin."""
    for page, attackers in product(("anon", "file"), ("mapper+pinner", "holder", "relay", "twin")):
        assert rung(policy, page, attackers) == expected_rung(policy, page, attackers), (page, attackers)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_verdict_changes_where_the_small_likeness_says(policy):
    """From "holds" to "violated", when one mapping more reaches the bias."""
    for page, private, swapcache in product(PAGES, (False, True), (False, True)):
        if (private and page != "file") or (swapcache and page == "file"):
            continue
        kind = {"page": page, "private": private, "swapcache": swapcache, "movable": False}
        asked = {"policy": POLICIES[policy], "attackers": ATTACKERS["mapper+pinner"], "size": "order0"}
        pair = COMPACTION.small(**asked, **kind, longterm=False)
        found = [verdicts(COMPACTION, policy=policy, **kind, **sizes)["isolated"] for sizes in pair or ()]
        assert found in ([], ["holds", "violated"]), kind


@pytest.mark.parametrize(
    ("attackers", "verdict"), [("none", "holds"), ("pinner", "holds"), ("holder", "violated")]
)
def test_migration_fails_for_who_holds_a_reference_and_is_excused_for_pins(attackers, verdict):
    """Whether the policy tries the folio or skips it."""
    for page, policy in product(PAGES, ("always_try", "maybe_dma_pinned", "aziz_v4")):
        assert verdicts(MIGRATION, policy=policy, page=page, attackers=attackers)["migrated"] == verdict


@pytest.mark.parametrize(
    "parameters",
    [
        {"attackers": "truncation"},
        {"page": "shmem", "private": True},
        {"page": "file", "swapcache": True},
        {"longterm": True, "movable": True},
    ],
    ids=str,
)
def test_folios_that_cannot_be_are_refused(parameters):
    with pytest.raises(UsageError):
        COMPACTION(**parameters)
