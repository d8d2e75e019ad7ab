"""Fitting: batches, phases, the epoch loop, and what it takes to go on after an interruption."""
