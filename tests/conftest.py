"""Settings that all tests share."""

from hypothesis import HealthCheck, Phase, settings

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

# The same examples on every run, so that a push does not fail by luck, and a failure is shown at once;
# pytest --hypothesis-profile=search looks for new ones, and shrinks what it finds.
settings.register_profile(
    "fixed",
    derandomize=True,
    deadline=None,
    suppress_health_check=SLOW,
    phases=[Phase.explicit, Phase.generate],
)
settings.register_profile("search", max_examples=1000, deadline=None, suppress_health_check=SLOW)
settings.load_profile("fixed")
