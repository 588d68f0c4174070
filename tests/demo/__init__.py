"""The demo: the main job on a real cluster, told and shown. Run with `make demo`."""
