"""What each family must hold. A figure is None where it does not apply."""

PRODUCTS = {"matmulTiles", "convolutionTiles", "convolutionWeightTiles"}
ATTENTION = {"attention_tiles", "attention_own_queries", "attention_own_keys"}
STEPS = ("RecurrenceTile",)
ROWS = ("Reduction", "Normalization", "Softmax", "CrossEntropy")
ITEMS = ("Pooling", "Region", "Suppression")
ELEMENTS = ("Pointwise", "Update")
REGISTERS = {"gfx1100": 192, "gfx90a": 128, "sm_80": 128, "sm_90": 128}
# Of groups of fewer than 256 work-items more fit: three waves on gfx90a, six groups of 64 on NVIDIA's.
SMALL_GROUP_REGISTERS = {"gfx1100": 192, "gfx90a": 168, "sm_80": 168, "sm_90": 168}


def is_product(kernel):
    return kernel in PRODUCTS


def is_attention(kernel):
    return kernel in ATTENTION


def failures(family, kernel, target, row, item, threads=256):
    """The gates that a row of the table does not pass, as {gate: words}; `item` is the width of a work-item's tile, `threads`
    the work-items of a group."""
    failed = {}

    def need(gate, holds, words):
        if not holds:
            failed[gate] = words

    need("spills", row["spills"] == 0 and row["scratch"] == 0, f"{row['spills']} spills, {row['scratch']} bytes of scratch")
    need("conflicts", row["conflict"] in (None, 1), f"{row['conflict']} lanes ask one bank at a time")
    need("float-atomics", not row["float_atomics"], "float atomics")
    if is_product(kernel):
        least = 90 if item >= 8 else 85
        need("multiply-adds", row["fma"] is not None and row["fma"] >= least, f"{row['fma']} % instead of {least} %")
        need("local-width", row["local_width"] == 128, f"{row['local_width']} bit")
        need("global-width", row["global_width"] == 128, f"{row['global_width']} bit")
        need("division", row["divisions"] == 0, f"{row['divisions']} in the loop")
        need("prefetch", row["prefetch"] == 1, "the next tile is not loaded before the products")
        need("local-memory", row["local"] <= 32768, f"{row['local']} bytes")
        most = (REGISTERS if threads >= 256 else SMALL_GROUP_REGISTERS)[target]
        need("registers", row["registers"] <= most, f"{row['registers']} of {most}")
    if is_attention(kernel):
        need("multiply-adds", row["fma"] is not None and row["fma"] >= 70, f"{row['fma']} % instead of 70 %")
        need("local-width", row["local_width"] == 128, f"{row['local_width']} bit")
        need("global-width", row["global_width"] in (None, 128), f"{row['global_width']} bit")
        need("division", row["divisions"] == 0, f"{row['divisions']} in the loops")
        need("local-memory", row["local"] <= 32768, f"{row['local']} bytes")
    if family.startswith(STEPS):
        need("waves", row["occupancy"] >= 4, f"{row['occupancy']} waves")
        need("global-width", row["global_width"] in (None, 128), f"{row['global_width']} bit")
        need("local-memory", row["local"] <= 16384, f"{row['local']} bytes")
    if family.startswith(ITEMS):
        need("registers", row["registers"] <= 64, f"{row['registers']} of 64")
        need("waves", row["occupancy"] >= 8, f"{row['occupancy']} waves")
    if family.startswith(ELEMENTS):
        need("registers", row["registers"] <= 32, f"{row['registers']} of 32")
        need("global-width", row["global_width"] in (None, 128), f"{row['global_width']} bit")
    if family.startswith(ROWS):
        need("waves", row["occupancy"] >= 8, f"{row['occupancy']} waves")
        need("barriers", row["barriers"] <= 2, f"{row['barriers']} barriers")
        need("global-width", row["global_width"] in (None, 128), f"{row['global_width']} bit")
    return failed
