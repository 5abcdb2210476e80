"""Fuzzing of the readers: see `bench/reading/fuzz/__main__.py`."""
