"""Talking with models: the model server of local ones, and the client of all. No torch in here."""
