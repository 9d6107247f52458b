"""disc-spread keeps spinefx's contract, and measures what is true of phantoms."""

from __future__ import annotations

import disc_spread
from spinefx.testing import parametrize_with_checks, phantom_scan


@parametrize_with_checks(disc_spread, truths={"disc-spread": {"volume_mm3": "disc.volume_mm3"}})
def test_the_plugin_conforms(check):
    check()


def test_every_disc_has_its_row():
    scan = phantom_scan()
    (plugin,) = disc_spread.spinefx_geometry_analysers()
    features = plugin.build(plugin.options()).measure(scan)
    assert [row.level for row in features.rows] == [s.level for s in scan.mask.structures("disc")]
    assert features.units == {"volume_mm3": "mm3", "spread_mm": "mm"}
