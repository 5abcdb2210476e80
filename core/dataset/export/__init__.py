"""Datasets as files: `train.jsonl` and `validation.jsonl`, in the formats that trainers read.

In: examples, one after the other. Out: files, whole or not at all. Nothing is held in memory but a block of lines.
"""

from core.dataset.export.writing import FORMATS, Format, Written, write

__all__ = ["FORMATS", "Format", "Written", "write"]
