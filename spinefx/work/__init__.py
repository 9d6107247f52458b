"""Casework (every case, in parallel) and cohort (once): the steps between a plan and a run's folder.

Knows stages by their protocols only. Results depend on content, options and seed; never on workers, order or executor.
"""
