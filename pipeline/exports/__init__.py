"""Exported models: their description on disk, and an engine for each format that reads them without Keras."""
