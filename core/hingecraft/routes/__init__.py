"""The routes document: how to pay in each currency, in versions that only grow."""
