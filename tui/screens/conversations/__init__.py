"""Reading and curating: the conversations of one chat beside its messages."""
