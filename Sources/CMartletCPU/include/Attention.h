#ifndef MARTLET_ATTENTION_H
#define MARTLET_ATTENTION_H

#include <stdint.h>

// Attention that never stores the scores of all pairs: Dao et al., "FlashAttention", 2022.

/// Rows of heads: row i of head h in batch element b begins at base[b * step[0] + h * step[1] + i * step[2]].
typedef struct {
    float *_Nullable base;
    int64_t step[3];
} martlet_heads;

enum { martlet_mask_none, martlet_mask_added, martlet_mask_seen };

typedef struct {
    /// key_heads divides heads; neighbouring heads share one.
    int64_t batches, heads, key_heads, queries, keys, width;
    float scale;
    /// Whether query i sees the keys up to i + causal_offset only.
    int32_t is_causal;
    int64_t causal_offset;
    /// [batches], or null.
    const int32_t *_Nullable lengths;
    /// Float32 to be added, or int32 that are 0 where a key is not seen; steps by batch, head, query, key.
    int32_t mask_kind;
    const void *_Nullable mask;
    int64_t mask_step[4];
    /// The probability with which a weight stays; 1 for all.
    float kept;
    uint64_t seed, stream;
    martlet_heads q, k, v, y;
    /// The logarithm of the sum of each query's exponentials, [batches, heads, queries].
    float *_Nullable log_sum;
    /// The gradients; not looked at in the forward pass.
    martlet_heads dy, dq, dk, dv;
} martlet_attention;

/// Queries that a task of the forward pass takes.
int64_t martlet_attention_block(const martlet_attention *_Nonnull a);
/// Floats of scratch that a worker needs.
int64_t martlet_attention_scratch(const martlet_attention *_Nonnull a);
int64_t martlet_attention_gradient_scratch(const martlet_attention *_Nonnull a);

/// y and log_sum. A task is a block of queries of a head: (batch * heads + head) * blocks + block.
void martlet_attention_forward(const martlet_attention *_Nonnull a, int64_t task, float *_Nonnull scratch);
/// dq, dk and dv from dy, y and log_sum. A task is a head of keys: batch * key_heads + head.
void martlet_attention_gradient(const martlet_attention *_Nonnull a, int64_t task, float *_Nonnull scratch);

#endif
