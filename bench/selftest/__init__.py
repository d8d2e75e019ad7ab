"""The measuring on trial: equal programs, and one slowed by a known share, timed live; thousands of comparisons replayed from them."""
