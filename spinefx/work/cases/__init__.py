"""One case: loaded, segmented, preprocessed, measured, cut; or left out, with the reason."""
