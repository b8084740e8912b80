"""The Ray Serve rooms: hosts for ingress, router, steps, models and index shards.

The only room that imports ray.serve. It chooses implementations (`app.py`) and moves values
between processes; what is done with them is decided in `serving`, `models` and the profile's
Serve configuration.
"""
