"""What a trained net was made for goes with its weights: loaded into another one, they are refused."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.errors import CheckpointError
from rheobase.operator.codes import Codes

NAME, UNIT = "made_for", 4096  # bytes: the buffers of nets that differ are of one shape, so that they are compared


def keep_with_weights(module: nn.Module, features: tuple[str, ...], codes: Codes | None, **others: Any) -> None:
    """Put the features, their scaling and further settings into the `state_dict` of a module, and check them there.

    They are a buffer of bytes, so that no conversion rounds them and every file of tensors can hold them. Loading
    weights of other ones raises `CheckpointError`: they would be read as those of another code or time step.
    """
    scaling = None if codes is None else {"low": codes.low, "high": codes.high}
    told = json.dumps({"features": features, "codes": scaling, **others}).encode()
    told += b" " * (-len(told) % UNIT)
    module.register_buffer(NAME, torch.frombuffer(bytearray(told), dtype=torch.uint8))
    module.register_load_state_dict_pre_hook(_check)


def _check(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    if prefix + NAME not in state:  # torch says that it is missing, unless it was told to accept that
        return
    own, found = _read(module.get_buffer(NAME), repr(module)), _read(state[prefix + NAME], repr(module))
    for name in own:
        if found.get(name) != own[name]:
            raise CheckpointError(
                repr(module),
                f"weights of a net with {name} = {found.get(name)}",
                f"{name} = {own[name]}",
                "make the net with what its weights were trained for",
            )


def _read(stored: Any, owner: str) -> dict[str, Any]:
    expected, remedy = "what the net was made for, as JSON", "load the file that was saved"
    if not isinstance(stored, Tensor):
        raise CheckpointError(owner, f"{NAME!r} of {type(stored).__name__}", expected, remedy)
    try:
        found = json.loads(bytes(stored.tolist()))
    except (TypeError, ValueError) as error:
        raise CheckpointError(owner, f"a damaged {NAME!r} ({error})", expected, remedy) from error
    if not isinstance(found, dict):
        raise CheckpointError(owner, f"a damaged {NAME!r} ({type(found).__name__})", expected, remedy)
    return found


__all__ = ["keep_with_weights"]
