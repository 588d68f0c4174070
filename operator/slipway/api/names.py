"""Names and other strings with a fixed form."""

from typing import Annotated

from pydantic import Field

RolloutName = Annotated[str, Field(min_length=1, max_length=46, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
"""A Rollout's name. Its Services are named after it, so it is an RFC 1035 label, and pods keep only 58
characters of their Deployment's name, of which a revision takes eleven."""

Label = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
"""An RFC 1123 label: lower case letters, digits and `-`."""

Subdomain = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ),
]
"""An RFC 1123 subdomain, as most objects are named."""

RevisionName = Annotated[str, Field(max_length=10, pattern=r"^[0-9a-f]{10}$")]
"""The first ten hexadecimal digits of a revision's digest."""

PlanHash = Annotated[str, Field(max_length=71, pattern=r"^sha256:[0-9a-f]{64}$")]
"""The hash of a plan, as status.planHash shows it."""

Percent = Annotated[int, Field(ge=1, le=100)]
"""A share of the traffic in whole percent, at least one."""

Reason = Annotated[str, Field(min_length=1, max_length=1024)]
"""A person's words; never empty."""

ImageReference = Annotated[str, Field(min_length=1, max_length=1024)]
"""A container image as a pod template names it."""

UserName = Annotated[str, Field(min_length=1, max_length=256)]
"""A user of the API server, as `kubectl auth whoami` shows it."""
