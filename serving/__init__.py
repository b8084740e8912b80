"""The request path as plain Python: flow, steps, ports, stores and SQL.

Runs with no cluster and no GPU. Knows `models.types`; must not know Ray, torch, FAISS or vLLM.
"""
