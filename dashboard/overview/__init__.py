"""The Overview page: a picture's way through the network, and small charts with links."""
