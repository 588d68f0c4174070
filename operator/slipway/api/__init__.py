"""The custom resources as pydantic models, the single source of `crds/`."""

GROUP = "slipway.dev"
VERSION = "v1alpha1"
