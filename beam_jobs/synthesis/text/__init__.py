"""What made lines say: corpora cut at random, rare characters planted, all of it before anything is drawn."""
