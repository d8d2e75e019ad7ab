"""Weights to start from: torchvision's by name (downloaded, checked), a file, or random."""
