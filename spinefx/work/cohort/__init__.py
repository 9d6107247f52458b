"""The cohort, once: who is fitted on, the models, the latents, the findings, and what is told of them."""
