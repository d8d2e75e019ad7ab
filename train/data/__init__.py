"""Data sets: what lies on disk becomes verified, split lists of images with labels."""
