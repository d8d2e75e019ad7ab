"""Measuring: groups of cells in palindromic rounds, one runner awake at a time, ratios from paired blocks."""
