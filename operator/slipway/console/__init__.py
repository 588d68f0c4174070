"""What people run beside kubectl: `slipway get`, `approve`, `lint` and so on, with their own rights.

As `kubectl-slipway` on the PATH the same program is `kubectl slipway`.
"""
