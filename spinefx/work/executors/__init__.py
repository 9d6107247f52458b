"""Where cases run: here, in worker processes, or on a cluster; and how many at once."""
