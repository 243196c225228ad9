"""Neurons fitted to current-clamp recordings, scored by the coincidence factor Gamma."""

from rheobase.learning.fitting.agreement import Agreement
from rheobase.learning.fitting.features import feature_errors, features, with_spikes
from rheobase.learning.fitting.fit import fit_neuron
from rheobase.learning.fitting.gamma import coincidences, gamma, reliability, trains_of, window
from rheobase.learning.fitting.matched import matched_lif
from rheobase.learning.fitting.progress import FitCallback, FitStep, RichFitProgress
from rheobase.learning.fitting.recipe import FitRecipe
from rheobase.learning.fitting.recording import Recording
from rheobase.learning.fitting.result import Candidate, Fit
from rheobase.learning.fitting.van_rossum import van_rossum

__all__ = [
    "Agreement",
    "Candidate",
    "Fit",
    "FitCallback",
    "FitRecipe",
    "FitStep",
    "Recording",
    "RichFitProgress",
    "coincidences",
    "feature_errors",
    "features",
    "fit_neuron",
    "gamma",
    "matched_lif",
    "reliability",
    "trains_of",
    "van_rossum",
    "window",
    "with_spikes",
]
