"""Whole answers, judged: steps 1, 4, 6, 7 and 8 in this process on the published index."""
