"""One thin module for each feature: declare, parse, call one service function, shape the answer."""
