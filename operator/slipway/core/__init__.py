"""The pure core: what to do about a Rollout, decided from a snapshot alone."""
