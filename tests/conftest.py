"""Settings of all tests: properties are judged by what they find, not by how busy the machine is.

Everybody draws the same examples; `HYPOTHESIS_PROFILE=explore pytest tests/kernels` draws new ones.
"""

import os

from hypothesis import HealthCheck, settings

for _name, _same in (("spinefx", True), ("explore", False)):
    settings.register_profile(_name, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=_same)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "spinefx"))
