"""Postgres and Redis behind the ports of the request path. Knows no step and no HTTP.

Every write is idempotent, every transaction short, and Redis is never the only copy of anything.
"""
