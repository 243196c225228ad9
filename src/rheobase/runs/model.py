"""A trained network as one uses it: read from the folder of a run, asked about new samples, tested again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from rheobase.data import Dataset, Encoder, Events, Scaled, Watch
from rheobase.errors import DataError, ParameterError, ShapeError
from rheobase.learning import CrossEntropy, Evaluation, Trainer, load_weights
from rheobase.learning.training.distributed import make_fabric
from rheobase.learning.training.evaluate import run_network
from rheobase.learning.training.run import CONFIG
from rheobase.learning.training.samples import Samples
from rheobase.nn import Sequential
from rheobase.runs.folder import check_same_files, read_notes, weights_of
from rheobase.runs.network import build
from rheobase.runs.pretrained import HERE, Card, card
from rheobase.runs.samples_file import SampleFiles, read_samples
from rheobase.runs.settings import Settings
from rheobase.runs.task import Task
from rheobase.runs.threads import threads

if TYPE_CHECKING:
    from rheobase.runs.export import Exported


@dataclass(frozen=True, repr=False)
class Predictions:
    """What a network says of n samples.

    label    (n,) int64, the number of the most likely class
    scores   (n, classes), the larger the likelier; their softmax is what the loss of the training takes
    classes  the names of the classes
    sources  the files of the samples, from the folder on; () where they are no files of their own
    notes    what one should know of how files were read, in sentences

    >>> import rheobase
    >>> found = rheobase.load("lif-digits").predict(torch.rand(2, 8, 8))
    >>> found.scores.shape, len(found.classes)
    (torch.Size([2, 10]), 10)
    """

    label: Tensor
    scores: Tensor
    classes: tuple[str, ...]
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The name of the class of each sample."""
        return [self.classes[k] for k in self.label.tolist()]

    def __len__(self) -> int:
        return len(self.label)

    def __repr__(self) -> str:
        shown = ", ".join(self.names[:5]) + (", ..." if len(self) > 5 else "")
        return f"Predictions of {len(self)} samples: {shown}"


