"""Another implementation of the robust fingerprint, in double precision and Python's own library alone.

It is written from docs/robust-fingerprint.md, never from the Rust code, so that a mistake there does not agree with itself
here.

    robust_reference.py vector        the fingerprint of the page's signal
    robust_reference.py span FILE...  the fingerprint of each file's 31,744 samples, 16 bits, little-endian

Prints a line for each: the 132 bytes in hexadecimal, the mask as a number, and the smallest distance of any kept bit's value
from 0, as a share of the four energies that it is made of.
"""

import array
import cmath
import math
import pathlib
import sys

RATE, FRAME, HOP, BANDS, KEPT, FRAMES = 8000, 2048, 512, 33, 31, 59
SPAN = (FRAMES - 1) * HOP + FRAME
HANN = [(1 - math.cos(2 * math.pi * n / FRAME)) / 2 for n in range(FRAME)]
EDGES = [math.ceil(300 * (3400 / 300) ** (b / BANDS) * FRAME / RATE) for b in range(BANDS + 1)]


def fourier(values):
    """The discrete Fourier transform of a power of two of numbers."""
    if len(values) == 1:
        return values
    even, odd = fourier(values[::2]), fourier(values[1::2])
    half = len(even)
    odd = [cmath.exp(-1j * math.pi * k / half) * x for k, x in enumerate(odd)]
    return [a + b for a, b in zip(even, odd)] + [a - b for a, b in zip(even, odd)]


def energies(frame):
    spectrum = fourier([complex(sample * weight) for sample, weight in zip(frame, HANN)])
    return [sum(abs(x) ** 2 for x in spectrum[low:high]) for low, high in zip(EDGES, EDGES[1:])]


def fingerprint(samples):
    assert len(samples) == SPAN
    bands = [energies(samples[at * HOP : at * HOP + FRAME]) for at in range(FRAMES)]
    by_energy = sorted(range(1, FRAMES), key=lambda frame: (-sum(bands[frame]), frame))
    kept = sorted(by_energy[:KEPT])
    mask = sum(1 << (64 - frame) for frame in kept)
    packed, nearest = mask.to_bytes(8, "big"), 1.0
    for frame in kept:
        now, before, bits = bands[frame], bands[frame - 1], 0
        for low in range(BANDS - 1):
            value = (now[low] - now[low + 1]) - (before[low] - before[low + 1])
            bits = bits << 1 | (value > 0)
            parts = now[low] + now[low + 1] + before[low] + before[low + 1]
            nearest = min(nearest, abs(value) / parts if parts else 1.0)
        packed += bits.to_bytes(4, "big")
    return packed.hex(), mask, nearest


def signal(seed, count):
    """The page's signal."""
    state, samples, one, two = seed, [], 0, 0

    def draw():
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return state >> 16

    for at in range(count):
        if at % 800 == 0:
            turn = draw() % 9000 - 2000
            loudness = draw() % 8
        noise = ((draw() - 32768) * loudness) >> 6
        sample = ((turn * one) >> 12) - ((3900 * two) >> 12) + noise
        sample = max(-32768, min(32767, sample))
        samples.append(sample)
        one, two = sample, one
    return samples


def main(what, *files):
    if what == "vector":
        spans = [signal(2, SPAN)]
    else:
        spans = []
        for file in files:
            samples = array.array("h", pathlib.Path(file).read_bytes())
            if sys.byteorder == "big":
                samples.byteswap()
            spans.append(list(samples))
    for span in spans:
        print(*fingerprint(span))


main(*sys.argv[1:])
