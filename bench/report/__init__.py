"""Reports: tables made from results.json and from nothing else."""
