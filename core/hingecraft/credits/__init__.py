"""Credits of members: a ledger that only grows, and accounts that hold its sums (decision 60)."""
