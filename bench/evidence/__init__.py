"""Evidence: the raw measurements of a run in its folder, and the check that every printed number follows from them."""
