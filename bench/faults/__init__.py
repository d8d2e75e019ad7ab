"""Seeded faults: what the parity gate must catch, injected through files and the protocol, where no check could see a flag."""
