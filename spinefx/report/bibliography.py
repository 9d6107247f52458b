"""What a paper that reports this run cites: the stages' own references, the software, the checklists."""

from __future__ import annotations

from collections.abc import Iterable

from spinefx.report.checklists import CHECKLISTS
from spinefx.report.folder import RunFolder, mapping, sequence, text

SOFTWARE = {
    "numpy": "Harris CR, Millman KJ, van der Walt SJ, et al. Array programming with NumPy. Nature 585:357-362 (2020). "
    "doi:10.1038/s41586-020-2649-2",
    "scipy": "Virtanen P, Gommers R, Oliphant TE, et al. SciPy 1.0: fundamental algorithms for scientific computing in "
    "Python. Nat Methods 17:261-272 (2020). doi:10.1038/s41592-019-0686-2",
    "pandas": "McKinney W. Data structures for statistical computing in Python. Proc 9th Python in Science Conference "
    "56-61 (2010). doi:10.25080/Majora-92bf1922-00a",
    "torch": "Paszke A, Gross S, Massa F, et al. PyTorch: an imperative style, high-performance deep learning library. "
    "Advances in Neural Information Processing Systems 32:8024-8035 (2019)",
    "SimpleITK": "Lowekamp BC, Chen DT, Ibanez L, Blezek D. The design of SimpleITK. Front Neuroinform 7:45 (2013). "
    "doi:10.3389/fninf.2013.00045",
    "scikit-image": "van der Walt S, Schonberger JL, Nunez-Iglesias J, et al. scikit-image: image processing in Python. "
    "PeerJ 2:e453 (2014). doi:10.7717/peerj.453",
    "scikit-learn": "Pedregosa F, Varoquaux G, Gramfort A, et al. Scikit-learn: machine learning in Python. "
    "J Mach Learn Res 12:2825-2830 (2011)",
    "statsmodels": "Seabold S, Perktold J. statsmodels: econometric and statistical modeling with Python. Proc 9th Python "
    "in Science Conference 92-96 (2010). doi:10.25080/Majora-92bf1922-011",
    "monai": "Cardoso MJ, Li W, Brown R, et al. MONAI: an open-source framework for deep learning in healthcare. "
    "arXiv:2211.02701 (2022)",
}
"""Package -> the work that its authors ask to cite."""


class Bibliography:
    """Works numbered in the order in which they are first cited."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cite(self, works: Iterable[str]) -> str:
        """` [1, 4]` for these works; "" for none."""
        numbers = sorted({self._numbers.setdefault(work, len(self._numbers) + 1) for work in works if work})
        return f" [{', '.join(map(str, numbers))}]" if numbers else ""

    @property
    def works(self) -> tuple[str, ...]:
        """The works by number."""
        return tuple(self._numbers)


def of_stage(stage: object) -> list[str]:
    """The works that a stage's plugin asks to cite."""
    return [text(work) for work in sequence(mapping(stage).get("references"))]


def of_software(run: RunFolder) -> list[str]:
    """The works of the packages that the run names with a version."""
    return [SOFTWARE[name] for name in mapping(run.run.get("versions")) if name in SOFTWARE]


def of_checklists() -> list[str]:
    """The papers of the checklists."""
    return [source for _, _, source in CHECKLISTS]
