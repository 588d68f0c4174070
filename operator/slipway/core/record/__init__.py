"""Launch records: what a launch was, kept after its Promotion and its Rollout are gone. Pure, like all of the core."""
