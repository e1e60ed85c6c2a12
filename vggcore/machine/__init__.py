"""Which device, how many processes, how much memory, and where things are kept."""
