"""Which device, how many processes, how much memory, and where things are kept.

The ground floor: it imports no other wing.
"""
