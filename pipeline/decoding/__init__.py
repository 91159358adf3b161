"""Decoding: from logits to the characters of lines, by arrays."""
