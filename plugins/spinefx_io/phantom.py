"""`phantom`: spines of exactly known shape, made when asked for; nothing is read or written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spinefx.api import Case, DataError, LabelRow, Labels, Remark, Scan
from spinefx.phantom import Scanner, draw_patient, scan_of
from spinefx_io import PhantomOptions

_GRADES = {
    "narrowing": "binary", "bulging": "binary", "herniation": "binary", "listhesis": "binary",
    "upper_endplate": "binary", "lower_endplate": "binary", "pfirrmann": "ordinal", "modic": "ordinal",
}  # fmt: skip


class PhantomLoader:
    """Draws patients and scans them; the same options give the same voxels."""

    def __init__(self, options: PhantomOptions) -> None:
        self.options = options
        self._scanner = Scanner(options.spacing_mm, options.oblique_deg, options.pir_share, options.noise, options.bias)
        self._suffix = "-".join(options.modalities)

    def cases(self) -> Sequence[Case]:
        """One case per patient, `<number>_<modalities>`; sex and age among its facts."""
        out = []
        for number in range(1, self.options.patients + 1):
            patient = draw_patient(self.options.seed, number, levels=self.options.levels)
            facts: dict[str, str | float] = {"sex": patient.sex, "age": float(patient.age)}
            out.append(
                Case(f"{number}_{self._suffix}", patient.id, {}, facts, (patient.remark,) if patient.remark else ())
            )
        return out

    def load(self, case: Case) -> Scan:
        """Images and mask of one patient, on one grid."""
        if not case.patient.isdecimal() or not 1 <= int(case.patient) <= self.options.patients:
            raise DataError(f"case {case.id}: the phantom has patients 1..{self.options.patients}")
        patient = draw_patient(self.options.seed, int(case.patient), levels=self.options.levels)
        images, mask = scan_of(
            patient, seed=self.options.seed, scanner=self._scanner, modalities=self.options.modalities
        )
        return Scan(case, images, mask, case.notes)

    def labels(self) -> Labels:
        """The first reader's grades of every disc; remarks about patients kept as remarks."""
        rows: list[LabelRow] = []
        values: dict[str, list[float]] = {name: [] for name in _GRADES}
        remarks: list[Remark] = []
        for number in range(1, self.options.patients + 1):
            patient = draw_patient(self.options.seed, number, levels=self.options.levels)
            if patient.remark:
                remarks.append(Remark(LabelRow(patient.id), patient.remark))
            for level, grades in patient.grades.items():
                rows.append(LabelRow(patient.id, level))
                for name, column in values.items():
                    column.append(float(getattr(grades, name)))
        return Labels(
            tuple(rows), {name: np.array(column) for name, column in values.items()}, dict(_GRADES),  # type: ignore[arg-type]
            targets=tuple(_GRADES), remarks=tuple(remarks),
        )  # fmt: skip
