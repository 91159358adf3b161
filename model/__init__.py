"""Records in, weights out, text out."""

import os

# Keras reads this once, at import; a user's ~/.keras/keras.json may name another backend.
os.environ["KERAS_BACKEND"] = "tensorflow"
