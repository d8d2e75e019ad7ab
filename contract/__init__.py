"""What the steps hand to each other: matrix, manifests, preprocess spec, protocol, options, errors.

Standard library and numpy only; imports nothing of ours.
"""
