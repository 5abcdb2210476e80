"""Tokens and money: exact counts under the base model's own vocabulary, and dated prices."""

from core.counting.counter import Counter, counter_for

__all__ = ["Counter", "counter_for"]
