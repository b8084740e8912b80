"""Reading a customer's message: language, intent, sentiment, entities, opt-out.

Pure functions over text and the word lists in `data/`. Nothing here knows a step, a store or a
model server, and nothing is loaded before it is first used.
"""
