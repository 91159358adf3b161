"""Plain text for synthetic lines and language models: its files, its normal form, its characters as classes."""
