"""Runs on a Ray cluster: submitted as Ray jobs over HTTP, mirrored through a store.

The run's folder in the store is the truth, the folder here is its copy. What the pages do with a
run they do with the copy. Nothing of this is imported without VGGCORE_RAY.
"""
