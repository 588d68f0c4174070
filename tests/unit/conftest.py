"""How many histories hypothesis tries: few and always the same in CI, many with HYPOTHESIS_PROFILE=thorough."""

import os

from hypothesis import HealthCheck, settings

_CALM = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "local",
    deadline=None,
    max_examples=40,
    stateful_step_count=30,
    suppress_health_check=_CALM,
    print_blob=True,
)
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True, database=None)
settings.register_profile("thorough", parent=settings.get_profile("local"), max_examples=2000, stateful_step_count=60)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "local"))
