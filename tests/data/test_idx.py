from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pytest

from rheobase.data.formats.idx import parse, read_bytes, read_idx
from rheobase.errors import DataError


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 4, 5)])
def test_roundtrip_in_native_order(tmp_path, idx_bytes, dtype, shape):
    array = (np.random.default_rng(1).standard_normal(shape) * 100).astype(dtype)
    path = tmp_path / "a-idx"
    path.write_bytes(idx_bytes(array))
    read = read_idx(path)
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array)
    read[...] = 0  # a copy, not a view of a read-only buffer


def test_gzip_is_known_by_content_not_by_name(tmp_path, idx_bytes):
    array = np.arange(6, dtype=np.uint8)
    (tmp_path / "packed").write_bytes(gzip.compress(idx_bytes(array)))
    (tmp_path / "plain.gz").write_bytes(idx_bytes(array))
    np.testing.assert_array_equal(read_idx(tmp_path / "packed"), array)
    np.testing.assert_array_equal(read_idx(tmp_path / "plain.gz"), array)


def test_checksum_is_of_the_unpacked_bytes(tmp_path, idx_bytes):
    raw = idx_bytes(np.arange(200, dtype=np.uint8))
    digest = hashlib.sha256(raw).hexdigest()
    for level in (1, 9):
        path = tmp_path / f"level{level}.gz"
        path.write_bytes(gzip.compress(raw, compresslevel=level))
        assert read_bytes(path, digest) == raw
    changed = bytearray(raw)
    changed[-1] ^= 1
    (tmp_path / "changed").write_bytes(bytes(changed))
    with pytest.raises(DataError, match="sha256"):
        read_bytes(tmp_path / "changed", digest)


def test_every_truncation_of_a_plain_file_is_refused(idx_bytes):
    raw = idx_bytes(np.ones((2, 3), dtype=np.int16))
    for length in range(len(raw)):
        with pytest.raises(DataError, match="somewhere"):
            parse(raw[:length], "somewhere")


def test_every_truncation_of_a_gzip_file_is_refused(tmp_path, idx_bytes):
    packed = gzip.compress(idx_bytes(np.arange(300, dtype=np.int32)))
    path = tmp_path / "cut.gz"
    for length in range(len(packed)):
        path.write_bytes(packed[:length])
        with pytest.raises(DataError, match=r"cut\.gz"):
            read_idx(path)


def test_every_flipped_byte_of_gzip_data_is_refused_or_harmless(tmp_path, idx_bytes):
    array = np.arange(300, dtype=np.int32)
    packed = gzip.compress(idx_bytes(array), mtime=0)
    path = tmp_path / "flipped.gz"
    refused = 0
    for position in range(len(packed)):
        bad = bytearray(packed)
        bad[position] ^= 0xFF
        path.write_bytes(bytes(bad))
        try:
            read = read_idx(path)
        except DataError:
            refused += 1
        else:
            np.testing.assert_array_equal(read, array)
    assert refused > len(packed) - 10  # the header's time stamp and system byte carry no data


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "0 bytes"),
        (b"\x00\x01\x08\x01\x00\x00\x00\x00", "magic number 0x00010801"),
        (b"\x00\x00\x07\x01\x00\x00\x00\x00", "magic number 0x00000701"),
        (b"\x00\x00\x08\x00", "magic number 0x00000800"),
        (b"\x89PNG\r\n\x1a\n", "magic number 0x89504e47"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x02\x07", "truncated file: 1 bytes of data"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x01\x07\x07", "too long: 2 bytes of data"),
        (b"\x00\x00\x0e\x02\xff\xff\xff\xff\xff\xff\xff\xff", "truncated file: 0 bytes of data"),
    ],
)
def test_bad_headers(raw, words):
    with pytest.raises(DataError, match=words):
        parse(raw, "file")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_idx(tmp_path / "nothing")
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path)
