"""Smoke tests that the operator runs itself: it dials pods and Services of the Rollout's namespace."""
