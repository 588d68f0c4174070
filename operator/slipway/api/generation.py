"""metadata.generation and its echoes."""

from typing import Annotated

from slipway.api.extensions import Extension

Generation = Annotated[int, Extension({"format": "int64"})]
"""A metadata.generation, which Kubernetes counts in 64 bits."""
