"""`python -m train serve`: the torch-eager runner, the reference of parity."""
