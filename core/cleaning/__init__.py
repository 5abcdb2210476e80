"""What is left out of a dataset, and what of the rest is hidden: rules, privacy, consent.

Nothing here changes a stored message. A rule marks it, a transform is applied to a copy on its way to an example, and
turning either off brings back exactly what was there.
"""
