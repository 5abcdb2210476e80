"""Sinsonte without its screens. This package file imports nothing, so that the launcher may read it anywhere."""

__version__ = "0.1.0"
