"""The stage ledger: which stage of an image's way to its label is to blame where a runtime differs from the reference, and for what."""
