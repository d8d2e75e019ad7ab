"""Drives runners as processes: parity, then measuring, then reports. Never imports torch."""
