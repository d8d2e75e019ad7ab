"""Why two cells differ: time per operator kind of each, asked of their profilers, and what no operator explains."""
