"""The chat screen: one or two models, their transcripts, what is typed, and the parameters."""
