"""Writes the golden images of the data tests, Tests/Golden/data/images: small PNG and JPEG files of every kind, beside what
Pillow makes of them (`expected.json`), and Pillow's resizing (`resized.json`).

    python Tests/Golden/images.py          (needs pillow, numpy)
"""

import json
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

FOLDER = pathlib.Path(__file__).parent / "data" / "images"
WIDTH, HEIGHT = 19, 13


def texture(height, width, channels):
    """A smooth pattern with some edges, so that JPEG has something to keep."""
    y, x, c = np.mgrid[:height, :width, :channels].astype(float)
    value = 127 + 90 * np.sin(x / 4 + c) * np.cos(y / 3 - c) + 30 * ((x + 2 * y).astype(int) % 7 == 0)
    return np.clip(value, 0, 255).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(samples, depth):
    """Rows of samples [h, n] of `depth` bits, each with the filter byte 0."""
    rows = []
    for row in samples:
        if depth == 16:
            rows.append(row.astype(">u2").tobytes())
        elif depth == 8:
            rows.append(row.astype(np.uint8).tobytes())
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            rows.append(bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)))
    return b"".join(b"\0" + row for row in rows)


def png(name, samples, depth, color, interlaced=False, extra=b""):
    """A PNG file as Pillow cannot write it: samples [h, w, c], any depth and colour type, Adam7."""
    height, width, _ = samples.shape
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    data = b""
    for y, x, dy, dx in passes:
        part = samples[y::dy, x::dx]
        if part.size:
            data += packed(part.reshape(part.shape[0], -1), depth)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    (FOLDER / name).write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def pngs():
    grey = texture(HEIGHT, WIDTH, 1)
    color = texture(HEIGHT, WIDTH, 3)
    four = texture(HEIGHT, WIDTH, 4)
    palette = chunk(b"PLTE", texture(4, 4, 3).tobytes())
    transparent = chunk(b"tRNS", bytes(range(0, 256, 16)))
    for interlaced in (False, True):
        end = "-adam7.png" if interlaced else ".png"
        for depth in (1, 2, 4, 8):
            png(f"grey{depth}{end}", grey >> (8 - depth), depth, 0, interlaced)
        for depth in (1, 2, 4, 8):
            png(f"palette{depth}{end}", grey >> (8 - min(depth, 4)), depth, 3, interlaced, palette)
        png(f"palette-transparent{end}", grey >> 4, 4, 3, interlaced, palette + transparent)
        png(f"rgb8{end}", color, 8, 2, interlaced)
        png(f"rgb16{end}", color.astype(np.uint16) * 256 + 77, 16, 2, interlaced)
        png(f"grey-alpha8{end}", four[..., :2], 8, 4, interlaced)
        png(f"rgba8{end}", four, 8, 6, interlaced)
        png(f"rgba16{end}", four.astype(np.uint16) * 256 + 200, 16, 6, interlaced)
    png("rgb8-transparent.png", color, 8, 2, extra=chunk(b"tRNS", struct.pack(">HHH", *map(int, color[0, 0]))))


def jpegs():
    color = Image.fromarray(texture(40, 51, 3))
    color.save(FOLDER / "rgb444.jpg", quality=90, subsampling=0)
    color.save(FOLDER / "rgb420.jpg", quality=75, subsampling=2)
    color.save(FOLDER / "progressive.jpg", quality=80, progressive=True)
    color.convert("L").save(FOLDER / "grey.jpg", quality=85)
    Image.fromarray(texture(40, 51, 4), "CMYK").save(FOLDER / "cmyk.jpg", quality=90)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        color.save(FOLDER / f"orientation{orientation}.jpg", quality=90, exif=exif)


def described(image):
    image = ImageOps.exif_transpose(image).convert("RGB")
    return {"width": image.width, "height": image.height, "pixels": np.asarray(image).flatten().tolist()}


def resized():
    cases = []
    for channels in (1, 3):
        source = texture(23, 31, 3)[..., :channels]
        image = Image.fromarray(source.squeeze())
        for width, height in [(16, 16), (31, 5), (7, 23), (62, 46), (1, 1), (40, 9)]:
            result = np.asarray(image.resize((width, height), Image.BILINEAR))
            cases.append({"channels": channels, "width": width, "height": height, "pixels": result.flatten().tolist()})
    return {"source": texture(23, 31, 3).flatten().tolist(), "cases": cases}


def greyscale():
    colors = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return {"rgb": colors.flatten().tolist(), "grey": np.asarray(Image.fromarray(colors).convert("L")).flatten().tolist()}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    pngs()
    jpegs()
    files = sorted(FOLDER.glob("*.png")) + sorted(FOLDER.glob("*.jpg"))
    expected = {file.name: described(Image.open(file)) for file in files}
    (FOLDER / "expected.json").write_text(json.dumps(expected, separators=(",", ":")))
    (FOLDER / "resized.json").write_text(json.dumps(resized(), separators=(",", ":")))
    (FOLDER / "grey.json").write_text(json.dumps(greyscale(), separators=(",", ":")))


if __name__ == "__main__":
    main()
