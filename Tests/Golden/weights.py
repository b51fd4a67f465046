"""Writes the golden weight files of the data tests, Tests/Golden/data/weights: what torch.save, numpy and safetensors make of small
tensors in every form they have, with the values that they hold in expected.json.

    python Tests/Golden/weights.py          (needs torch, numpy, safetensors)
"""

import json
import os
import pathlib
import pickle
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from io import BytesIO

import numpy as np
import torch

FOLDER = pathlib.Path(__file__).parent / "data" / "weights"


def values(*shape, scale=1.0):
    count = int(np.prod(shape))
    return (torch.arange(count, dtype=torch.float64) * 0.37 - 1.5).reshape(shape).mul(scale).float()


def types():
    numbers = torch.tensor([0.0, 1.0, -2.5, 0.1, 65504.0, -1e-7])
    return OrderedDict(
        f64=numbers.double(), f32=numbers.reshape(2, 3), f16=numbers.half(), bf16=numbers.bfloat16(),
        i64=torch.tensor([-(2**31), 0, 2**31 - 1]), i32=torch.tensor([-(2**31), 5], dtype=torch.int32),
        i16=torch.tensor([-32768, 32767], dtype=torch.int16), i8=torch.tensor([-128, 127], dtype=torch.int8),
        u8=torch.tensor([0, 255], dtype=torch.uint8), bool=torch.tensor([True, False, True]), scalar=torch.tensor(7.5),
        empty=torch.zeros(0, 3))


def views():
    base = values(4, 6)
    shared = values(12)
    return OrderedDict(
        transposed=base.t(), slice=base[1:3, 2:5], step=base[::2, ::3], column=base[:, 1], expanded=values(3, 1).expand(3, 4),
        permuted=values(2, 3, 4).permute(2, 0, 1), first=shared[:4].view(2, 2), rest=shared[4:].view(2, 4), again=shared[:4],
        channels_last=values(2, 3, 2, 2).contiguous(memory_format=torch.channels_last))


def module():
    torch.manual_seed(0)
    return torch.nn.Sequential(OrderedDict(conv=torch.nn.Conv2d(2, 3, 3), bn=torch.nn.BatchNorm2d(3), fc=torch.nn.Linear(3, 2)))


def extra_types():
    return OrderedDict(
        u16=torch.tensor([0, 65535], dtype=torch.uint16), u32=torch.tensor([7, 2**31], dtype=torch.uint32),
        u64=torch.tensor([7, 2**40], dtype=torch.uint64), e4m3=torch.tensor([0.5, -2.0]).to(torch.float8_e4m3fn))


def training():
    model = module()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return {"epoch": 3, "state_dict": model.state_dict(), "optimizer": optimizer.state_dict(), "best": 0.5, "arch": "small"}


