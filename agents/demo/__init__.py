"""The demonstration: simulated people and devices, real readings of this machine, a live view, and a check of
everything.
"""
