"""The engine room: the only place with torch, transformers and peft.

Nobody imports it. It is started as a process of its own (`python -m core.engine mini|train|score|serve|...`) and
answers by an event log, by files in the folder that it was given, and by the OpenAI protocol.
"""