def deflated(data, name):
    """The same archive with its entries deflated."""
    source = zipfile.ZipFile(BytesIO(data))
    with zipfile.ZipFile(FOLDER / name, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            target.writestr(zipfile.ZipInfo(item.filename), source.read(item), zipfile.ZIP_DEFLATED)


class View:
    """A tensor as a pickle describes it, true or not."""

    def __init__(self, key, count, offset, shape, strides, kind=torch.FloatStorage):
        self.storage, self.arguments = Storage(key, count, kind), (offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return torch._utils._rebuild_tensor_v2, (self.storage, *self.arguments)


class Storage:
    def __init__(self, key, count, kind):
        self.key, self.count, self.kind = key, count, kind


class Pickler(pickle._Pickler):
    def persistent_id(self, thing):
        return ("storage", thing.kind, thing.key, "cpu", thing.count) if isinstance(thing, Storage) else None


def pickled(thing):
    data = BytesIO()
    Pickler(data, 2).dump(thing)
    return data.getvalue()


def archive(path, entries, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as target:
        for name, data in entries.items():
            target.writestr(zipfile.ZipInfo(name), data, method)


def hostile(folder):
    """Files that lie about themselves."""
    eight = np.arange(8, dtype=np.float32).tobytes()

    def torch_file(name, thing, entries=None, method=zipfile.ZIP_STORED):
        data = thing if isinstance(thing, bytes) else pickled(thing)
        archive(folder / name, {"a/data.pkl": data} | ({"a/data/0": eight} if entries is None else entries), method)

    good = View("0", 8, 0, (2, 4), (4, 1))
    torch_file("beyond.pth", {"w": View("0", 8, 5, (2, 2), (2, 1))})
    torch_file("stride.pth", {"w": View("0", 8, 0, (2, 4), (5, 1))})
    torch_file("negative.pth", {"w": View("0", 8, -1, (2,), (1,))})
    torch_file("negative-stride.pth", {"w": View("0", 8, 4, (2,), (-1,))})
    torch_file("overflow.pth", {"w": View("0", 8, 0, (2**62, 2**62), (0, 0))})
    torch_file("reach.pth", {"w": View("0", 8, 0, (2, 3), (2**62, 2**62))})
    torch_file("expanded.pth", {"w": View("0", 8, 0, (2**40,), (0,))})
    torch_file("huge.pth", {"w": View("0", 2**61, 0, (2**61,), (1,))})
    torch_file("count.pth", {"w": View("0", 9, 0, (9,), (1,))})
    torch_file("absent.pth", {"w": View("1", 8, 0, (8,), (1,))})
    torch_file("two-ways.pth", {"w": View("0", 8, 0, (8,), (1,)), "v": View("0", 4, 0, (4,), (1,), torch.DoubleStorage)})
    torch_file("big-endian.pth", {"w": good}, {"a/data/0": eight, "a/byteorder": b"big"})
    torch_file("deep.pth", b"\x80\x02" + b")" + b"\x85" * 300_000 + b".", method=zipfile.ZIP_DEFLATED)
    cycle = b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s."
    torch_file("cycle.pth", cycle)
    torch_file("empty-stack.pth", b"\x80\x020000.")
    torch_file("unfinished.pth", b"\x80\x02}q\x00")
    torch_file("recall.pth", b"\x80\x02h\x07.")
    torch_file("persistent-text.pth", b"\x80\x02P0\n.")
    torch_file("inst.pth", b"\x80\x02(ios\nsystem\n.")
    torch_file("text.pth", b"\x80\x02X\xff\xff\xff\x7fa.")
    torch_file("extension.pth", b"\x80\x02\x82\x01.")

    archive(folder / "bzip2.npz", {"a.npy": b"x"}, zipfile.ZIP_BZIP2)
    array = BytesIO()
    np.save(array, np.zeros(4096, dtype=np.float32))
    archive(folder / "bomb.npz", {"a.npy": array.getvalue()}, zipfile.ZIP_DEFLATED)
    whole = (folder / "bomb.npz").read_bytes()
    size = len(array.getvalue()).to_bytes(4, "little")
    (folder / "bomb.npz").write_bytes(whole.replace(size, (2**32 - 2).to_bytes(4, "little")))
    (folder / "grows.npz").write_bytes(whole.replace(size, (len(array.getvalue()) - 1024).to_bytes(4, "little")))
    array = BytesIO()
    np.save(array, np.zeros(64, dtype=np.float32))
    archive(folder / "checksum.npz", {"a.npy": array.getvalue()})
    damaged = bytearray((folder / "checksum.npz").read_bytes())
    damaged[300] ^= 1
    (folder / "checksum.npz").write_bytes(damaged)
    archive(folder / "encrypted.npz", {"a.npy": array.getvalue()[:200]})
    locked = bytearray((folder / "encrypted.npz").read_bytes())
    locked[locked.rindex(b"PK\x01\x02") + 8] |= 1
    (folder / "encrypted.npz").write_bytes(locked)
    (folder / "short.npy").write_bytes(array.getvalue()[:-4])
    (folder / "shape.npy").write_bytes(array.getvalue().replace(b"(64,)", b"(65,)"))
    (folder / "endless.npy").write_bytes(array.getvalue().replace(b"(64,)", b"(" + b"9" * 30 + b",)")[:200])
    # One entry inside another.
    inner = BytesIO()
    with zipfile.ZipFile(inner, "w") as target:
        target.writestr(zipfile.ZipInfo("b.npy"), array.getvalue()[:200])
    local = inner.getvalue()[:inner.getvalue().rindex(b"PK\x01\x02")]
    archive(folder / "overlap.npz", {"a.npy": local})
    data = (folder / "overlap.npz").read_bytes()
    at, end = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    second = bytearray(inner.getvalue()[len(local):inner.getvalue().rindex(b"PK\x05\x06")])
    second[42:46] = (35).to_bytes(4, "little")
    tail = bytearray(data[end:])
    tail[8:12] = b"\x02\x00\x02\x00"
    tail[12:16] = (end - at + len(second)).to_bytes(4, "little")
    (folder / "overlap.npz").write_bytes(data[:end] + second + tail)


def numbers(state):
    return {name: {"shape": list(tensor.shape), "values": tensor.detach().double().flatten().tolist()}
            for name, tensor in state.items() if isinstance(tensor, torch.Tensor)}


class Hostile:
    def __init__(self, function, arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def main():
    FOLDER.mkdir(exist_ok=True, parents=True)
    warnings.filterwarnings("ignore")
    expected = {}

    def save(name, thing, state, **options):
        torch.save(thing, FOLDER / name, **options)
        expected[name] = numbers(state)

    for suffix, options in [("", {}), ("-legacy", {"_use_new_zipfile_serialization": False})]:
        save(f"types{suffix}.pth", types(), types(), **options)
        save(f"views{suffix}.pth", views(), views(), **options)
        save(f"training{suffix}.pth", training(), training()["state_dict"], **options)
        save(f"half{suffix}.pth", {k: v.half() if v.is_floating_point() else v for k, v in module().state_dict().items()},
             {k: v.half() if v.is_floating_point() else v for k, v in module().state_dict().items()}, **options)
        parameters = OrderedDict((name, parameter) for name, parameter in module().named_parameters())
        save(f"parameters{suffix}.pth", parameters, parameters, **options)
    save("protocol4.pth", types(), types(), pickle_protocol=4)
    save("list.pth", [values(2), values(3)], {"0": values(2), "1": values(3)})
    save("wrapped.pth", {"model": {"state_dict": {"module." + k: v for k, v in module().state_dict().items()}}},
         {"module." + k: v for k, v in module().state_dict().items()})
    torch.save(extra_types(), FOLDER / "extra.pth")
    data = BytesIO()
    torch.save(types(), data)
    deflated(data.getvalue(), "deflated.pth")
    expected["deflated.pth"] = numbers(types())

    arrays = {name: tensor.numpy() for name, tensor in types().items() if name != "bf16"}
    arrays["columns"] = np.asfortranarray(values(3, 4, 2).numpy())
    arrays["a/b.weight"] = values(2, 2).numpy()
    held = {name: {"shape": list(array.shape), "values": array.astype(np.float64).flatten().tolist()} for name, array in arrays.items()}
    for name, write in [("stored.npz", np.savez), ("deflated.npz", np.savez_compressed)]:
        write(FOLDER / name, **arrays)
        expected[name] = held
    zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 16, 1
    np.savez(FOLDER / "zip64.npz", a=values(2, 3).numpy(), b=values(4).numpy())
    zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 2**31 - 1, 65535
    expected["zip64.npz"] = numbers({"a": values(2, 3), "b": values(4)})
    for version in [(1, 0), (2, 0), (3, 0)]:
        name = f"v{version[0]}.npy"
        with open(FOLDER / name, "wb") as file:
            np.lib.format.write_array(file, np.asfortranarray(values(3, 5).numpy()), version=version)
        expected[name] = {"arr_0": {"shape": [3, 5], "values": values(3, 5).double().flatten().tolist()}}
    (FOLDER / "expected.json").write_text(json.dumps(expected))

    # What is refused.
    refused = FOLDER / "refused"
    refused.mkdir(exist_ok=True)
    for suffix, options in [("", {}), ("-legacy", {"_use_new_zipfile_serialization": False})]:
        torch.save({"a": values(2), "b": Hostile(os.system, ("touch hostile-was-run",))}, refused / f"system{suffix}.pth", **options)
    torch.save(module(), refused / "module.pth")
    torch.save({"a": Hostile(eval, ("1",))}, refused / "eval.pth")
    torch.save({"a": torch.zeros(2, dtype=torch.complex64)}, refused / "complex.pth")
    torch.save({"a": torch.eye(2).to_sparse()}, refused / "sparse.pth")
    torch.save({"a": 1, "b": "text"}, refused / "numbers.pth")
    torch.save({"x": {"a": values(1)}, "y": {"a": values(1)}}, refused / "several.pth")
    torch.jit.script(torch.nn.Linear(1, 1)).save(refused / "script.pt")
    np.save(refused / "big.npy", values(2).numpy().astype(">f4"))
    np.save(refused / "objects.npy", np.array([None, 1], dtype=object), allow_pickle=True)
    np.save(refused / "complex.npy", np.zeros(2, dtype=np.complex64))
    np.save(refused / "records.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
    np.savez(refused / "text.npz", a=np.array(["x"]))
    with tarfile.open(refused / "old.pth", "w") as tar:
        tar.addfile(tarfile.TarInfo("sys_info"), BytesIO())
    hostile(refused)
    with zipfile.ZipFile(refused / "other.zip", "w") as other:
        other.writestr(zipfile.ZipInfo("readme.txt"), "no weights")
    for path in FOLDER.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
    print(sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()), "bytes")


if __name__ == "__main__":
    main()
