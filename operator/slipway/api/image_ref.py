"""The image of a container, as a Promotion names it."""

from slipway.api.model import Model
from slipway.api.names import ImageReference, Label


class ImageRef(Model):
    """A container and the image that it must have."""

    name: Label
    """Name of the container."""
    image: ImageReference
    """Its image, best with a digest."""
