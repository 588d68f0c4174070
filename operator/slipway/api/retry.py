"""Trying again what was sent back."""

from slipway.api.model import Model
from slipway.api.names import Reason


class Retry(Model):
    """Why a revision that was sent back may be put in front of users again."""

    fix: Reason
    """What is different now, such as a setting or a service that it depends on: the revision itself is the same."""
