"""Where a Promotion's images come from: the Rollout of the environment before."""

from slipway.api.model import Model
from slipway.api.names import Label, RolloutName


class Origin(Model):
    """A Rollout whose stable revision has been proven in another environment."""

    namespace: Label | None = None
    """Its namespace. Absent: that of the Promotion. Another one must allow it by its annotation
    slipway.dev/promote-to."""
    rollout: RolloutName
    """Its name."""
