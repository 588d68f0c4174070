"""The test cluster: a real Kubernetes, built, started and stopped by the tests themselves."""
