"""Slipway: promotes a new version of a Kubernetes workload on evidence and on a person's word."""

from importlib.metadata import version

__version__ = version("slipway")
