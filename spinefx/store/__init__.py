"""What stays on disk: content keys, atomic files, cached artefacts, tables, findings and the run's own record.

Knows the contract and nothing of stages, plans or plugins. No pickle; everything appears whole or not at all.
"""
