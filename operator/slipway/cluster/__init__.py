"""The only code that talks to Kubernetes: requests, the cache of what was seen, the lease, events."""
