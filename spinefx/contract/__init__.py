"""The contract: the types that flow between stages, the stage protocols, `Plugin`, the hooks and the error tree.

Imports the standard library, NumPy, pydantic and pluggy, nothing else. Plugins import all of it from `spinefx.api`.
"""
