"""Trains backbones: data sets, recipes, fitting; `python -m train serve` is the torch-eager runner."""
