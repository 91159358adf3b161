"""How made lines look: a text, a face and a look become a picture."""
