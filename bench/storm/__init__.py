"""What `bench/chaos.py` does to the house: real processes, real kills, real services."""
