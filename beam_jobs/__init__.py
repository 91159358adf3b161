"""Jobs that turn lists of line images into records, at any size."""

import logging

# Beam reports at every import which cloud clients are missing, none of which is needed here.
logging.getLogger("apache_beam").setLevel(logging.WARNING)
logging.getLogger("apache_beam.io.gcp").setLevel(logging.ERROR)
