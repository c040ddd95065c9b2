"""Products: what members can buy, and what admins change."""
