"""The gate on speed: the files of a stored run, timed again beside today's, and a verdict for each pair."""
