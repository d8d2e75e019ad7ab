"""Blame inside the model: which edge of the chain, which node of the file, made there or inherited."""
