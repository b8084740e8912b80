"""What this machine runs for the laptop and test profiles: processes, their ports and their order.

Knows how each program is started, found alive and stopped. Must not know what flows through them.
"""
