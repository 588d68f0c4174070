"""The running operator: kopf's watches, queue, reconciler, probes and the operator's own endpoints."""
