"""Which device, how many processes, how much memory, and where things are kept.

The bottom layer: it imports none of the package's other folders.
"""
