"""The inside of a network, computed in the browser: for the dashboard and for exported pages."""
