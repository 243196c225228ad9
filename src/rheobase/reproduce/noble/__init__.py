"""NOBLE: neural operator with biologically-informed latent embeddings (Ghafourpour et al., 2025)."""

from __future__ import annotations

from rheobase.reproduce.noble import ablation, between, comparison, headlines, interpolation, sag, scaling
from rheobase.reproduce.paper import Paper

PAPER = Paper(
    name="noble",
    title="Neural operator for a family of biophysical cells",
    reference="Ghafourpour, Duruisseaux, Tolooshams, Wong, Anastassiou & Anandkumar, NOBLE: Neural Operator with "
    "Biologically-informed Latent Embeddings to Capture Experimental Variability in Biological Neuron Models, "
    "NeurIPS (2025), arXiv 2506.04536",
    parts=(comparison.PART, between.PART, interpolation.PART, ablation.PART, scaling.PART, sag.PART),
    headlines=headlines.HEADLINES,
    opening=headlines.OPENING,
)
