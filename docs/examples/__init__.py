"""Programs that documents show."""
