"""Tests of the readers, on small texts."""

import unittest

import amd
import banks
import gates
import nvidia
import roofline
import table
from assembly import share_of, total

AMD = """
	.globl	product                         ; -- Begin function product
product:                                ; @product
; %bb.0:
	s_load_b64 s[0:1], s[0:1], 0x0
	v_mov_b32_e32 v0, 0
.LBB0_1:                                ; =>This Loop Header: Depth=1
	global_load_b128 v[4:7], v8, s[0:1]
.LBB0_2:                                ;   Parent Loop BB0_1 Depth=1
	ds_load_b128 v[12:15], v9
	v_dual_fmac_f32 v0, v12, v13 :: v_dual_fmac_f32 v1, v14, v15
	v_dual_fmac_f32 v2, v12, v13 :: v_dual_mov_b32 v3, v15
	v_fma_f32 v3, v14, v15, v3
	s_cbranch_scc1 .LBB0_2
; %bb.3:
	s_waitcnt vmcnt(0)
	ds_store_2addr_b32 v10, v4, v5 offset0:1 offset1:133
	s_barrier
	v_rcp_f32_e32 v4, v4
	s_cbranch_scc0 .LBB0_1
; %bb.4:
	global_store_b32 v8, v0, s[0:1]
	s_endpgm
	.section	.rodata,"a",@progbits
	.amdhsa_kernel product
	.end_amdhsa_kernel
                                        ; -- End function
; NumVgprs: 16
; ScratchSize: 8
; LDSByteSize: 4096 bytes/workgroup (compile time only)
; Occupancy: 12
    .vgpr_spill_count: 2
"""

NVIDIA_LOG = """ptxas info    : Compiling entry function 'product' for 'sm_80'
ptxas info    : Function properties for product
    64 bytes stack frame, 8 bytes spill stores, 4 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 4096 bytes smem, 480 bytes cmem[0]
"""
NVIDIA = """
.text.product:
        /*0000*/                   IMAD.MOV.U32 R1, RZ, RZ, c[0x0][0x28] ;
.L_x_1:
        /*0010*/              @!P0 LDG.E.128 R4, [R2.64] ;
        /*0020*/                   LDS.128 R8, [R0] ;
        /*0030*/                   FFMA R12, R8, R9, R12 ;
        /*0040*/                   FFMA R13, R8, R10, R13 ;
        /*0050*/                   STS [R0], R4 ;
        /*0060*/                   BAR.SYNC 0x0 ;
        /*0070*/                   ISETP.NE.AND P0, PT, R3, RZ, PT ;
        /*0080*/               @P0 BRA `(.L_x_1) ;
        /*0090*/                   MUFU.RCP R5, R5 ;
        /*00a0*/                   STL [R1], R5 ;
        /*00b0*/                   EXIT ;
.L_x_2:
        /*00c0*/                   BRA `(.L_x_2);
"""

PTX = """
.visible .entry product(
	.param .u64 product_param_0
)
.reqntid 64
{
	.shared .align 16 .b8 tile[4096];
	mov.u32 	%r1, %tid.x;
	and.b32  	%r2, %r1, 7;
	shl.b32 	%r3, %r2, SHIFT;
	mov.u64 	%rd1, tile;
	cvt.u64.u32 	%rd2, %r3;
	add.s64 	%rd3, %rd1, %rd2;
	ld.shared.v4.f32 	{%f1, %f2, %f3, %f4}, [%rd3+16];
	ld.global.u32 	%r4, [%rd9];
	cvt.u64.u32 	%rd4, %r4;
	st.shared.f32 	[%rd4], %f1;
	ret;
}
"""


