"""An animation as the bytes of a file, with progress: drawing hundreds of pictures takes a while."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from matplotlib.animation import Animation, FFMpegWriter, PillowWriter

from rheobase.errors import ParameterError
from rheobase.progress import bar

FPS = 20  # of an animation that does not say


def movie_bytes(movie: Animation, form: str) -> bytes:
    """The animation as GIF, MP4 or HTML. Raises `ParameterError` where nothing on this machine writes the format."""
    fps = max(1, round(getattr(movie, "fps", FPS)))
    if form == "mp4" and not FFMpegWriter.isAvailable():
        remedy = "install ffmpeg, or name the file .gif or .html"
        raise ParameterError("animation", "a .mp4 file", "ffmpeg, which writes it, on the path", remedy)
    frames = getattr(movie, "frames", None)
    with tempfile.TemporaryDirectory() as folder, _shown(form, frames) as advance:
        if form == "html":
            # it has no callback: every picture goes into the page as it is drawn
            return movie.to_jshtml(fps=fps, embed_frames=True).encode()
        path = Path(folder) / f"movie.{form}"
        writer = PillowWriter(fps=fps) if form == "gif" else FFMpegWriter(fps=fps)
        movie.save(str(path), writer=writer, progress_callback=advance)
        return path.read_bytes()


@contextmanager
def _shown(form: str, frames: int | None) -> Generator[Callable[[int, int], None]]:
    with bar(transient=True) as shown:
        task = shown.add_task(f"writing {form}", total=frames, note="")
        yield lambda frame, _: shown.update(task, completed=frame + 1)
