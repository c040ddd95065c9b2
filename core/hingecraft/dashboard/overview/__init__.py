"""How giving goes: totals, days, success, and what needs attention."""
