"""Notices, sent to the channels of the operator's configuration. Nothing waits for them."""
