"""Parity: does every variant in every runtime still say what PyTorch says, image by image?"""
