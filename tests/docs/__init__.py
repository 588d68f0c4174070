"""The part of docs/ that is generated."""
