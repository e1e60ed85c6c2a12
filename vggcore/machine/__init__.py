"""Devices, precision, processes, memory, and files of this machine.

The bottom layer: it imports none of the package's other folders.
"""
