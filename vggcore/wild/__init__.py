"""Training data for photos and drawings: synthetic, cut out, and real pictures.

`source` draws batches from pools; `items` lists the real pictures and what is right for each.
"""
