"""Metrics sources: the only code that queries them. Gates' numbers come from here, verdicts do not."""
