"""Migrations of stored data as steps of a launch: when their Jobs run, and what is said of them."""
