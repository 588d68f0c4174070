"""Reading and judging routes: pure functions over Gateway API objects."""
