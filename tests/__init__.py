"""Tests, in the same rooms as the modules they test."""

import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
