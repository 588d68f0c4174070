"""Checks that have a name, so that teams mean the same by it: what each one asks, and what it is about."""

from dataclasses import dataclass
from typing import Literal

Category = Literal["Security", "Quality", "Operations", "Documentation", "Compliance"]
"""What a check is about."""


@dataclass(frozen=True)
class Entry:
    """A check of the catalogue."""

    name: str
    category: Category
    asks: str
    by_itself: str = ""
    """What Slipway looks at when the check is listed by name alone; empty where it waits for an answer."""


_ENTRIES = (
    Entry("inputs-validated", "Security", "Is everything that comes from outside validated and sanitised?"),
    Entry("authentication-tested", "Security", "Have signing in, signing out and refused access been tested?"),
    Entry("no-secrets-in-code", "Security", "Has a scanner found no secret in the code and its history?"),
    Entry(
        "no-secrets-in-logs",
        "Security",
        "Do the logs of this version show no secret and no personal data?",
        "what the candidate's containers have logged since they started, up to 4 MiB each: no line has a well-known "
        "token, a private key, a bearer token, or a password. Personal data is not looked for",
    ),
    Entry("dependencies-scanned", "Security", "Have the dependencies no known vulnerability that matters?"),
    Entry(
        "dependencies-updated",
        "Security",
        "Are the dependencies up to date, or is there a reason for each that is not?",
    ),
    Entry("code-reviewed", "Security", "Has somebody other than the author approved the code?"),
    Entry("security-audit", "Security", "Has a security audit of this change passed?"),
    Entry("tests-passed", "Quality", "Does the whole test suite pass, and how many tests are there?"),
    Entry("core-paths-covered", "Quality", "Do tests cover the paths that users depend on?"),
    Entry("errors-handled", "Quality", "Is it tested what users see when a part fails?"),
    Entry("edge-cases-addressed", "Quality", "Is each edge case of the test report dealt with, or accepted?"),
    Entry("structured-logging", "Operations", "Does this version write structured logs?"),
    Entry(
        "health-endpoint", "Operations", "Is there an endpoint that says whether the service works, its needs included?"
    ),
    Entry(
        "monitoring-configured",
        "Operations",
        "Are there dashboards and alerts for this service, or are they requested?",
        "the alerting rules of the metrics source: one that works says that it is about this namespace and this "
        "workload. Dashboards are not looked for",
    ),
    Entry("rollback-tested", "Operations", "Has going back from this version been written down and tried?"),
    Entry("migrations-tested", "Operations", "Have the pending migrations been tried, and can they be undone?"),
    Entry("feature-flags-configured", "Operations", "Are the feature flags of this version set as they should be?"),
    Entry(
        "user-functions-seen",
        "Quality",
        "Has somebody used what this version brings to users, once they had it (manual, when: after)?",
    ),
    Entry("runbook-updated", "Documentation", "Does the runbook say what to do when this version is in trouble?"),
    Entry("environment-documented", "Documentation", "Is every environment variable documented?"),
    Entry("readme-updated", "Documentation", "Does the README describe this version?"),
    Entry("api-documented", "Documentation", "Has the API documentation been generated from this version?"),
    Entry(
        "stakeholders-notified",
        "Compliance",
        "Do stakeholders and the people on call know when this is launched?",
        "its own notice `Planned`, which is sent when all other checks have passed: a channel has taken it",
    ),
    Entry("privacy-review", "Compliance", "Does this touch personal data, and if so, has it been reviewed?"),
    Entry("legal-review", "Compliance", "Does this need a lawyer's view, and if so, what is it?"),
    Entry("accessibility-review", "Compliance", "Does this change what people see or use, and can everybody use it?"),
)

CATALOGUE = {entry.name: entry for entry in _ENTRIES}
"""By name."""
