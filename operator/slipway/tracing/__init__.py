"""Launches as traces of OpenTelemetry. Nothing of it is imported where no trace is asked for: it takes memory."""