class ReaderTests(unittest.TestCase):
    def test_amd(self):
        (kernel,) = amd.kernels(AMD)
        self.assertEqual((kernel.registers, kernel.local_bytes, kernel.scratch_bytes, kernel.spills, kernel.occupancy),
                         (16, 4096, 8, 2, 12))
        count, listing = kernel.product_step(16)  # four passes of the inner loop's four multiply-adds
        self.assertEqual(total(count, ["fma"]), 12)
        self.assertEqual(total(count, ["fma"], lambda _, dual: 1 + dual), 16)
        self.assertEqual(total(count, ["local load"]), 4)
        self.assertEqual(total(count, ["divide"]), 1)
        self.assertEqual(share_of(count, "local store", 64), 1)
        self.assertEqual(share_of(count, "global load", 128), 1)
        self.assertTrue(roofline.is_prefetched(listing))

    def test_call_is_unresolved(self):
        (kernel,) = amd.kernels(AMD.replace("v_rcp_f32_e32 v4, v4", "s_swappc_b64 s[30:31], s[4:5]"))
        self.assertEqual(len(kernel.unresolved), 1)

    def test_nvidia(self):
        (kernel,) = nvidia.kernels("sm_80", NVIDIA_LOG, NVIDIA)
        self.assertEqual((kernel.registers, kernel.local_bytes, kernel.scratch_bytes, kernel.spills), (40, 4096, 64, 3))
        count, _ = kernel.product_step(2)
        self.assertEqual(total(count, ["fma"]), 2)
        self.assertEqual(total(count, ["alu"]), 1)
        self.assertEqual(total(count, ["divide"]), 0)  # it is behind the loop
        nvidia.set_occupancy(kernel, "sm_80", 256)
        self.assertEqual(kernel.occupancy, 12)  # 65,536 registers / (40 * 256) = 6 groups of 8 warps on 4 partitions

    def test_inner_loops(self):
        (kernel,) = amd.kernels(AMD)
        count = kernel.inner_loops(1)
        self.assertEqual(total(count, ["fma"], lambda _, dual: 1 + dual), 4)
        self.assertEqual(total(count, ["global load"]), 0)  # it is in the loop around
        self.assertIsNone(kernel.inner_loops(100))

    def test_loads_that_wait_are_not_ahead(self):
        text = AMD.replace("	global_load_b128 v[4:7], v8, s[0:1]\n", "", 1).replace(
            "; %bb.3:\n", "; %bb.3:\n	global_load_b128 v[4:7], v8, s[0:1]\n")
        (kernel,) = amd.kernels(text)
        self.assertFalse(roofline.is_prefetched(kernel.product_step(16)[1]))


class BankTests(unittest.TestCase):
    def test_lane_addresses(self):
        body = banks.entry(PTX.replace("SHIFT", "4"), "product")
        self.assertEqual(banks.threads(body), (64, 1, 1))
        self.assertEqual(banks.accesses(body, (64, 1, 1)), [("local load", 128, 1), ("local store", 32, None)])

    def test_conflict_is_found(self):
        # Eight lanes 128 bytes apart all want the same four banks.
        body = banks.entry(PTX.replace("SHIFT", "7"), "product")
        self.assertEqual(banks.accesses(body, (64, 1, 1))[0], ("local load", 128, 8))

    def test_same_word_is_no_conflict(self):
        self.assertEqual(banks.conflict([64] * 32, 32), 1)
        self.assertEqual(banks.conflict([4 * 33 * lane for lane in range(32)], 32), 1)
        self.assertEqual(banks.conflict([4 * 32 * lane for lane in range(32)], 32), 32)


class TableTests(unittest.TestCase):
    row = dict.fromkeys(table.COLUMNS, 0) | {"fma": 97, "registers": 100, "conflict": 1, "occupancy": 8}

    def test_worse_figures_are_differences(self):
        key = ("MatmulTile.matmulTiles 128x8/8", "sm_80")
        self.assertEqual(table.differences({key: self.row}, {key: self.row}), [])
        self.assertEqual(len(table.differences({key: self.row}, {key: self.row | {"fma": 90}})), 1)
        self.assertEqual(len(table.differences({key: self.row}, {key: self.row | {"registers": 90}})), 0)
        self.assertEqual(len(table.differences({key: self.row}, {})), 1)
        self.assertEqual(len(table.differences({}, {key: self.row})), 1)

    def test_worst(self):
        worst = table.worst(self.row, self.row | {"fma": 80, "registers": 120, "tflops": None})
        self.assertEqual((worst["fma"], worst["registers"], worst["tflops"]), (80, 120, 0))

    def test_gates_and_exceptions(self):
        row = self.row | {"local_width": 128, "global_width": 32, "prefetch": 1, "divisions": 0, "spills": 1}
        failed = gates.failures("MatmulTile", "matmulTiles", "sm_80", row, 8)
        self.assertEqual(set(failed), {"spills", "global-width"})
        many = row | {"registers": 150}
        self.assertIn("registers", gates.failures("MatmulTile", "matmulTiles", "sm_80", many, 8, 256))
        self.assertNotIn("registers", gates.failures("MatmulTile", "matmulTiles", "sm_80", many, 8, 64))
        attention = gates.failures("AttentionTile", "attention_tiles", "sm_80", row | {"fma": 60, "local": 40000}, 0)
        self.assertEqual(set(attention), {"spills", "global-width", "multiply-adds", "local-memory"})
        steps = gates.failures("RecurrenceTile", "lstm_steps", "sm_80", row | {"occupancy": 3, "local": 20000}, 0)
        self.assertEqual(set(steps), {"spills", "global-width", "waves", "local-memory"})
        regions = gates.failures("RegionPooling", "region_pool", "sm_80", row | {"occupancy": 4}, 0)
        self.assertEqual(set(regions), {"spills", "waves", "registers"})
        excused = [("Matmul*", ["sm_80"], "global-width", "rows are not whole"), ("Other", ["*"], "spills", "none")]
        found = table.unexcused({("MatmulTile.matmulTiles", "sm_80"): failed}, excused)
        self.assertEqual(len(found), 2)  # the spills, and the exception that nothing needs


if __name__ == "__main__":
    unittest.main()
