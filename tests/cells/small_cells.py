"""Small cells that a population is tried on: importable, as the workers of a cluster need it."""

from __future__ import annotations

import torch

from rheobase import channels, stimuli
from rheobase.cells import Cell, Compartments, Current, Section, population

MODELS = ("0.3", "0.5", "0.8")
STIMULI = {f"{a} nA": stimuli.step(a, start=2.0, stop=25.0) for a in (-0.1, 0.3)} | {
    "noise": stimuli.noise(0.2, 0.1, seed=0)
}
RECORD = ("soma", "dend(0.9)", "soma.Kv3_1.m")


def firing(models, dt=0.1, inputs=None):
    """A soma with a dendrite; a model's name is its sodium conductance in S/cm2."""
    soma = Section("soma", length=20, diameter=20, nseg=1)
    dend = Section("dend", length=100, diameter=2, parent=soma, nseg=2)
    gbar = torch.tensor([float(model) for model in models], dtype=torch.float64)
    held = [channels.Pas(g=1e-4, e=-70.0), channels.NaTa_t(len(models), gbar=gbar), channels.Kv3_1(gbar=0.3)]
    return Cell(
        Compartments.of([soma, dend]),
        {"soma": held, "dend": [channels.Pas(g=1e-4, e=-70.0)]},
        dt=dt,
        reversal={"na": 50.0, "k": -90.0},
        v_init=-70.0,
        shape=(len(models),),
        inputs=inputs or {"current": Current()},
    )


def alone(models):
    """One cell, however many there should be."""
    return firing([models[0]]).compartments


def made(folder, models=MODELS, given=STIMULI, **options):
    options = {"t_stop": 30.0, "record": RECORD, "every": 3} | options
    make = options.pop("make", firing)
    return population(make, models, given, folder, **options)


def expected():
    """What the cells do, called themselves over the whole time: (models, stimuli, time) of each record; spikes."""
    x = torch.stack([one.in_steps(300, 0.1) for one in STIMULI.values()], 1).float()
    spikes, _, found = firing(MODELS)(x[..., None].expand(-1, -1, 3).contiguous(), record=RECORD, every=3)
    return spikes.permute(2, 1, 0).numpy(), {
        k: v.movedim(0, -1).movedim((-2, -3), (0, 1)).numpy() for k, v in found.items()
    }
