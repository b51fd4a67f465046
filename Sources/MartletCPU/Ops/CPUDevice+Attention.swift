import CMartletCPU
import MartletCore

extension CPUDevice: AttentionOps {
    public func attention(
        _ q: View, _ k: View, _ v: View, mask: View?, keyLengths: View?, options: AttentionOptions, into y: View, logSum: View
    ) {
        guard begin(reading: [q, k, v] + [mask, keyLengths].compactMap { $0 }, writing: [y, logSum]) else { return }
        var plan = martlet_attention(q, k, v, mask: mask, keyLengths: keyLengths, options)
        plan.y = martlet_heads(y)
        plan.log_sum = logSum.floats
        let block = Int(martlet_attention_block(&plan))
        let tasks = q.shape[0] * q.shape[1] * ((q.shape[2] + block - 1) / block)
        run(&plan, tasks, scratch: martlet_attention_scratch(&plan), for: [y, logSum], martlet_attention_forward)
    }

    public func attentionGradient(
        _ dy: View, _ q: View, _ k: View, _ v: View, mask: View?, keyLengths: View?, options: AttentionOptions, y: View,
        logSum: View, into dq: View, dk: View, dv: View
    ) {
        let inputs = [dy, q, k, v, y, logSum] + [mask, keyLengths].compactMap { $0 }
        guard begin(reading: inputs, writing: [dq, dk, dv]) else { return }
        var plan = martlet_attention(q, k, v, mask: mask, keyLengths: keyLengths, options)
        plan.y = martlet_heads(y)
        plan.log_sum = logSum.floats
        plan.dy = martlet_heads(dy)
        plan.dq = martlet_heads(dq)
        plan.dk = martlet_heads(dk)
        plan.dv = martlet_heads(dv)
        run(
            &plan, k.shape[0] * k.shape[1], scratch: martlet_attention_gradient_scratch(&plan), for: [dq, dk, dv],
            martlet_attention_gradient)
    }

    private func run(
        _ plan: inout martlet_attention, _ tasks: Int, scratch floats: Int64, for outputs: [View],
        _ body: @convention(c) (UnsafePointer<martlet_attention>, Int64, UnsafeMutablePointer<Float>) -> Void
    ) {
        // Each worker's memory begins at a line of its own.
        let each = (Int(floats) + 15) / 16 * 16
        guard let scratch = scratch(floats: each * pool.threads, for: outputs) else { return }
        let base = scratch.pointer.assumingMemoryBound(to: Float.self)
        withUnsafePointer(to: plan) { plan in
            pool.run(tasks) { task, worker in body(plan, Int64(task), base + worker * each) }
        }
    }
}

extension martlet_heads {
    fileprivate init(_ view: View) {
        self.init(base: view.floats, step: (Int64(view.strides[0]), Int64(view.strides[1]), Int64(view.strides[2])))
    }
}

extension martlet_attention {
    fileprivate init(_ q: View, _ k: View, _ v: View, mask: View?, keyLengths: View?, _ options: AttentionOptions) {
        self.init()
        (batches, heads, queries, width) = (Int64(q.shape[0]), Int64(q.shape[1]), Int64(q.shape[2]), Int64(q.shape[3]))
        (key_heads, keys) = (Int64(k.shape[1]), Int64(k.shape[2]))
        scale = options.scale(width: q.shape[3])
        is_causal = options.causalOffset == nil ? 0 : 1
        causal_offset = Int64(options.causalOffset ?? 0)
        lengths = keyLengths.map { UnsafePointer($0.ints) }
        if let mask {
            mask_kind = Int32(mask.type == .float32 ? martlet_mask_added : martlet_mask_seen)
            self.mask = UnsafeRawPointer(mask.address)
            mask_step = (Int64(mask.strides[0]), Int64(mask.strides[1]), Int64(mask.strides[2]), Int64(mask.strides[3]))
        }
        kept = 1 - (options.dropout?.probability ?? 0)
        (seed, stream) = (options.dropout?.key.seed ?? 0, options.dropout?.key.stream ?? 0)
        self.q = martlet_heads(q)
        self.k = martlet_heads(k)
        self.v = martlet_heads(v)
    }
}
