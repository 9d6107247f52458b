"""A tiny nnU-Net, trained by nnU-Net's own code: `PYTHON_OF_ITS_ENVIRONMENT nnunet_training.py RAW WORK EPOCHS STEPS`.

RAW is a dataset folder in nnU-Net's raw format (`Dataset001_phantom`). Planned and preprocessed as always; then the plan's
network and patch are made small, and the trainer's epochs short, so that two cores do it in a minute. Its class bears the name
of nnU-Net's own trainer, which is what a later prediction looks for. Prints the folder of the trained model.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    raw, work, epochs, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    os.environ |= {
        "nnUNet_raw": str(raw.parent), "nnUNet_preprocessed": str(work / "preprocessed"),
        "nnUNet_results": str(work / "results"), "nnUNet_n_proc_DA": "1", "nnUNet_compile": "f",
    }  # fmt: skip
    import torch
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments, preprocess
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer as Full

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    extract_fingerprints([1], num_processes=1)
    name = plan_experiments([1])
    path = work / "preprocessed" / raw.name / f"{name}.json"
    plans = json.loads(path.read_text())
    whole = plans["configurations"]["3d_fullres"]
    known = whole["architecture"]["arch_kwargs"]
    levels = 3
    for key in ("kernel_sizes", "strides", "n_conv_per_stage"):
        known[key] = known[key][:levels]
    known |= {"n_stages": levels, "features_per_stage": [8, 16, 32], "n_conv_per_stage_decoder": [1] * (levels - 1)}
    whole["patch_size"] = [min(n, m) for n, m in zip(whole["patch_size"], (16, 64, 64), strict=True)]
    whole["patch_size"] = [n - n % 4 for n in whole["patch_size"]]
    path.write_text(json.dumps(plans))
    preprocess([1], name, ["3d_fullres"], [1])

    class nnUNetTrainer(Full):
        def __init__(self, plans: dict, configuration: str, fold: int, dataset_json: dict, device: object) -> None:
            super().__init__(plans, configuration, fold, dataset_json, device)
            self.num_epochs, self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = epochs, steps, 2

    dataset = json.loads((raw / "dataset.json").read_text())
    plans["continue_training"] = False
    os.environ.update(nnUNet_n_proc_DA="0")  # patches are drawn in this process
    trainer = nnUNetTrainer(plans, "3d_fullres", 0, dataset, device=torch.device("cpu"))
    trainer.run_training()
    print(Path(trainer.output_folder).parent)


if __name__ == "__main__":
    main()
