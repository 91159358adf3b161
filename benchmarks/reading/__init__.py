"""Benchmarks of reading: speed, other readers, decoding, transcription."""
