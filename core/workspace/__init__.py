"""The verbs of Sinsonte: what screens, commands and bots call, one module for each noun.

Here, and only here, the stages (reading, grouping, dataset, counting, training, evaluating, chatting) meet the store.
"""