class Model:
    """A network that `rheobase train` trained, with the code that its samples come in.

    `network` is an ordinary `nn.Sequential`, in eval mode, which takes sequences (time, batch, ...). `predict` takes
    samples. The folder can lie anywhere: nothing in it depends on where it was made.

    >>> import rheobase
    >>> model = rheobase.load("lif-digits")
    >>> len(model.predict(torch.rand(2, 8, 8)).names)
    2
    """

    def __init__(self, folder: Path, settings: Settings, task: Task, network: Sequential, digest: str | None = None):
        self.folder, self.settings, self.task, self.network = folder, settings, task, network
        self._digest = digest

    @classmethod
    def read(cls, folder: str | Path) -> Model:
        """The model of a run. Raises: `CheckpointError`; `DataError` for an older run whose data are missing."""
        folder = Path(folder)
        notes, source = read_notes(folder), str(folder / CONFIG)
        settings = Settings.of_notes(notes, source)
        if "task" in notes:
            task = Task.from_json(notes["task"], source)
        else:
            # runs of before say what they are for in their data alone
            task = Task.of(settings.load_data())
        with torch.random.fork_rng(devices=[]):
            network = build(settings, task)
        load_weights(weights_of(folder), network)
        return cls(folder, settings, task, network.eval(), notes.get("digest"))

    @property
    def card(self) -> Card | None:
        """What one should know of a pre-trained network: data, figures, licence; None for other runs."""
        return card(self.folder.name) if self.folder.parent == HERE else None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the network's outputs."""
        return self.task.classes

    def encoder(self) -> Encoder | Scaled:
        """The code of the training, from samples to sequences."""
        return self.settings.encode(self.task)

    @torch.no_grad()
    def predict(
        self, x: Tensor | Events | str | Path, *, device: str | None = None, watch: Watch | None = None
    ) -> Predictions:
        """What the network says of samples x: images (n, *sample_shape) with values in [0, 1], or recordings of events.

        x may also be a file, or a folder with all files in it and below, read as those of the training were.

        Sample k is coded as the k-th of a test set is, with the seed of the run: the same samples give the same
        predictions, bit for bit, in any process and on any number of threads. `watch` hears how many are done.

        Raises: `ShapeError` for samples of another shape, `ParameterError`, `InputError`; `DataError` with all that is
        wrong with the files.

        >>> import rheobase
        >>> from rheobase.data import digits
        >>> model = rheobase.load("src-digits")
        >>> model.predict(digits().x_test[:3]).names
        ['7', '4', '7']
        """
        held = read_samples(Path(x), self.settings, self.task) if isinstance(x, str | Path) else SampleFiles(x)
        given, encoder = self._checked(held.x), self.encoder()
        # coded by the very rule of the test; its classes are not known, and not asked for
        samples = Samples.of("test", (given, torch.zeros(len(given), dtype=torch.int64)), encoder)
        loss = cast(CrossEntropy, self.settings.recipe().criterion)  # what a run can be given are all of this kind
        labels, scores = list[Tensor](), list[Tensor]()
        with threads(self.settings.threads):
            fabric = make_fabric(device or self.settings.device, 1, self.settings.precision, "auto")
            net = fabric.to_device(fabric.strategy.precision.convert_module(self.network))
            for index in torch.arange(len(samples)).split(self.settings.batch):
                coded = samples.encoded(encoder, index, self.settings.seed).on(fabric)
                out = run_network(fabric, net, coded)
                labels.append(loss.predict(out, *coded.ends).cpu())
                scores.append(loss.scores(out, *coded.ends).cpu())
                if watch is not None:
                    watch("samples", int(index[-1]) + 1, len(samples))
            self.network.cpu()
        return Predictions(torch.cat(labels), torch.cat(scores), self.classes, held.names, held.notes)

    def evaluate(
        self, data: Dataset | None = None, *, device: str | None = None, watch: Watch | None = None
    ) -> Evaluation:
        """The test of the run once more: the figures of its report, to the digit, on the same data and kind of machine.

        `data`: another data set of the same shape and classes; by default that of the run. `watch` hears how
        many samples are done.

        Raises: `DataError` where the data of the run are missing, and for other classes or another order of them;
        `ShapeError` for data that do not fit the network.
        """
        settings = self.settings
        if data is None:
            data = self.load_data()
        given = Task.of(data)
        if (given.sample_shape, len(given.classes)) != (self.task.sample_shape, len(self.classes)):
            shown = f"samples of shape {given.sample_shape} in {len(given.classes)} classes"
            expected = f"{self.task.sample_shape} in {len(self.classes)}, as the network was trained on"
            raise ShapeError(repr(self), shown, expected, "give data of that kind")
        if unlike := self.task.unlike(given, self.settings.steps):
            shown, expected, remedy = unlike
            raise DataError(repr(self), shown, expected, remedy)
        if given.classes != self.classes:
            shown, expected = (f"the classes {', '.join(one)}" for one in (given.classes, self.classes))
            remedy = "number the samples by the network's classes: dataclasses.replace(data, y_test=..., classes=...)"
            raise DataError(repr(self), shown, f"{expected}, in this order", remedy)
        trainer = Trainer(
            settings.recipe(), accelerator=device or settings.device, devices=1, precision=settings.precision
        )
        done, samples = 0, len(data.y_test)

        def between() -> None:
            nonlocal done
            done = min(samples, done + settings.batch)
            if watch is not None:
                watch("samples", done, samples)

        with threads(settings.threads):
            encoder, test = self.encoder(), (data.x_test, data.y_test)
            found = trainer.test(self.network, encoder=encoder, test=test, between=between)
        self.network.cpu()
        return found

    def export(
        self, path: str | Path, *, to: str, dtype: torch.dtype | None = None, allow: Iterable[str] = ()
    ) -> Exported:
        """Write the network for other programs: `to` is "onnx", "torch" or "nir"; see `runs.export.export`."""
        from rheobase.runs.export import export

        return export(self, path, to=to, dtype=dtype, allow=allow)

    def load_data(self, data_dir: str | Path | None = None, *, watch: Watch | None = None) -> Dataset:
        """The data of the run; `data_dir`: where they lie now, `watch` hears how far they are read.

        Raises: `DataError` where they are missing, or are not the files of the training: others would train and test.
        """
        data = self.settings.load_data(data_dir, watch=watch)
        check_same_files(self.settings.data, self._digest, data.digest, "put them back; predict takes any files")
        return data

    def _checked(self, x: Tensor | Events) -> Tensor | Events:
        """Samples as the encoder takes them. Raises: `ParameterError`, `ShapeError`."""
        if self.task.duration_ms is not None:
            if not isinstance(x, Events):
                given, remedy = type(x).__name__, "data.load(...).x_test, say"
                raise ParameterError(repr(self), given, "recordings of events", remedy)
            if x.frame_shape != self.task.sample_shape:
                given, expected = f"events of shape {x.frame_shape}", f"{self.task.sample_shape}"
                raise ShapeError(repr(self), given, expected, "another camera?")
            return x
        if not isinstance(x, Tensor):
            raise ParameterError(repr(self), f"{type(x).__name__}", "a tensor of images", "torch.from_numpy(x)")
        series = self.task.scaling is not None
        if series and x.dim() == 3 and x.shape[2:] == self.task.sample_shape and x.numel():
            return x.float()
        if series or tuple(x.shape[1:]) != self.task.sample_shape or not len(x):
            expected = (
                f"(n, time, {self.task.sample_shape[0]})"
                if series
                else f"(n, {', '.join(map(str, self.task.sample_shape))})"
            )
            raise ShapeError(repr(self), f"samples {tuple(x.shape)}", expected, "x[None] for a single one")
        # as all samples of a training are
        return x.float()

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.task.sample_shape))
        return f"Model({str(self.folder)!r}: {self.settings.neuron}, {shape} to {len(self.classes)} classes)"
