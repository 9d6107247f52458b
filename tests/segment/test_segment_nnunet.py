"""nnU-Net for real: a tiny one is trained on phantoms in its own environment, and segments others through the adapter.

python -m venv nnunet && nnunet/bin/pip install nnunetv2
SPINEFX_NNUNET=$PWD/nnunet/bin python -m pytest tests/segment/test_segment_nnunet.py
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from spinefx_segment import NnunetOptions
from spinefx_segment.outside.exchange import write
from spinefx_segment.outside.segmenter import Outside
from spinefx_segment.outside.tools import Nnunet

from spinefx.api import Case, DataError, LabelMap, Scan, Volume
from spinefx.phantom import Scanner, draw_patient, scan_of

_KINDS = {"background": 0, "vertebra": 1, "disc": 2, "canal": 3}


def _scan(number: int) -> Scan:
    patient = draw_patient(5, number, levels=3)
    images, mask = scan_of(patient, seed=5, scanner=Scanner(spacing_mm=(5.0, 2.0, 2.0), pir_share=0.0))
    return Scan(Case(f"{number}_t2", patient.id), images, mask)


def _classes(mask: LabelMap) -> np.ndarray:
    table = np.zeros(65536, np.int16)
    for value, structure in mask.scheme.table.items():
        table[value] = _KINDS.get(structure.kind, 0)
    return table[mask.labels]


@pytest.mark.slow
def test_a_trained_nnunet_folder_segments_phantoms_it_has_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = os.environ.get("SPINEFX_NNUNET")
    if not folder:
        pytest.skip("trains an nnU-Net, minutes; SPINEFX_NNUNET=<bin folder of an environment with nnunetv2> runs it")
    raw = tmp_path / "raw" / "Dataset001_phantom"
    for number in range(1, 9):
        scan = _scan(number)
        write(scan.images["t2"], raw / "imagesTr" / f"p{number}_0000.nii.gz")
        write(Volume(_classes(scan.require_mask()), scan.require_mask().grid), raw / "labelsTr" / f"p{number}.nii.gz")
    told = {"channel_names": {"0": "T2"}, "labels": _KINDS, "numTraining": 8, "file_ending": ".nii.gz"}
    (raw / "dataset.json").write_text(json.dumps(told))
    command = [str(Path(folder) / "python"), str(Path(__file__).with_name("nnunet_training.py")), str(raw)]
    trained = subprocess.run(
        [*command, str(tmp_path), "6", "80"], check=False, capture_output=True, text=True, timeout=1800
    )
    assert not trained.returncode, trained.stderr[-3000:]
    model = Path(trained.stdout.strip().splitlines()[-1])

    monkeypatch.setenv("SPINEFX_TOOLS", folder)
    options = NnunetOptions(model=model, folds=("0",))
    with pytest.raises(DataError, match="refused without an explicit hash") as refusal:
        Outside(options, Nnunet(options)).segment(_scan(11))
    trusted = re.findall('sha256 = "([0-9a-f]{64})"', str(refusal.value))[0]
    options = NnunetOptions(model=model, folds=("0",), sha256=trusted)
    segmenter = Outside(options, Nnunet(options))
    for number in (11, 12):
        scan = _scan(number)
        made, true = segmenter.segment(scan).require_mask(), scan.require_mask()
        assert made.grid == true.grid
        one, other = _classes(made), _classes(true)
        dice = {
            k: 2 * float(((one == v) & (other == v)).sum()) / float((one == v).sum() + (other == v).sum())
            for k, v in _KINDS.items()
        }
        print(number, {k: round(v, 3) for k, v in dice.items()})
        assert dice["vertebra"] > 0.7, dice
        assert dice["canal"] > 0.7, dice
        assert {s.kind for s in made.structures()} == {"vertebra", "disc", "canal"}
        assert "L5" in {s.name for s in made.structures("vertebra")}, (
            "told apart and named, as well as a poor map allows"
        )
