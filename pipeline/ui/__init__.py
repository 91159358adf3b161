"""What all commands share to talk to people and scripts: entry, flags, progress, tables, pictures."""
