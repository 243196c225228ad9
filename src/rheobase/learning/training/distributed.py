"""Communication between the processes of a run; with one process, every function acts on it alone."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from rheobase.errors import BackendUnavailable, ParameterError, nearest

if TYPE_CHECKING:
    from lightning_fabric import Fabric

PRECISIONS = ("32-true", "64-true", "16-mixed", "bf16-mixed", "bf16-true", "16-true")
STRATEGIES = ("auto", "ddp", "ddp_spawn")
ACCELERATORS = ("auto", "cpu", "cuda", "gpu", "mps")


def make_fabric(accelerator: str, devices: int | str | list[int], precision: str, strategy: str) -> Fabric:
    """Lightning Fabric for these devices.

    Raises: `ParameterError` for a name that does not exist; `BackendUnavailable` for a device that is not
    there.
    """
    for what, given, known in (
        ("accelerator", accelerator, ACCELERATORS),
        ("precision", precision, PRECISIONS),
        ("strategy", strategy, STRATEGIES),
    ):
        if given not in known:
            expected = f"the name of {'an' if what == 'accelerator' else 'a'} {what}"
            raise ParameterError("Trainer", f"{what} = {given!r}", expected, nearest(str(given), known))
    with quiet(), warnings.catch_warnings():
        # turned into an error below
        warnings.filterwarnings("ignore", message=".*AMP with fp16 is not supported on CPU.*")
        from lightning_fabric import Fabric

        try:
            fabric = Fabric(
                accelerator=accelerator,
                devices=devices,
                precision=cast(Any, precision),
                strategy=strategy,
            )
        except RuntimeError as error:
            raise BackendUnavailable(
                "Trainer",
                f"accelerator = {accelerator!r}, devices = {devices!r}",
                "devices of this machine",
                f'use accelerator="auto" ({error})',
            ) from error
        except (ValueError, TypeError, OverflowError) as error:
            raise ParameterError(
                "Trainer", f"devices = {devices!r}", "a number of devices > 0", f"devices=1 is one ({error})"
            ) from error
    if precision == "16-mixed" and fabric.device.type == "cpu":
        raise ParameterError("Trainer", "precision = '16-mixed' on the CPU", "a GPU", 'use precision="bf16-mixed"')
    return fabric


@contextmanager
def quiet() -> Generator[None]:
    """Inside, Fabric writes no notices (its warnings still come through)."""
    logger = logging.getLogger("lightning_fabric")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def total(fabric: Fabric, values: list[float] | Tensor) -> Tensor:
    """The sum over all processes, elementwise, in float64 on the CPU; every process gets the same bits."""
    tensor = torch.as_tensor(values, dtype=torch.float64)
    if fabric.world_size == 1:
        return tensor.cpu()
    summed: Any = fabric.all_reduce(tensor.to(fabric.device), reduce_op="sum")
    return summed.cpu()


def gathered(fabric: Fabric, tensor: Tensor) -> Tensor:
    """The tensor of every process, stacked in a new first axis, on the CPU."""
    if fabric.world_size == 1:
        return tensor.cpu()[None]
    stacked: Any = fabric.all_gather(tensor.to(fabric.device))
    return stacked.cpu()


def share_buffers(fabric: Fabric, net: nn.Module) -> None:
    """Give every process the buffers of the first one (running means of a batch norm differ between them)."""
    if fabric.world_size > 1:
        for buffer in net.buffers():
            torch.distributed.broadcast(buffer, 0)


def leave_group() -> None:
    """Leave the group of processes, if there is one: a process that ends inside it may abort."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
