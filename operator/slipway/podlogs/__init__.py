"""The logs of pods: read, counted, forgotten. Nothing of what they say leaves this package."""
