"""What PromotionPolicies demand: which of them match, what they add up to, and what it means right now."""
