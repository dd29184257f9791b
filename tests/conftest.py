"""Settings that all tests share."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

# The same examples on every run, so that a push does not fail by luck, and a failure is shown at once;
# SEARCH=1 pytest looks for new ones, and shrinks what it finds.
SEARCH = bool(os.environ.get("SEARCH"))
settings.register_profile(
    "racecheck",
    derandomize=not SEARCH,
    deadline=None,
    suppress_health_check=SLOW,
    phases=tuple(Phase) if SEARCH else (Phase.explicit, Phase.generate),
)
settings.load_profile("racecheck")


@pytest.fixture(autouse=True)
def _as_on_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest prints more on a build server, and the documents show what it prints on a desk."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
