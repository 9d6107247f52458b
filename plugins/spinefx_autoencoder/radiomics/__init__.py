"""The rival of latents: radiomic features by the names and definitions of the IBSI, computed by MIRP (an extra)."""
