"""Keywords and classes of snnTorch, SpikingJelly, Norse and Brian2, and what to write here in their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rheobase.checks import is_number
from rheobase.errors import nearest

# other libraries' names for parameters, with the names used here; the first one that a neuron declares is meant
NAMES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("tau", "tau_m", "taum", "init_tau"), ("tau_mem", "tau_u")),
    **dict.fromkeys(("tau_s", "taus", "tau_synapse"), ("tau_syn",)),
    **dict.fromkeys(
        ("threshold", "v_th", "vth", "v_thresh", "vt", "Vt", "V_th", "v_threshold"), ("v_threshold", "v_peak")
    ),
    **dict.fromkeys(("v_rest", "V_rest", "El", "E_L", "EL", "v0", "v_leak"), ("v_leak", "e_leak")),
    **dict.fromkeys(("vr", "Vr", "V_reset"), ("v_reset",)),
    **dict.fromkeys(("C", "Cm", "C_m", "cm"), ("c_mem",)),
    **dict.fromkeys(("gl", "gL", "g_L"), ("g_leak",)),
    **dict.fromkeys(("R", "R_m"), ("r",)),
    **dict.fromkeys(("v_c", "theta_rh", "v_rh"), ("v_T",)),
    **dict.fromkeys(("t_ref", "tau_ref", "refractory", "tau_refrac"), ("tau_refrac",)),
    **dict.fromkeys(("surrogate_function", "spike_grad"), ("surrogate",)),
    **dict.fromkeys(("time_step", "delta_t"), ("dt",)),
}
_PER_STEP = "tau_mem=rheobase.from_decay({given}, dt)"
_STEPS = "; SpikingJelly's, in steps: dt=1.0, integrator=rheobase.integrators.Euler()"
_AROUND = "rheobase.Refractory(neuron, tau_refrac=2.0), in ms, around the neuron; Brian2's, less dt"
_LATERAL = "rheobase.nn.Recurrent(neuron) has lateral weights"
# names for which a new name is not enough: (names, a parameter or neuron that it applies to ("": all), the remedy)
ANSWERS: tuple[tuple[str, str, str], ...] = (
    ("beta", "tau_mem", _PER_STEP + ", with the input times rheobase.input_scale({given}) = 1/(1 - beta)"),
    ("alpha", "tau_syn", "tau_syn=rheobase.from_decay({given}, dt)"),
    ("decay", "tau_mem", _PER_STEP),
    ("tau_mem_inv", "tau_mem", "tau_mem in ms: 1000/tau_mem_inv, where that is in 1/s"),
    ("tau_syn_inv", "tau_syn", "tau_syn in ms: 1000/tau_syn_inv, where that is in 1/s"),
    ("R C", "tau_mem", "tau_mem, which is R C; an input in units of v is R times the current"),
    ("tau init_tau", "PLIF", "a=-math.log({given} - 1), the logit of 1/tau"),
    ("decay_input", "", "leave it out where it is True; else multiply the input by rheobase.input_scale(1 - 1/tau)"),
    ("refractory t_ref tau_ref tau_refrac", "", _AROUND),
    ("init_hidden", "", "leave it out: a state is an argument and a result, out, state = neuron(x, state)"),
    ("output", "", "leave it out: a neuron returns (out, state), and with record=('v',) the traces, too"),
    ("step_mode", "", "leave it out: a neuron runs over a whole sequence (time, batch, ...)"),
    ("store_v_seq", "", "leave it out: neuron(x, record=('v',)) returns the trace of v"),
    ("backend", "", "leave it out, or give it to the call: neuron(x, backend='llvm')"),
    ("surrogate_disable", "", "leave it out: torch.no_grad() around the call takes no gradient"),
    ("inhibition", "", f"leave it out: {_LATERAL}, which may be below zero"),
    ("state_quant", "", "leave it out: states are not rounded; rheobase.nn.quantised(net, bits=4) rounds weights"),
    (
        "graded_spikes_factor learn_graded_spikes_factor",
        "",
        "leave it out: a spike is 1, and the weights of the next layer are its size",
    ),
    ("learn_beta", "tau_mem", "learn=('tau_mem',)"),
    ("learn_beta", "PLIF", "learn=('a',)"),
    ("learn_alpha", "tau_syn", "learn=('tau_syn',)"),
    ("learn_threshold", "v_threshold", "learn=('v_threshold',)"),
    ("learn_threshold", "v_peak", "learn=('v_peak',)"),
    (
        "V all_to_all linear_features conv2d_channels learn_recurrent recurrent_weights",
        "",
        f"leave it out: {_LATERAL}",
    ),
    ("p", "", "give its values as keywords, times in ms: tau_mem=20.0, v_threshold=1.0, say"),
    (
        "input_size input_features hidden_size",
        "",
        "the sizes come first, (128, ...), and weights are a layer: torch.nn.Linear(inputs, 128) before it",
    ),
    ("shape size N n num_neurons", "", "the sizes come first, without a name: (128, ...)"),
    (
        "method",
        "",
        "leave it out, or integrator=rheobase.integrators.Euler(); the default solves linear equations exactly",
    ),
    (
        "model eqs namespace events order",
        "",
        "equations are a class: dynamics, threshold and reset of a rheobase.OdeNeuron",
    ),
    ("dtype device", "", "neuron.to(dtype) and neuron.to(device), as of any module of torch"),
)
WORDS = frozenset(word for words, _, _ in ANSWERS for word in words.split()) | NAMES.keys()
# neurons with a subtractive reset, each with its counterpart that resets to a value; SETTING is the reverse
SUBTRACTING: Mapping[str, str] = {
    "LIF": "neurons.HardResetLIF(..., v_reset={to})",
    "IF": "neurons.HardResetIF(..., v_reset={to})",
    "CubaLIF": "nn.Sequential(neurons.LI(n, dt=dt, tau_mem=tau_syn), neurons.HardResetLIF(n, dt=dt, v_reset={to}))",
}
SETTING: Mapping[str, str] = {"HardResetLIF": "neurons.LIF", "HardResetIF": "neurons.IF"}
RESETS = ("v_reset", "vr", "Vr", "V_reset", "reset", "reset_mechanism", "hard_reset", "soft_reset")
# classes, and how they are made here
CLASSES: Mapping[str, str] = {
    "Leaky": "neurons.LIF(n, dt=1.0, tau_mem=rheobase.from_decay(beta)), its input times rheobase.input_scale(beta)",
    "RLeaky": "nn.Recurrent(neurons.LIF(n, dt=1.0))",
    "Lapicque": "neurons.LIF(n, dt=1.0, tau_mem=R C)",
    "Synaptic": "neurons.CubaLIF, or nn.Sequential(neurons.LeakySum(n, decay=alpha), neurons.LIF(n, dt=1.0))",
    "RSynaptic": "nn.Recurrent(neurons.CubaLIF(n, dt=1.0))",
    "Alpha": "neurons.SRM0",
    "IFNode": "neurons.HardResetIF, or neurons.IF for v_reset=None",
    "LIFNode": "neurons.HardResetLIF(n, dt=1.0, tau_mem=tau, integrator=rheobase.integrators.Euler()), or neurons.LIF",
    "ParametricLIFNode": "neurons.PLIF(n, learn=('a',))",
    "QIFNode": "neurons.QIF",
    "EIFNode": "neurons.EIF",
    "IzhikevichNode": "neurons.Izhikevich",
    "LIFCell": "nn.Sequential(neurons.LI(n, dt=1.0, tau_mem=tau_syn), neurons.HardResetLIF(n, dt=1.0))",
    "LIFBoxCell": "neurons.HardResetLIF",
    "LIFRecurrentCell": "nn.Recurrent(neurons.CubaLIF(n, dt=1.0))",
    "LIFAdExCell": "neurons.AdEx",
    "LICell": "neurons.LI",
    "LIBoxCell": "neurons.LI",
    "NeuronGroup": "a class: dynamics, threshold and reset of a rheobase.OdeNeuron",
    "hh": "NEURON's is channels.Na_HH(gbar=0.12), channels.K_HH(gbar=0.036) and channels.Pas(g=3e-4, e=-54.3)",
}
NMODL = "NMODL is not translated: docs/from_nmodl.md has a mechanism of NEURON, line beside line, as a class"


def elsewhere(owner: str, name: str, value: Any, known: Collection[str]) -> str | None:
    """The remedy for a keyword that another library has; None for one that none of them has.

    >>> elsewhere("LIF", "threshold", 1.0, ["tau_mem", "v_threshold"])
    'it is called v_threshold here'
    >>> elsewhere("LIF", "reset", "zero", ["tau_mem", "v_threshold"])
    'neurons.HardResetLIF(..., v_reset=0.0); LIF subtracts v_threshold at a spike'
    >>> elsewhere("LIF", "thresold", 1.0, ["tau_mem", "v_threshold"]) is None
    True
    """
    if name in known and name != "v_reset":
        return None
    if name == "threshold" and isinstance(value, str):
        return "a number, v_threshold=1.0; another condition is the `threshold` of a rheobase.OdeNeuron of your own"
    called = next((ours for ours in NAMES.get(name, ()) if ours in known), None)
    if called is not None:
        return f"it is called {called} here" + (_STEPS if (name, called) == ("tau", "tau_mem") else "")
    if name in RESETS:
        return _reset(owner, name, value, known)
    if name == "reset_delay":
        return _delay(owner, value)
    for words, applies_to, remedy in ANSWERS:
        if name in words.split() and (applies_to in ("", owner) or applies_to in known):
            return remedy.format(given=value if is_number(value) else name)
    if name in WORDS:
        return f"the equations of {owner} have nothing of the kind. {nearest('', known)}"
    return None


def class_elsewhere(name: str) -> str | None:
    """What to write for a class of another library, or a file of NEURON; None for one that none of them has.

    >>> class_elsewhere("LIFCell")[:13], class_elsewhere("kdr.mod")[:23]
    ('nn.Sequential', 'NMODL is not translated')
    """
    return NMODL if name.lower().endswith(".mod") else CLASSES.get(name)


def _reset(owner: str, name: str, value: Any, known: Collection[str]) -> str:
    """The remedy for another library's keyword about the reset."""
    kind = _kind(name, value)
    to = value if is_number(value) else 0.0
    if kind == "none":
        return "a neuron that spikes and has no reset is an OdeNeuron with crossing = True; neurons.LI never spikes"
    if owner in SUBTRACTING:
        adds = f"{owner} subtracts v_threshold at a spike"
        return f"leave it out: {adds}" if kind == "soft" else f"{SUBTRACTING[owner].format(to=to)}; {adds}"
    if owner in SETTING:
        sets = f"{owner} resets to v_reset"
        return f"{SETTING[owner]}, which subtracts v_threshold; {sets}" if kind == "soft" else f"v_reset={to}: {sets}"
    if "v_reset" in known:
        return f"v_reset: {owner} resets to it; neurons.LIF and neurons.IF subtract v_threshold"
    if owner == "Izhikevich":
        return "it is called c here"
    return f"leave it out: the equations of {owner} say what a spike does. neurons.HardResetLIF resets to v_reset"


def _kind(name: str, value: Any) -> str:
    """The reset that a keyword of another library asks for: "soft" subtracts, "hard" sets, "none" does nothing."""
    if name.lower() in ("v_reset", "vr"):
        return "soft" if value is None else "hard"
    if isinstance(value, bool):
        return "soft" if value == (name == "soft_reset") else "hard"
    # Brian2's are statements, v = vr or v -= vt
    text = str(value).lower()
    if text == "none":
        return "none"
    return "soft" if "sub" in text or "soft" in text or "-=" in text else "hard"


def _delay(owner: str, value: Any) -> str:
    if value is True and owner in ("LIF", "CubaLIF"):
        return (
            f"v_threshold=threshold/beta, v_leak=threshold*(1/beta - 1): {owner}, which subtracts at once, then fires "
            "as with a subtraction a step later"
        )
    return f"leave it out: {owner} resets in the step of the spike (a reset to zero a step later fires the same)"
