"""The report of a Promotion: gathered from what is known, set as Markdown, published when it has changed."""
