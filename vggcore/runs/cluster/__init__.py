"""Runs on a Ray cluster: submitted as Ray jobs over HTTP, mirrored through a store.

The run's folder in the store is the truth; the folder here is a copy of it, and the pages work
with the copy. Nothing here is imported without VGGCORE_RAY.
"""
