"""Documents, and the programs that they show."""
