"""The description of a data set: statistics, verification, pictures."""
