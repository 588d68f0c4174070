"""Resources of other operators, read so that a Rollout of Slipway's does the same; what it cannot do is said."""
